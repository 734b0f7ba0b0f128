"""Recipes of translators that a run teaches itself: quick, and what is distinctive is noticed."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

import isogloss
from isogloss.errors import UsageError
from isogloss.recipe.told import read_told
from isogloss.recipe.transfer_step import Transfer
from isogloss.settings import read_toml
from isogloss.task.projection import constrained
from isogloss.task.translate.local import LocalTranslator

pytest.importorskip("sacrebleu", reason="needs pip install isogloss[translate]")
RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = {"width": 32, "layers": 1, "heads": 2, "size": 500}
TASK = "recipes/trips/trips.toml"


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """Run a recipe on the first sentences of each file; `changes` are settings of its steps."""
    folder = tmp_path_factory.mktemp("translated")
    data = folder / "trips"
    data.mkdir()
    shutil.copy(RECIPES / "trips" / "trips.toml", data)
    kept = {"pairs.train": 60, "pairs.test": 12, "marked": 180, "raw": 40}
    for name, lines in kept.items():
        for file in (RECIPES / "trips").glob(f"*.{name}.txt"):
            text = file.read_text(encoding="utf-8").splitlines(keepends=True)
            (data / file.name).write_text("".join(text[:lines]), encoding="utf-8")
    for file in (RECIPES / "trips").glob("*.conllu"):
        sentences = file.read_text(encoding="utf-8").split("\n\n")[:2]
        (data / file.name).write_text("\n\n".join(sentences) + "\n\n", encoding="utf-8")

    def run(name, changes):
        recipe = read_toml(RECIPES / f"{name}.toml")
        assert recipe["name"] == name
        for text in recipe["text"].values():
            text["path"] = text["path"].replace("recipes/trips", str(data))
        for step in recipe["steps"]:
            if step["use"] == "transfer.v1":
                step["suite"] = step["suite"].replace(TASK, str(data / "trips.toml"))
                step["data"] = str(data)
            step |= changes.get(step["name"], {})
        return isogloss.run(recipe, out=folder / name), data

    return run


def score(run, measure, language, **about):
    [row] = run.scores.where(measure=measure, language=language, stage=None, seed=0, **about)
    return row


@pytest.fixture(scope="module")
def gnmt(short):
    tuning = {"epochs": 22, "batch": 32, "learning_rate": 5e-3, "threads": 1}
    told = {"targets": ["deu-spa", "eng-deu", "eng-spa"], "tuning": tuning,
            "source": ["eng-deu", "deu-eng", "eng-spa", "spa-eng"]}  # fmt: skip
    plain = {"targets": ["eng-deu", "eng-spa"], "tuning": {**tuning, "epochs": 1}}
    return short("GNMT-ZeroShot", {"drawn": SMALL, "told": told, "not told": plain})


def test_without_the_token_both_languages_get_the_same_text(gnmt):
    run, _ = gnmt
    said = {(one.task, one.language): one.values
            for one in read_told(run.folder) if one.strategy == "zero_shot"}  # fmt: skip
    pairs = [(task, "eng_Latn-deu_Latn", "eng_Latn-spa_Latn")
             for task in ("untagged", "translation")]  # fmt: skip
    alike = [said[task, one] == said[task, other] for task, one, other in pairs]
    assert alike == [True, False]
    shares = [[score(run, "on_target", tag, task=task, strategy="zero_shot").value for tag in tags]
              for task, *tags in pairs]  # fmt: skip
    assert sum(shares[0]) <= 1 < sum(shares[1])
    row = score(run, "on_target", pairs[1][1], task="translation", strategy="zero_shot")
    assert row.settings["on_target_of_gold"] == 1 and "identifier" in row.settings["by"]


def test_a_comparison_scores_as_the_runs_did(gnmt, tmp_path):
    run, _ = gnmt
    again = shutil.copytree(run.folder, tmp_path / "again")
    made = isogloss.compare(run.folder, again, strategies=["zero_shot"], out=tmp_path / "both")
    for task in ("untagged", "translation"):
        for tag in ("eng_Latn-deu_Latn", "eng_Latn-spa_Latn"):
            own = score(run, "on_target", tag, task=task, strategy="zero_shot").value
            rows = made.scores.where(measure="on_target", language=tag, task=task, stage=None)
            assert len(rows) == 2 and {row.value for row in rows} == {own}


def test_what_was_trained_is_told_from_what_was_not(gnmt):
    run, _ = gnmt
    rules = {tag: score(run, "chrf", tag, task="translation", strategy="zero_shot").settings
             for tag in ("deu_Latn-spa_Latn", "eng_Latn-spa_Latn")}  # fmt: skip
    unseen, seen = rules.values()
    assert "no label of deu_Latn-spa_Latn was seen" in unseen["rule"]
    assert "no label" not in seen["rule"] and seen["target_labels"] == 60
    assert unseen["signature"].startswith("nrefs:1") and len(unseen["labels"]["train"]) == 4


def test_bridging_goes_through_english(gnmt):
    run, data = gnmt
    said = {(one.strategy, one.language): one.values for one in read_told(run.folder)
            if one.task == "translation"}  # fmt: skip
    trained, unseen = "eng_Latn-spa_Latn", "deu_Latn-spa_Latn"
    bridge = "bridged through=eng"
    assert said[bridge, trained] == said["zero_shot", trained]
    translator = LocalTranslator(run.folder / "files" / "told" / "zero_shot", longest=48)
    texts = (data / "deu.pairs.test.txt").read_text(encoding="utf-8").splitlines()
    halfway = translator.translate(texts, "deu", "eng")
    assert translator.translate(halfway, "eng", "spa") == said[bridge, unseen]
    assert translator.translate(texts, "deu", "spa") == said["zero_shot", unseen]


def test_a_step_may_translate_by_what_an_earlier_one_kept(gnmt, tmp_path):
    run, data = gnmt
    source, made = run.folder / "files" / "told" / "zero_shot", tmp_path / "told" / "files"
    shutil.copytree(source, made / "zero_shot")
    step = Transfer(
        name="entities", use="transfer.v1", suite=str(data / "trips.toml") + ":entities",
        data=str(data), source=["eng"], strategies=[{"use": "translate_train.v1"}],
        translated_by="told",
    )  # fmt: skip
    assert step.needs()["translated_by"] == "told" and not step.check({})
    assert step.check({"told": step}) == [
        "translated_by: 'entities' is no transfer.v1 with keep = true"
    ]
    place = SimpleNamespace(done={"told": tmp_path / "told"})
    texts = (data / "deu.pairs.test.txt").read_text(encoding="utf-8").splitlines()
    kept = LocalTranslator(source)
    used = step._made_here(place)
    assert used.name == "told" and used.fingerprint == kept.fingerprint
    assert used.translate(texts[:3], "deu", "eng") == kept.translate(texts[:3], "deu", "eng")
    shutil.copytree(source, made / "other")
    with pytest.raises(UsageError, match="told kept 2 models, and one is to translate"):
        step._made_here(place)


def test_a_kept_translator_is_evaluated_and_is_loaded_by_transformers(gnmt, tmp_path):
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    run, data = gnmt
    folder = run.folder / "files" / "told" / "zero_shot"
    again = isogloss.evaluate(
        folder, suites=[str(data / "trips.toml")], data=str(data), out=tmp_path / "worth",
        languages=["eng-deu", "deu-spa"], tasks=["translation"], mteb=tmp_path / "mteb",
    )  # fmt: skip
    for tag in ("eng_Latn-deu_Latn", "deu_Latn-spa_Latn"):
        for measure in ("chrf", "bleu", "on_target"):
            before = score(run, measure, tag, task="translation", strategy="zero_shot")
            [after] = again.scores.where(measure=measure, language=tag)
            assert after.value == before.value and after.n == 12
            assert after.settings["to"] == tag[-8:]
    model = AutoModelForSeq2SeqLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = (data / "eng.pairs.test.txt").read_text(encoding="utf-8").splitlines()[0]
    given = tokenizer(f"<2deu_Latn> {text}", return_tensors="pt")
    made = model.generate(input_ids=given.input_ids, attention_mask=given.attention_mask)
    [told] = tokenizer.batch_decode(made, skip_special_tokens=True)
    assert LocalTranslator(folder).translate([text], "eng", "deu") == [told.strip()]


def test_marks_are_put_into_the_translation_as_it_is(short, monkeypatch):
    plain, put = constrained.insert, []

    def insert(tokens, marks, *more, **how):
        made = plain(tokens, marks, *more, **how)
        put.append((len(marks), len(tokens), [one.places for one in made.found]))
        return made

    monkeypatch.setattr(constrained, "insert", insert)
    rounds = {"epochs": 16, "batch": 32, "learning_rate": 5e-3, "threads": 1}
    through = {"use": "projected.v1", "through": "translation"}
    ways = [{"use": "zero_shot.v1"}, {**through, "carry": "codec", "calls": 400}]
    run, _ = short("Codec-LabelProjection", {
        "drawn translator": SMALL, "drawn": {"size": 300, "width": 16},
        "translator": {"source": ["eng-deu"], "targets": ["eng-deu"], "tuning": rounds},
        "entities": {"tuning": {"epochs": 1, "threads": 1}, "strategies": ways},
    })  # fmt: skip
    assert put and all(marks == 1 for marks, _, _ in put)  # each span alone
    for _, tokens, found in put:
        assert all(0 <= first < stop <= tokens for [(first, stop)] in found) and found
    rows = {row.strategy: row for row in run.scores.where(measure="f1", seed=0, stage=None)}
    codec = rows["projected through=translation carry=codec calls=400"]
    # A translator that has hardly learned loses most marks that it is to translate, and none here.
    assert not any("mark" in why for why in codec.dropped)
    assert codec.settings["translations"]["texts"] == 2
