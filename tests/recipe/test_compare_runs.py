"""Two runs paired by example: the same differences as of strategies, and what cannot be paired."""

import numpy as np
import pytest
from typer.testing import CliRunner

import isogloss
from isogloss.cli.main import app
from isogloss.errors import CorpusError, SettingsError, UsageError
from isogloss.task.changes import MIXED

SUITE = """
name = "kinds"
title = "Kinds of words"
citation = "Nobody (2026)"
licence = "CC0"

[[tasks]]
name = "kind"
use = "classify.v1"
metric = "accuracy"
path = "kinds/{language}.{split}.tsv"
splits = { train = "train", test = "test" }

[[tasks]]
name = "alike"
use = "similarity.v1"
metric = "spearman"
path = "alike/{language}.tsv"
options = { text = "text", second = "second", score = "score" }
splits = { test = "test" }
"""
TAGS = ["deu", "fra", "ita", "spa", "por"]


@pytest.fixture
def place(tmp_path):
    """English in `s` words, five languages in `t` words with some `s` among them."""
    rng = np.random.default_rng(0)

    def write(name, lines):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    for at, tag in enumerate(["eng", *TAGS]):
        for split, n in (("train", 60), ("test", 24)):
            lines = ["id\ttext\tlabel"]
            for i in range(n):
                side = "s" if tag == "eng" or rng.random() < 0.1 * at else "t"
                words = " ".join(f"{side}{50 * (i % 2) + k}" for k in rng.integers(0, 50, 3))
                lines.append(f"{split}{i}\t{words}\t{('low', 'high')[i % 2]}")
            write(f"kinds/{tag}.{split}.tsv", lines)
        pairs = [f"t{a}\ts{a if i % 2 else b}\t{i % 2}.5"
                 for i, (a, b) in enumerate(rng.integers(0, 100, (30, 2)))]  # fmt: skip
        write(f"alike/{tag}.tsv", ["text\tsecond\tscore", *pairs])
    write("kinds.toml", SUITE.splitlines())
    return tmp_path


@pytest.fixture
def deaf(bilingual, tmp_path):
    """The same model, to which `t` words mean nothing that `s` words mean."""
    import shutil

    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "deaf"
    shutil.copytree(bilingual, folder)
    file = folder / "0_StaticEmbedding" / "model.safetensors"
    table = load_file(file)["embedding.weight"]
    half = len(table) // 2 + 1
    table[half:] = np.random.default_rng(3).permutation(table[half:])
    save_file({"embedding.weight": table}, file)
    return folder


def taught(model, place, name, **how):
    return isogloss.transfer(
        model, train=f"{place}/kinds.toml:kind/eng", languages=TAGS, learner="probe",
        data=str(place), out=place / name, **{"seeds": [0, 1], **how},
    )  # fmt: skip


def test_two_transfers_are_paired_by_example(place, bilingual, deaf):
    both = ["zero_shot", "target_labels"]
    plain, better = (taught(model, place, name, strategies=both)
                     for model, name in ((deaf, "plain"), (bilingual, "better")))  # fmt: skip
    run = isogloss.compare(
        plain.folder, better.folder, strategies=["zero_shot"], out=place / "change"
    )
    names = [f"{model}, zero_shot" for model in (deaf, bilingual)]
    assert list(dict.fromkeys(row.strategy for row in run.scores)) == names
    for name, then in zip(names, (plain, better), strict=True):
        for measure in ("accuracy", "macro_f1"):
            where = {"measure": measure, "language": "fra_Latn", "stage": None}
            [row] = run.scores.where(strategy=name, **where)
            old = then.scores.where(strategy="zero_shot", seed=None, **where)[0]
            assert (row.value, row.low, row.high, row.n) == (old.value, old.low, old.high, old.n)
    changes = run.scores.where(stage="change")
    own = [row for row in changes if row.language]
    assert len(own) == 5 and all(row.strategy == names[1] for row in own)
    assert all(row.settings["p_holm"] >= row.settings["p"] for row in own)
    assert all(row.settings["against"] == names[0] for row in changes)
    assert np.mean([row.value for row in own]) > 0.2
    [other] = [row for row in changes if row.settings["test"] == MIXED]
    assert other.value == pytest.approx(np.mean([row.value for row in own]))
    assert "in languages like these 5" in run.report.read_text(encoding="utf-8")
    every = isogloss.compare(plain.folder, better.folder, out=place / "all").scores
    assert len({row.strategy for row in every}) == 4


def test_runs_are_compared_by_the_measure_of_the_suite(place, bilingual, deaf):
    file = place / "kinds.toml"
    file.write_text(file.read_text("utf-8").replace('"accuracy"', '"macro_f1"'), "utf-8")
    for model, name in ((deaf, "plain"), (bilingual, "better")):
        taught(model, place, name, seeds=[0])
    scores = isogloss.compare(place / "plain", place / "better", out=place / "change").scores
    assert scores[0].measure == "macro_f1"
    assert {row.measure for row in scores} == {"macro_f1", "accuracy"}
    assert {row.measure for row in scores.where(stage="change")} == {"macro_f1"}
    file.write_text(file.read_text("utf-8").replace('"macro_f1"', '"accuracy"'), "utf-8")
    scores = isogloss.compare(place / "plain", place / "better", out=place / "again").scores
    assert {row.measure for row in scores.where(stage="change")} == {"accuracy"}


