"""Recipes of retrieval: each is quick, and its distinctive part is noticed."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

import isogloss
from isogloss.encode import load_encoder
from isogloss.settings import read_toml
from isogloss.task.retrieve.maxsim import maxsim_plain
from isogloss.task.retrieve.tokens import read_tokens, trained_projection
from isogloss.task.suites import read_suite

RECIPES = Path(__file__).parents[2] / "recipes"
ENG, DEU = "eng_Latn", "deu_Latn"


@pytest.fixture(scope="module")
def colbert(tmp_path_factory):
    """ColBERT-XM in a few steps, its index nearly exact, German and English."""
    from _pytest.monkeypatch import MonkeyPatch

    recipe = read_toml(RECIPES / "ColBERT-XM.toml")
    for step in recipe["steps"]:
        if step["use"] == "new_model.v1":
            step |= {"width": 16, "layers": 2, "heads": 2, "size": 600}
        if step["use"] == "train.v1":
            step |= {"steps": min(step["steps"], 12), "threads": 1, "keep": "model"}
            step["lessons"][0]["mixture"]["batch"] = 8
        if step["use"] == "evaluate.v1":
            step["targets"] = ["eng", "deu"]
            step["find"] = {**step.get("find", {}), "bits": 16}
    with MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.chdir(RECIPES.parent)
        yield isogloss.run(recipe, out=tmp_path_factory.mktemp("runs") / "ColBERT-XM")


def weights(run, step, name):
    return load_file(run.folder / "files" / step / "model" / name)


def rankings(run, step, tag):
    rows = pq.read_table(run.folder / "files" / step / "told.parquet").to_pylist()
    return [json.loads(row["told"]) for row in rows if row["language"] == tag]


def test_what_languages_share_learns_and_their_modules_stay(colbert):
    for arm in ("late", "one-vector"):
        before, after = (weights(colbert, step, "inserted.safetensors")
                         for step in ("pretrained", arm))  # fmt: skip
        assert all(np.array_equal(before[name], after[name]) for name in before)
        before, after = (weights(colbert, step, "model.safetensors")
                         for step in ("pretrained", arm))  # fmt: skip
        moved = {name for name in after if f"bert.{name}" in before  # no pooler
                 and not np.array_equal(before[f"bert.{name}"], after[name])}  # fmt: skip
        assert moved and not any("embeddings" in name for name in moved)
        log = pq.read_table(colbert.folder / "files" / arm / "train_log.parquet").to_pylist()
        read = {name for name in log[0] if name.startswith("tokens_") and log[0][name]}
        assert read - {"tokens_per_second"} == {f"tokens_{ENG}"}
    first, last = (weights(colbert, step, "inserted.safetensors")
                   for step in ("modular", "pretrained"))  # fmt: skip
    own = [name for name in last if ".down.weight" in name]
    assert all(not np.array_equal(first[name], last[name]) for name in own)
    assert len(own) == 2 * 4  # layers, and languages


@pytest.mark.parametrize(
    ("step", "tag", "read"),
    [("through-its-own", DEU, DEU), ("through-english", DEU, ENG), ("through-its-own", ENG, ENG)],
)
def test_rankings_are_of_sums_of_nearest_tokens_through_the_right_module(colbert, step, tag, read):
    model = colbert.folder / "files" / "late" / "model"
    suite = read_suite(RECIPES / "trips" / "questions.toml")
    queries = suite.examples("", tag, "test", data=RECIPES / "trips").column("text")[:12]
    corpus = suite.collection("", tag, "test", data=RECIPES / "trips")
    encoder, projection = load_encoder(str(model)), trained_projection(model)
    scores = maxsim_plain(*(read_tokens(encoder, texts, projection, language=read)
                            for texts in (queries, corpus.texts(tag))))  # fmt: skip
    place = {one: at for at, one in enumerate(corpus.ids)}
    for row, ranking in zip(scores, rankings(colbert, step, tag)[:12], strict=True):
        found = row[[place[one] for one in ranking]]  # falls, but for rounding to float16
        assert (np.diff(found) < 1e-2).all() and found[0] > row.max() - 1e-2


def test_arms_differ_where_they_should(colbert):
    assert rankings(colbert, "through-its-own", ENG) == rankings(colbert, "through-english", ENG)
    assert rankings(colbert, "through-its-own", DEU) != rankings(colbert, "through-english", DEU)
    assert rankings(colbert, "by-one-vector", DEU) != rankings(colbert, "through-its-own", DEU)
    rows = colbert.scores.where(stage="change", measure="ndcg@10")
    assert {(row.system, row.settings["against"]) for row in rows} == {
        ("late by late interaction, read as eng", "one-vector"),
        ("late by late interaction", "one-vector"),
        ("late by late interaction", "late by late interaction, read as eng"),
    }
    for row in rows:
        at = {"measure": "ndcg@10", "language": row.language, "stage": None}
        after = colbert.scores.one(system=row.system, **at)
        before = colbert.scores.one(system=row.settings["against"], **at)
        assert row.value == pytest.approx(after.value - before.value, abs=1e-6)
    assert {row.language for row in rows} == {ENG, DEU, None}


def test_the_report_tells_systems_costs_and_changes(colbert):
    costs = [row.settings["costs"] for row in colbert.scores.where(measure="ndcg@10", language=DEU)
             if row.stage is None]  # fmt: skip
    assert all(one["passages"] == 120 and one["query_ms"] > 0 for one in costs)
    assert costs[1]["index_bytes"] > costs[0]["index_bytes"] * 5  # many vectors a passage
    page = colbert.report.read_text(encoding="utf-8")
    assert "questions of questions, late by late interaction: " in page
    assert "bytes each were read in" in page and "over one-vector" in page
