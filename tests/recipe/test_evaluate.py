"""A finished model on suites: what it says again, what is refused, and what is left for others."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import isogloss
from isogloss.cli.main import app
from isogloss.errors import ModelError, SettingsError, UnknownLanguage, UsageError
from isogloss.recipe.trained_on import has_read, trained_on
from isogloss.task.mteb import read_mteb
from isogloss.task.suites import read_suite

SUITE = """
name = "kinds"
title = "Kinds of words"
citation = "Nobody (2026)"
licence = "CC0"
notes = ["The words were drawn at random."]

[[tasks]]
name = "kind"
use = "classify.v1"
metric = "accuracy"
path = "kinds/{language}.{split}.tsv"
splits = { train = "train", test = "test" }
n_way = true

[[tasks]]
name = "alike"
use = "similarity.v1"
metric = "spearman"
path = "alike/{language}.tsv"
options = { text = "text", second = "second", score = "score" }
splits = { test = "test" }

[[tasks]]
name = "words"
use = "retrieve.v1"
metric = "precision@1"
path = "words/text.{languages}.txt"
splits = { test = "test" }
to = "eng"
n_way = true
"""
SIDES = {"eng": "s", "deu": "t", "fra": "t"}


def rows(side, n, seed):
    """Texts of three words, of the first or the second fifty."""
    rng = np.random.default_rng(seed)
    for i in range(n):
        label = ("low", "high")[i % 2]
        words = " ".join(f"{side}{50 * (i % 2) + int(k)}" for k in rng.integers(0, 50, 3))
        yield f"{i}\t{words}\t{label}"


@pytest.fixture
def place(tmp_path):
    def write(name, lines):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    rng = np.random.default_rng(1)
    draws = rng.integers(0, 100, (30, 2))
    for tag, side in SIDES.items():
        for seed, (split, n) in enumerate((("train", 80), ("test", 20))):
            write(f"kinds/{tag}.{split}.tsv", ["id\ttext\tlabel", *rows(side, n, seed)])
        pairs = [f"{side}{a}\t{side}{a if i % 2 else b}\t{i % 2}.5"
                 for i, (a, b) in enumerate(draws)]  # fmt: skip
        write(f"alike/{tag}.tsv", ["text\tsecond\tscore", *pairs])
        write(f"words/text.{tag}.txt", [f"{side}{i}" for i in range(40)])
    write("kinds.toml", SUITE.splitlines())
    return tmp_path


@pytest.fixture
def taught(place, bilingual):
    """A probe that knows `kind`, as `transfer` leaves it."""
    run = isogloss.transfer(
        bilingual, train=f"{place}/kinds.toml:kind/eng", languages=["deu"], seeds=[0],
        learner="probe", keep=True, data=str(place), out=place / "transfer",
    )  # fmt: skip
    return run.folder / "files" / "transfer" / "zero_shot"


def evaluate(model, place, name="worth", **how):
    return isogloss.evaluate(
        model, suites=[f"{place}/kinds.toml"], data=str(place), out=place / name, **how
    )


def test_a_probe_says_what_it_said_when_it_was_taught(place, taught):
    run = evaluate(taught, place, languages=["deu", "fra"], mteb=place / "mteb")
    told = isogloss.open_run(place / "transfer").scores
    [then] = told.where(measure="accuracy", seed=0, language="deu_Latn", stage=None)
    now = run.scores.one(measure="accuracy", language="deu_Latn")
    assert now.value == then.value > 0.7 and (now.low, now.high) == (then.low, then.high)
    assert (now.dataset, now.task, now.strategy, now.seed) == ("kinds", "kind", None, 0)
    assert now.settings["split"] == "test" and now.n == 20
    mean = run.scores.one(measure="accuracy", language=None)
    each = [run.scores.one(measure="accuracy", language=tag).value
            for tag in ("deu_Latn", "fra_Latn")]  # fmt: skip
    assert mean.value == pytest.approx(np.mean(each)) and mean.low <= mean.value <= mean.high
    assert mean.settings["languages"] == ["deu_Latn", "fra_Latn"] and mean.n == 40
    assert "The words were drawn at random." in run.provenance["notes"]
    page = run.report.read_text(encoding="utf-8")
    assert "kind of kinds: accuracy" in page and "best in" in page
    back = read_mteb(place / "mteb")
    assert {(one.language, one.measure) for one in back} == {
        (tag, measure) for tag in ("deu_Latn", "fra_Latn") for measure in ("accuracy", "macro_f1")
    }


def test_a_tuned_model_says_what_it_said_when_it_was_taught(place, tiny_body):
    then = isogloss.transfer(
        tiny_body, train=f"{place}/kinds.toml:kind/eng", languages=["deu"], seeds=[0],
        tuning={"epochs": 0.2, "batch": 16}, keep=True, data=str(place), out=place / "transfer",
    )  # fmt: skip
    run = evaluate(then.folder / "files" / "transfer" / "zero_shot", place, languages=["deu"])
    where = {"measure": "macro_f1", "language": "deu_Latn"}
    assert run.scores.one(**where).value == then.scores.where(seed=0, stage=None, **where)[0].value
    assert {one.language for one in run.scores} == {"deu_Latn"}


def test_the_command_prints_a_table_a_task(place, bilingual):
    said = CliRunner().invoke(app, [
        "evaluate", str(bilingual), "--suite", f"{place}/kinds.toml", "--data", str(place),
        "--languages", "deu,fra", "--out", f"{place}/worth",
    ])  # fmt: skip
    assert said.exit_code == 0, said.output
    assert "alike of kinds" in said.output and "words of kinds" in said.output
    assert "German (deu_Latn)" in said.output and "mean of 2" in said.output
    assert "isogloss: The words were drawn at random." in said.output
    assert isogloss.open_run(place / "worth").scores


def test_an_encoder_tells_what_vectors_solve(place, bilingual):
    run = evaluate(bilingual, place)
    found = run.scores
    assert {one.task for one in found} == {"alike", "words"}
    assert found.one(task="alike", measure="spearman", language="deu_Latn").value > 0.6
    for tag in ("deu_Latn", "fra_Latn"):
        row = found.one(task="words", measure="precision@1", language=tag)
        assert row.value > 0.8 and row.pivot == "eng_Latn" and row.n == 40
    spearman = found.where(measure="spearman", language=None)
    assert [len(one.settings["languages"]) for one in spearman] == [3, 2]  # all, and those of both
    assert spearman[1].settings["languages"] == ["deu_Latn", "fra_Latn"]


LINKED = """
name = "linked"
title = "Words"
citation = "Nobody (2026)"
licence = "CC0"