def test_the_command_compares_finished_models_and_measures_that_are_no_means(
    place, bilingual, deaf
):
    for model, name in ((deaf, "plain"), (bilingual, "better")):
        isogloss.evaluate(model, suites=[f"{place}/kinds.toml"], tasks=["alike"], data=str(place),
                          languages=TAGS, out=place / name)  # fmt: skip
    told = ["compare", f"{place}/plain", f"{place}/better", "--out", f"{place}/change"]
    shown = CliRunner().invoke(app, told)
    assert shown.exit_code == 0, shown.output
    assert "In other languages like these 5" in shown.output and "German" in shown.output
    run = isogloss.open_run(place / "change")
    [other] = [row for row in run.scores if row.settings.get("test") == MIXED]
    assert other.settings["outcome"] == "a language" and other.measure == "spearman"


def test_a_measure_that_one_model_does_not_have_in_a_language_is_undefined(place, bilingual, deaf):
    """To the one all words are alike, as those of a script that it does not know."""
    from safetensors.numpy import load_file, save_file

    file = deaf / "0_StaticEmbedding" / "model.safetensors"
    table = load_file(file)["embedding.weight"]
    table[:] = 1.0
    save_file({"embedding.weight": table}, file)
    runs = [
        isogloss.evaluate(model, suites=[f"{place}/kinds.toml"], tasks=["alike"], data=str(place),
                          languages=["deu", "spa"], out=place / name)
        for model, name in ((deaf, "plain"), (bilingual, "better"))
    ]  # fmt: skip
    run = isogloss.compare(*(one.folder for one in runs), out=place / "change")
    [row] = run.scores.where(stage="change", measure="spearman", language="spa_Latn")
    assert row.value is None and row.low is None
    [first, second] = run.scores.where(stage=None, measure="spearman", language="spa_Latn")
    assert first.value is None and first.settings["values"] == [None] and second.value is not None
    shown = CliRunner().invoke(app, ["compare", *(str(one.folder) for one in runs), "--out",
                                     str(place / "shown")])  # fmt: skip
    assert shown.exit_code == 0 and "undefined" in shown.output


def test_what_cannot_be_paired_is_said(place, bilingual):
    first, other = (taught(bilingual, place, name, seeds=[0]) for name in ("first", "other"))
    alone = isogloss.evaluate(bilingual, suites=[f"{place}/kinds.toml"], data=str(place),
                              languages=["deu"], out=place / "alone")  # fmt: skip
    with pytest.raises(UsageError, match="no task in common: kind of kinds; alike of kinds"):
        isogloss.compare(first.folder, alone.folder, out=place / "x")
    with pytest.raises(UsageError, match="no strategy in common to compare: zero_shot; zero_shot"):
        isogloss.compare(first.folder, other.folder, strategies=["crop"], out=place / "y")
    (first.folder / "files" / "transfer" / "told.parquet").unlink()
    with pytest.raises(CorpusError, match="does not say what was told"):
        isogloss.compare(alone.folder, first.folder, out=place / "z")
    with pytest.raises(SettingsError, match="before"):
        isogloss.compare(place / "nothing", alone.folder, out=place / "w")


def test_other_examples_are_not_paired(place, bilingual):
    first = taught(bilingual, place, "first", seeds=[0])
    again = taught(bilingual, place, "again", seeds=[0])
    with pytest.raises(SettingsError, match="the same run"):
        isogloss.compare(first.folder, first.folder, out=place / "x")
    file = place / "kinds" / "deu.test.tsv"
    file.write_text(file.read_text().replace("\tlow", "\thigh", 1))
    with pytest.raises(CorpusError, match="kind of deu_Latn: these are not the examples"):
        isogloss.compare(first.folder, again.folder, out=place / "x")
    second = taught(bilingual, place, "second", seeds=[0])
    with pytest.raises(CorpusError, match="kind of deu_Latn: these are not the examples"):
        isogloss.compare(first.folder, second.folder, out=place / "y")


def test_runs_of_unequal_seeds_are_compared_by_those_of_both(place, bilingual):
    many, few, other = (
        taught(bilingual, place, name, seeds=seeds, strategies=["few_shot"])
        for name, seeds in (("many", [0, 1]), ("few", [1]), ("other", [5]))
    )
    run = isogloss.compare(many.folder, few.folder, out=place / "x")
    assert "kinds kind: compared by the seeds that both runs have: 1" in run.provenance["notes"]
    assert all(row.value == 0 for row in run.scores.where(stage="change"))
    assert all(len(row.settings["values"]) == 1 for row in run.scores.where(stage=None))
    with pytest.raises(UsageError, match="unequal numbers of seeds"):
        isogloss.compare(many.folder, other.folder, out=place / "y")


def test_a_recipe_cannot_compare_tests_as_measures(place, bilingual):
    step = {"use": "evaluate.v1", "suites": [f"{place}/kinds.toml"], "data": str(place)}
    steps = [{**step, "name": "a"}, {**step, "name": "b"},
             {"use": "compare.v1", "name": "c", "before": "a", "after": "b"}]  # fmt: skip
    with pytest.raises(SettingsError, match="isogloss compare"):
        isogloss.run({"name": "x", "model": str(bilingual), "steps": steps}, out=place / "x")
