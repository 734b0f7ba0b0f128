"""Recipes of tasks of words: each is quick, and its distinctive part is noticed."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import isogloss
from isogloss.settings import read_toml

RECIPES = Path(__file__).parents[2] / "recipes"
DEU, SPA, ITA, MIXED = "deu_Latn", "spa_Latn", "ita_Latn", "art_Latn"


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Run a recipe with few epochs for some targets; `changes`: of steps, by their names."""

    def run(name, *, epochs=8, targets=(), changes=None):
        monkeypatch.chdir(RECIPES.parent)
        source = read_toml(RECIPES / f"{name}.toml")
        assert source["name"] == name
        for step in source["steps"]:
            if step["use"] == "transfer.v1":
                step["tuning"]["epochs"] = epochs
                step["targets"] = list(targets) or step["targets"]
            step |= (changes or {}).get(step["name"], {})
        return isogloss.run(source, out=tmp_path / name)

    return run


def changes(run, measure, language):
    """What each strategy has over the first, by its name."""
    rows = run.scores.where(stage="change", measure=measure, language=language)
    return {row.strategy: row for row in rows if not row.settings.get("forgetting")}


def used(run, strategy, language):
    """What a strategy saw and cost."""
    [row] = run.scores.where(strategy=strategy, language=language, seed=0, stage=None,
                             measure=run.scores.where(stage="change")[0].measure)  # fmt: skip
    return row.settings


def value(run, strategy, measure, language):
    [row] = run.scores.where(strategy=strategy, language=language, seed=0, stage=None,
                             measure=measure)  # fmt: skip
    return row.value


