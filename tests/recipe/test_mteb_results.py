"""Results of MTEB as a run: ours come back, others' are read, and what is mixed is refused."""

import json

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app
from isogloss.errors import CorpusError, IsoglossError, SettingsError, UsageError
from isogloss.recipe.main_jobs import import_mteb, write_results
from isogloss.recipe.runs import Run, open_run
from isogloss.score import Score, Scores
from isogloss.task.suites import read_suite

SUITE = """
name = "kinds"
title = "Kinds"
citation = "Nobody (2026)"
licence = "CC0"
[[tasks]]
name = "kind"
use = "classify.v1"
metric = "accuracy"
path = "kinds/{language}.tsv"
splits = { test = "test" }
"""


def entry(code, **scores):
    main = next(iter(scores.values()))
    return {**scores, "main_score": main, "hf_subset": code, "languages": [code]}


def result(folder, name, splits, model="org/m", revision="r1"):
    place = folder / model.replace("/", "__") / revision
    place.mkdir(parents=True, exist_ok=True)
    told = {"dataset_revision": "d", "task_name": name, "mteb_version": "1.12.18",
            "evaluation_time": 1.0, "kg_co2_emissions": None, "scores": splits}  # fmt: skip
    (place / f"{name}.json").write_text(json.dumps(told))
    (place / "model_meta.json").write_text(json.dumps({"name": model, "revision": revision}))
    return place


def test_what_evaluate_wrote_comes_back_as_it_was(tmp_path):
    suite = tmp_path / "kinds.toml"
    suite.write_text(SUITE)
    rows = [
        Score(measure=measure, value=value, low=value - 0.1, high=value + 0.1, n=40, language=tag,
              interval="bootstrap over examples", system="org/m", dataset="kinds", task="kind",
              seed=0, model_fingerprint="abc", corpus_fingerprint="def", dropped={"no text": 2},
              settings={"split": "test", "predict_seconds": 0.5})
        for tag, value in (("deu_Latn", 0.5), ("hau_Latn", 0.7))
        for measure in ("accuracy", "macro_f1")
    ]  # fmt: skip

    class Done(Run):
        scores = Scores(rows)

    write_results(Done(tmp_path), [str(suite)], tmp_path / "mteb", None)
    run = import_mteb(tmp_path / "mteb", out=tmp_path / "run")
    back = [row for row in run.scores if row.language]
    assert sorted(back, key=str) == sorted(rows, key=str)
    mean = run.scores.one(measure="accuracy", language=None)
    assert mean.value == pytest.approx(0.6) and mean.low is None and mean.n == 80
    page = run.report.read_text(encoding="utf-8")
    assert "kind of kinds: accuracy 0.600, mean over 2 languages" in page


def test_results_of_others_go_by_our_names_where_we_have_the_task(tmp_path):
    name = read_suite("sib200").part().mteb
    codes = {"deu-Latn": (0.5, 0.4), "hau-Latn": (0.7, 0.7)}
    place = result(tmp_path, name, {
        "test": [{"f1": b, **entry(code, accuracy=a)} for code, (a, b) in codes.items()],
        "validation": [entry("deu-Latn", accuracy=0.9)],
    })  # fmt: skip
    result(tmp_path, "BornholmBitextMining", {"test": [entry("dan-Latn", f1=0.2)]})
    shown = CliRunner().invoke(app, ["import-mteb", str(place), "--out", str(tmp_path / "run")])
    assert shown.exit_code == 0, shown.output
    assert "topic of sib200" in shown.output and "BornholmBitextMining of MTEB" in shown.output
    run = open_run(tmp_path / "run")
    own = run.scores.where(dataset="sib200", task="topic")
    assert own[0].measure == "accuracy" and own[0].system == "org/m"
    assert own.one(measure="accuracy", language=None).value == pytest.approx(0.6)
    assert own.one(measure="f1", language="deu_Latn").value == 0.4
    assert "1 scores of validation are left out" in run.provenance["notes"]
    assert any("no suite here has" in note for note in run.provenance["notes"])
    only = import_mteb(place, out=tmp_path / "dev", split="validation")
    assert [row.value for row in only.scores] == [0.9]


def test_what_does_not_belong_together_is_refused(tmp_path):
    place = result(tmp_path / "results", "T", {"test": [entry("deu-Latn", f1=0.2)]})
    with pytest.raises(UsageError, match=r"no score of dev\n.*test"):
        import_mteb(place, out=tmp_path / "a", split="dev")
    result(tmp_path / "results", "T", {"test": [entry("deu-Latn", f1=0.3)]}, model="org/other")
    with pytest.raises(UsageError, match=r"2 models: org/m \(r1\), org/other"):
        import_mteb(tmp_path / "results", out=tmp_path / "b")
    with pytest.raises(SettingsError, match="results"):
        import_mteb(tmp_path / "nothing", out=tmp_path / "c")
    (place / "T.json").write_text("[]")
    with pytest.raises(CorpusError, match="is not a result of MTEB"):
        import_mteb(place, out=tmp_path / "d")
    assert not (tmp_path / "d" / "results.json").exists()


def test_other_files_are_another_run(tmp_path):
    place = result(tmp_path, "T", {"test": [entry("deu-Latn", f1=0.2)]})
    import_mteb(place, out=tmp_path / "a")
    result(tmp_path, "T", {"test": [entry("deu-Latn", f1=0.3)]})
    with pytest.raises(IsoglossError, match="holds another run"):
        import_mteb(place, out=tmp_path / "a")