[[tasks]]
name = "near"
use = "links.v1"
metric = "alignment_f1"
path = "linked/en-{language}.tsv"
splits = { test = "test" }
to = "eng"

[[tasks]]
name = "far"
use = "links.v1"
metric = "alignment_f1"
path = "linked/eng-{language}.gold.tsv"
splits = { test = "test" }
to = "eng"

[[tasks]]
name = "next"
use = "choices.v1"
metric = "accuracy"
path = "linked/{language}.choices.jsonl"
splits = { test = "test" }
"""


@pytest.fixture
def linked(tmp_path):
    """Links in two languages, one task of which has one alone, and choices."""
    folder = tmp_path / "linked"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("en-deu.tsv", "en-fra.tsv", "eng-deu.gold.tsv"):
        lines = ["source\ttarget\tsure\tpossible"]
        for _ in range(8):
            words, order = rng.choice(40, 4, replace=False), rng.permutation(4)
            target = " ".join(f"t{words[i]}" for i in order)
            links = " ".join(f"{i}-{j}" for j, i in enumerate(order))
            lines.append(" ".join(f"s{i}" for i in words) + f"\t{target}\t{links}\t")
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = [{"id": str(i), "text": "the face of a", "choices": ["cat", "small grey mouse"],
             "label": i % 2} for i in range(6)]  # fmt: skip
    text = "\n".join(json.dumps(row) for row in rows)
    for tag in ("deu", "fra"):
        (folder / f"{tag}.choices.jsonl").write_text(text + "\n", encoding="utf-8")
    (tmp_path / "linked.toml").write_text(LINKED, encoding="utf-8")
    return tmp_path


def of_linked(model, linked, name="worth", **how):
    return isogloss.evaluate(
        model, suites=[f"{linked}/linked.toml"], data=str(linked), out=linked / name, **how
    )


def test_links_between_words_are_found_by_vectors_and_scored(linked, bilingual):
    run = of_linked(bilingual, linked, languages=["deu", "fra"])
    found = run.scores.one(task="near", measure="alignment_f1", language="deu_Latn")
    assert found.value > 0.9 and found.pivot == "eng_Latn" and found.n == 8
    error = run.scores.one(task="near", measure="alignment_aer", language="deu_Latn")
    assert error.value == pytest.approx(1 - found.value)  # all gold links are sure
    notes = run.provenance["notes"]
    assert "linked has no far of fra" in notes
    assert any(note.startswith("WARNING: linked next: only a transformer") for note in notes)
    assert {one.task for one in run.scores} == {"near", "far"}
    with pytest.raises(UnknownLanguage):
        of_linked(bilingual, linked, "other", languages=["deu", "hau"])
    turned = of_linked(bilingual, linked, "forward", languages=["fra"], tasks=["near"],
                       links="union")  # fmt: skip
    plain = run.scores.one(task="near", measure="alignment_precision", language="fra_Latn")
    other = turned.scores.one(task="near", measure="alignment_precision", language="fra_Latn")
    assert other.value <= plain.value


def test_a_decoder_tells_choices_untaught_and_by_the_length_it_is_told(linked, model_folder):
    from isogloss.encode.folder import open_folder
    from isogloss.task.choosing import By, open_chooser
    from isogloss.task.suites import read_suite

    path = model_folder("gpt2")
    test = read_suite(linked / "linked.toml").examples("next", "deu", "test", data=linked)
    for unit in ("sum", "byte"):
        run = of_linked(path, linked, unit, tasks=["next"], choices={"unit": unit, "against": ""})
        said = open_chooser(open_folder(path, "x"), By(unit=unit, against="")).tell(test)
        right = np.mean([a == b for a, b in zip(said.values, test.column("label"), strict=True)])
        assert run.scores.one(language="deu_Latn").value == pytest.approx(right)


def test_a_model_without_a_language_head_is_refused_where_choices_are_all(linked, bilingual):
    with pytest.raises(ModelError, match="only a transformer"):
        of_linked(bilingual, linked, tasks=["next"])


def test_what_cannot_be_evaluated_is_said(place, bilingual, taught):
    with pytest.raises(UsageError, match=r"alone does not tell kinds kind \(classify.v1\)"):
        evaluate(bilingual, place, tasks=["kind"])
    with pytest.raises(UsageError, match=r"no task is called colour.*\n.*kinds words"):
        evaluate(bilingual, place, tasks=["colour"])
    with pytest.raises(UsageError, match=r"there is no dev of kinds kind.*\n.*test"):
        evaluate(bilingual, place, split="dev")
    with pytest.raises(UsageError, match=r"was taught classify.v1, and there is masakhaner2 ent"):
        isogloss.evaluate(taught, suites=["masakhaner2"], data=str(place), out=place / "ner")
    with pytest.raises(UnknownLanguage):
        evaluate(taught, place, languages=["hau"])


def test_a_probe_of_another_encoder_is_refused(place, taught):
    about = json.loads((taught / "task" / "task.json").read_text())
    assert about["task"] == "classify.v1"
    (taught / "task" / "task.json").write_text(
        json.dumps({**about, "encoder_fingerprint": "0" * 16})
    )
    with pytest.raises(ModelError, match="taught on the vectors of"):
        evaluate(taught, place)


def test_labels_that_the_model_has_not_seen_are_told(place, taught):
    file = place / "kinds" / "deu.test.tsv"
    file.write_text(file.read_text() + "20\tt1 t2 t3\tmiddle\n")
    notes = evaluate(taught, place, languages=["deu"]).provenance["notes"]
    assert any(note.startswith("WARNING: deu_Latn: the model knows no middle") for note in notes)


def test_any_number_of_labels_is_looked_at_too():
    from types import SimpleNamespace

    import labelled
    from isogloss.recipe.evaluate_step import _warn_of_new_labels

    place, solver = SimpleNamespace(notes=[]), SimpleNamespace(classes={"labels": ["fruit"]})
    _warn_of_new_labels(solver, labelled.several(20), place)
    assert place.notes == ["WARNING: eng_Latn: the model knows no beast, so examples of these are "
                           "told wrong"]  # fmt: skip


def test_no_retrieval_is_scored_on_text_that_the_model_was_trained_on(place, bilingual):
    def trained(path, held):
        text = {"parallel": {"path": path}, "held_out": {"path": held}}
        steps = [
            {"use": "measure.v1", "text": "held_out"},
            {"use": "distil.v1", "text": "parallel"},
        ]
        made = {"recipe": {"model": str(bilingual), "text": text, "steps": steps}}
        (place / "provenance.json").write_text(json.dumps(made))

    model = place / "model"
    model.symlink_to(bilingual)
    trained("/data/nllb_seed", "/data/kinds")
    assert trained_on(model) == {"/data/nllb_seed"}
    trained("/data/kinds/text.txt", "/data/other")
    assert trained_on(model) == {"/data/kinds/text.txt"}
    run = evaluate(model, place)
    assert {one.task for one in run.scores} == {"alike"}
    warned = [note for note in run.provenance["notes"] if note.startswith("WARNING")]
    assert any("no score of words is given" in note for note in warned)
    with pytest.raises(UsageError, match="no score is left to give"):
        evaluate(model, place, "other", tasks=["words"])


def test_the_text_of_flores_goes_by_several_names():
    suite = read_suite("sib200")
    found = has_read(suite, {"data/flores200", "data/sib200/deu", "data/nllb_seed", "sib2000"})
    assert found == ["data/flores200", "data/sib200/deu"]


def test_another_text_to_find_is_another_run(place, bilingual):
    before = evaluate(bilingual, place, tasks=["words"], languages=["deu"])
    file = place / "words" / "text.eng.txt"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[20:], *lines[:20]]) + "\n")
    after = evaluate(bilingual, place, "again", tasks=["words"], languages=["deu"])
    values = [one.scores.one(measure="precision@1", language="deu_Latn").value
              for one in (before, after)]  # fmt: skip
    assert values[0] > 0.8 and values[1] < 0.2


def test_the_run_of_a_model_that_was_kept_for_a_language_is_found(place):
    recipe = {"text": {"p": {"path": "/data/ntrex128"}},
              "steps": [{"use": "transfer.v1", "parallel": "p"}]}  # fmt: skip
    (place / "provenance.json").write_text(json.dumps({"recipe": recipe}))
    model = place / "files" / "transfer" / "projected" / "hau_Latn"
    assert trained_on(model) == {"/data/ntrex128"}


@pytest.fixture
def words(place):
    """A dictionary of the English words and the German ones."""
    file = place / "words.tsv"
    file.write_text("".join(f"s{i}\tt{i}\n" for i in range(100)), encoding="utf-8")
    return f"lexicon:{file}?eng=1&deu=2"


def test_a_gap_to_the_machines_version_is_where_people_translated_wrongly(place, taught, words):
    file = place / "kinds" / "deu.test.tsv"
    english = (place / "kinds" / "eng.test.tsv").read_text(encoding="utf-8").replace("\ts", "\tt")
    sound = english.replace(" s", " t")
    file.write_text(sound, encoding="utf-8")
    asked = {"languages": ["deu"], "translator": words}
    same = evaluate(taught, place, "same", **asked).scores.one(measure="translation_gap")
    assert same.value == 0 and same.settings["p"] == 1 and same.n == 20
    head, *lines = sound.splitlines()
    cells = [line.split("\t") for line in lines]
    texts = [one[1] for one in cells]  # labels alternate: each of the first six gets another's
    turned = [*texts[1:6], texts[0], *texts[6:]]
    wrong = ["\t".join((one[0], text, one[2])) for one, text in zip(cells, turned, strict=True)]
    file.write_text("\n".join([head, *wrong]) + "\n", encoding="utf-8")
    run = evaluate(taught, place, "wrong", **asked)
    row = run.scores.one(measure="translation_gap")
    place_of = (row.language, row.pivot, row.dataset, row.task)
    assert place_of == ("deu_Latn", "eng_Latn", "kinds", "kind") and row.value > 0.15
    accuracy = run.scores.one(measure="accuracy", language="deu_Latn")
    assert row.settings["human"] == accuracy.value and row.settings["of"] == "accuracy"
    listed = (run.folder / "files/gap-kind/deu_Latn.tsv").read_text(encoding="utf-8").splitlines()
    found = {line.split("\t")[1] for line in listed if line.startswith("machine only\t")}
    assert len(listed) == 21 and found and found <= {str(i) for i in range(6)}


def test_a_gap_is_of_the_suites_measure_where_that_is_no_mean_over_examples(place, taught, words):
    (place / "kinds.toml").write_text(SUITE.replace('"accuracy"', '"macro_f1"'), encoding="utf-8")
    english = (place / "kinds" / "eng.test.tsv").read_text(encoding="utf-8").splitlines()
    cells = [line.replace("\ts", "\tt").replace(" s", " t").split("\t") for line in english]
    for row in (1, 3, 5):  # of one label alone, so that accuracy is another number
        cells[row][1] = cells[row + 1][1]
    text = "\n".join("\t".join(one) for one in cells) + "\n"
    (place / "kinds" / "deu.test.tsv").write_text(text, encoding="utf-8")
    run = evaluate(taught, place, languages=["deu"], translator=words)
    row = run.scores.one(measure="translation_gap")
    by = {name: run.scores.one(measure=name, language="deu_Latn").value
          for name in ("accuracy", "macro_f1")}  # fmt: skip
    assert row.settings["of"] == "macro_f1" and by["macro_f1"] != by["accuracy"]
    assert row.settings["human"] == pytest.approx(by["macro_f1"])
    assert row.value == pytest.approx(row.settings["machine"] - by["macro_f1"]) and row.value > 0.05
    listed = (run.folder / "files/gap-kind/deu_Latn.tsv").read_text(encoding="utf-8").splitlines()
    found = {line.split("\t")[1] for line in listed if line.startswith("machine only\t")}
    assert found and found <= {"0", "2", "4"}


def test_a_gap_is_asked_with_the_settings_of_the_suite(place, taught, words, monkeypatch):
    from isogloss.task import evaluate as module

    own = '"accuracy"\nsettings = { factor = 3.0 }'
    (place / "kinds.toml").write_text(SUITE.replace('"accuracy"', own), encoding="utf-8")
    asked, plain = [], module.evaluate

    def noted(solver, task, *given, **how):
        asked.append(task.factor)
        return plain(solver, task, *given, **how)

    monkeypatch.setattr(module, "evaluate", noted)
    evaluate(taught, place, languages=["deu"], translator=words)
    assert set(asked) == {3.0}


def test_a_machines_version_is_of_what_was_taught(place, bilingual, taught, words):
    with pytest.raises(UsageError, match="a model that was taught a task"):
        evaluate(bilingual, place, translator=words)
    with pytest.raises(UsageError, match="no dictionary from eng_Latn to fra_Latn"):
        evaluate(taught, place, languages=["fra"], translator=words)


def test_the_command_tells_the_gap(place, taught, words):
    said = CliRunner().invoke(app, [
        "evaluate", str(taught), "--suite", f"{place}/kinds.toml", "--data", str(place),
        "--languages", "deu", "--translator", words, "--out", f"{place}/gap",
    ])  # fmt: skip
    assert said.exit_code == 0, said.output
    assert isogloss.open_run(place / "gap").scores.one(measure="translation_gap")


def gap_step(place, **changes):
    return {
        "name": "gaps", "model": "all-MiniLM-L6-v2", "steps": [
            {"use": "translation_gap.v1", "name": "gaps", "suite": f"{place}/kinds.toml:kind",
             "data": str(place), "translator": "lexicon:none", **changes}
        ],
    }  # fmt: skip


def test_a_gap_is_asked_of_one_model_that_was_kept(place):
    from isogloss.recipe.recipe import read_recipe

    with pytest.raises(SettingsError, match="either solver or taught_by"):
        read_recipe(gap_step(place))
    with pytest.raises(SettingsError, match="nothing earlier is called"):
        read_recipe(gap_step(place, taught_by="taught"))
    recipe = gap_step(place, taught_by="taught")
    taught = {"use": "transfer.v1", "name": "taught", "suite": "sib200", "source": ["eng"]}
    recipe["steps"].insert(0, taught)
    with pytest.raises(SettingsError, match=r"no transfer\.v1 with keep"):
        read_recipe(recipe)


@pytest.fixture
def ranker(tiny_body, tmp_path):
    """A model with the head of late interaction beside it."""
    import shutil
    from pathlib import Path

    import torch

    from isogloss.encode import load_encoder
    from isogloss.train.objectives.late_interaction import LateInteraction
    from isogloss.train.readers import sentences

    folder = tmp_path / "ranker"
    shutil.copytree(tiny_body, folder)
    head = LateInteraction(dimensions=8)
    head.begin(sentences(Path(folder), load_encoder(str(folder)).reader.tokenizer))
    with torch.no_grad():
        head.project.weight.normal_()
    head.save(folder)
    return folder


def test_a_head_that_was_trained_beside_a_model_finds(place, ranker):
    said = CliRunner().invoke(app, [
        "evaluate", str(ranker), "--suite", f"{place}/kinds.toml", "--data", str(place), "--task",
        "words", "--languages", "deu", "--find", "late", "--out", f"{place}/late",
    ])  # fmt: skip
    assert said.exit_code == 0, said.output
    row = isogloss.open_run(place / "late").scores.one(measure="precision@1")
    assert row.system.endswith("by late interaction") and row.settings["find"]["by"] == "late"
    assert row.settings["costs"]["passages"] == 40 and row.settings["costs"]["index_bytes"] > 0
    plain = evaluate(ranker, place, tasks=["words"], languages=["deu"])
    other = plain.scores.one(measure="precision@1")
    assert other.value != row.value and other.system == str(ranker)
    page = isogloss.open_run(place / "late").report.read_text(encoding="utf-8")
    assert "40 passages of" in page and "a query took" in page


def test_a_way_of_finding_that_the_model_or_the_suite_does_not_have(place, ranker, bilingual):
    with pytest.raises(ModelError, match=r"no head rank_pairs\.v1"):
        evaluate(ranker, place, tasks=["words"], languages=["deu"], find={"by": "cross"})
    with pytest.raises(UsageError, match="nothing is found in"):
        evaluate(bilingual, place, "other", tasks=["alike"], find={"by": "late"})
    with pytest.raises(SettingsError, match="against"):
        isogloss.run({
            "name": "x", "title": "x", "model": str(bilingual), "steps": [
                {"use": "evaluate.v1", "name": "a", "suites": [f"{place}/kinds.toml"]},
                {"use": "evaluate.v1", "name": "b", "suites": [f"{place}/kinds.toml"],
                 "against": ["c"]},
            ],
        }, out=place / "x")  # fmt: skip