@pytest.mark.parametrize("folder", ["trips", "mixed"])
def test_files_of_the_suite_are_those_that_its_script_makes(folder):
    spec = importlib.util.spec_from_file_location("make", RECIPES / folder / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, text in module.files().items():
        assert (RECIPES / folder / name).read_text(encoding="utf-8") == text, name


def test_multilingual_code_switching(quick):
    run = quick("MultiCS-IntentSlot", targets=["deu"])
    plain, switched = "zero_shot", "code_switch into=all share=0.5 copies=2"
    slots = [value(run, name, "slot_f1", DEU) for name in (plain, switched)]
    assert slots[1] > slots[0] + 0.15
    assert used(run, switched, DEU)["labels"] == {"train": {"eng_Latn": 96}}


def test_a_hidden_markov_model_of_projected_tags(quick):
    run = quick("ZeroPOS-HMM", targets=["deu"], epochs=6)
    found = changes(run, "word_accuracy", DEU)
    hmm, counts = (found[f"projected_hmm links=eflomal{more}"] for more in ("", " rounds=0"))
    assert hmm.low > 0 and hmm.value > found["zero_shot"].value + 0.2
    assert hmm.value != counts.value  # estimation does something
    about = used(run, "projected_hmm links=eflomal", DEU)
    assert about["parallel"] == {f"eng_Latn-{DEU}": 120} and "no label of deu" in about["rule"]


def test_sources_believed_as_far_as_they_are_worth(quick):
    run = quick("BEA-RaRe", epochs=4)
    bea, rare = "weighted", "ranked shots=10 best=2"
    assert value(run, bea, "f1", ITA) != value(run, "vote", "f1", ITA)
    assert (
        used(run, bea, ITA)["unlabelled"] == {ITA: 48} and not used(run, "vote", ITA)["unlabelled"]
    )
    about = used(run, rare, ITA)
    assert about["labels"] == {
        "train": {**dict.fromkeys(["eng_Latn", DEU, SPA], 96), ITA: 10}, "select": {ITA: 10},
    }  # fmt: skip
    assert about["unlabelled"] == {ITA: 96} and "WARNING" in about["rule"]
    assert "select" not in used(run, "few_shot shots=10 continued=True", ITA)["labels"]


def test_raw_text_labelled_through_the_source_and_back(quick):
    run = quick("CROP", epochs=4)
    own, crop = used(run, "self_training share=1.0", DEU), used(run, "crop", DEU)
    assert own["translations"]["texts"] == 0 and own["unlabelled"] == crop["unlabelled"]
    assert crop["unlabelled"] == {DEU: 96} and crop["translations"]["texts"] > 96
    assert value(run, "crop", "f1", DEU) != value(run, "self_training share=1.0", "f1", DEU)


def test_proposed_spans_are_few_and_the_judge_chooses(quick, monkeypatch):
    """Neither proposals that are all stretches nor the first for the best would go unnoticed."""
    from isogloss.task.projection.project import project
    from isogloss.task.strategies import projected

    done = {}

    def noted(examples, translations, **how):
        made, counts = project(examples, translations, **how)
        done[len(done)] = (examples, translations, how, made, counts)
        return made, counts

    monkeypatch.setattr(projected, "project", noted)
    run = quick("T-Projection", epochs=1, changes={"writer": {"steps": 60}})
    links, every, within, freely = (done[n] for n in range(4))
    assert "links" in links[2] and not every[4].get("proposals")
    found = [judged(one, one[2]["score"]) for one in (every, within, freely)]
    places = [asked for asked, _ in found]
    assert places[0] > 2 * places[1] > 0 and places[0] > 2 * places[2]
    absent = [one[4].get("proposals that are not in the translation", 0) / one[4]["proposals"]
              for one in (within, freely)]  # fmt: skip
    assert absent[0] < 0.5 * absent[1]
    assert found[1][1] > judged(within, first_is_best)[1] + 0.1
    told = used(run, "proposed", DEU)
    assert told["labels"] == {"train": {"eng_Latn": 96}}
    assert told["translations"]["texts"] == used(run, "every stretch", DEU)["translations"]["texts"]


def judged(done, score):
    """Stretches that a judge is asked of, and the share of spans put where the dictionary says."""
    from isogloss.task.projection.project import project
    from isogloss.task.spans import spans
    from isogloss.task.translate.read import read_translator

    examples, translations, how, *_ = done
    asked = 0

    def count(source, target, places):
        nonlocal asked
        asked += sum(map(len, places))
        return score(source, target, places)

    made, _ = project(examples, translations, **{**how, "score": count, "lost": "span"})
    known = {one: row for row, one in enumerate(examples.ids)}
    work = read_translator("lexicon:recipes/trips/eng-deu.tsv?eng=1&deu=2")
    right = total = 0
    for name, words, tags in zip(made.ids, made.column("words"), made.column("tags"), strict=True):
        row = known[name]
        source = examples.column("words")[row]
        gold = [(span.kind, " ".join(source[span.first : span.stop]))
                for span in spans(examples.column("tags")[row])]  # fmt: skip
        texts = work.translate([text for _, text in gold], "eng", "deu")
        wanted = {(kind, text) for (kind, _), text in zip(gold, texts, strict=True)}
        found = {(span.kind, " ".join(words[span.first : span.stop])) for span in spans(tags)}
        right, total = right + len(wanted & found), total + len(wanted)
    return asked, right / total


def first_is_best(source, target, places):
    return [np.tile(-np.arange(len(row)) * 1.0, (len(one.spans), 1))
            for one, row in zip(source, places, strict=True)]  # fmt: skip


def test_one_parser_of_several_treebanks(quick):
    run = quick("UDify", epochs=6)
    one, every = (used(run, f"zero_shot{more}", ITA)["labels"]["train"]
                  for more in (" sources=1", ""))  # fmt: skip
    assert one == {"eng_Latn": 96} and every == dict.fromkeys(["eng_Latn", DEU, SPA], 96)
    assert changes(run, "las", ITA)["zero_shot"].value > 0.02


def test_words_of_a_mixed_language_as_their_origin_says(quick):
    run = quick("Maltese-Etymology", epochs=6, changes={"upos": {"seeds": [0]}})
    names = ("by origin", "as it is", "all words", "by origin, with a dictionary")
    words = {name: used(run, name, MIXED).get("words", {}) for name in names}
    done = {name: {why.split()[1] for why in counts if why.endswith(": rewritten")}
            for name, counts in words.items()}  # fmt: skip
    assert done == {"by origin": {"german:"}, "as it is": set(), "all words": {"german:"},
                    "by origin, with a dictionary": {"german:", "italian:"}}  # fmt: skip
    german = "test, german: rewritten"
    assert len({sum(counts.values()) for counts in words.values() if counts}) == 1
    assert words["by origin"][german] < 0.7 * words["all words"][german]
    assert words["by origin"]["test, name: passed"] > 20
    assert value(run, "by origin", "word_accuracy", MIXED) > 0.05 + value(
        run, "as it is", "word_accuracy", MIXED
    )
    told = [used(run, name, MIXED)["labels"] for name in names]
    assert told == [{"train": {"deu_Geor": 96, "ita_Latn": 96}}] * 4  # one model, four questions
    assert len({value(run, name, "word_accuracy", MIXED) for name in names}) > 2
    assert any("held-out words" in note for note in run.provenance["notes"])


def test_entities_are_hidden_where_they_stand(quick):
    arms = ("ordinary", "as-many", "whole", "part")
    less = {"steps": 60, "keep": "model", "threads": 1, "tuning_rows": 20}
    run = quick(
        "EntityCS", targets=["deu"], epochs=4,
        changes={"pretrained": less, **dict.fromkeys(arms, less), "entities": {"seeds": [0]}},
    )  # fmt: skip
    ordinary, many, whole, part = (name_loss(run.folder / "files" / arm / "model") for arm in arms)
    assert whole < many - 0.1 and part < ordinary - 0.05  # the arms differ in the masks alone
    systems = {row.strategy: row.system for row in run.scores.where(measure="f1", seed=0)}
    assert sorted(systems.values()) == sorted([*arms, "pretrained"])
    found = [value(run, name, "f1", DEU) for name in systems]
    assert len(set(found)) > 2  # they began from models of their own
    assert changes(run, "f1", DEU).keys() == systems.keys() - {"ordinary masks"}
    told = run.provenance["notes"]
    assert "whole: trips: 900 phrases switched in 400 texts of eng_Latn" in told
    assert "whole: raw: 900 names in 400 texts of eng_Latn" in told  # all of them, and no others


def name_loss(model):
    """The mean loss of pieces of names that are wholly hidden, in text that is switched anew."""
    import torch

    from isogloss.encode.folder import open_folder
    from isogloss.encode.weights import load_tokenizer
    from isogloss.train.batch import spots
    from isogloss.train.material import Material
    from isogloss.train.mixtures.entities import entities
    from isogloss.train.readers import words
    from isogloss.train.transforms.switch import switch_entities
    from isogloss.vocabulary.trim import untruncated

    files = {tag: RECIPES / "trips" / f"names-{tag}.tsv" for tag in ("deu", "spa")}
    corpus = isogloss.read_corpus(RECIPES / "trips" / "{language}.raw.txt", languages=["eng"])
    text = switch_entities(corpus, "eng_Latn", np.random.default_rng(9), lexicons=files)
    wrapper = load_tokenizer(open_folder(model, "model"))
    tokenizer = untruncated(wrapper.backend_tokenizer)
    mask = wrapper.mask_token_id
    material = Material({"t": text}, tokenizer, wrapper.all_special_ids, mask, "eng_Latn", [], 60)
    mixture = entities(material, text="t", names=tuple(files.values()), masks="wep",
                       chosen=0.5, share=0.0, batch=120)  # fmt: skip
    batch, body = mixture.batch(0, 0), words(model, tokenizer).eval()
    with torch.no_grad():
        logits = body(batch, ("logits",))["logits"]
    asked = spots(batch)
    losses = torch.nn.functional.cross_entropy(logits, batch["gold"][asked], reduction="none")
    return float(losses[batch["ids"][asked] == mask].mean())
