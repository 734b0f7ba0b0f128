"""Recipes of published merges run as written, on less text: their mechanism is in the weights."""

import numpy as np
import pytest
from safetensors.numpy import load_file

ROWS = {"train": 120, "held_out": 30}
NAME = "encoder.layer.1.intermediate.dense.weight"


@pytest.fixture
def merged(shorter, tiny_body):
    """Run a recipe on a tiny body, a few steps each; the run, and a tensor of each kept model."""

    def run(name, tags, trained, kept=(), more=None, **changes):
        quick = {step: {"steps": 3, "threads": 1, **changes} for step in trained} | (more or {})
        for step in kept:
            quick.setdefault(step, {})["keep"] = "model" if step in trained else True
        done = shorter(name, tags, quick, str(tiny_body), **ROWS)
        return done, {
            step: load_file(done.folder / "files" / step / "model" / "model.safetensors")[NAME]
            for step in kept
        } | {"teacher": load_file(tiny_body / "model.safetensors")[NAME]}

    return run


def compared(run, *systems):
    found = {row.system for row in run.scores.where(measure="retrieval_p1", stage="change")}
    assert found >= set(systems)


def test_checkpoint_averages(merged):
    kept = ("average", "average-fast", "average-of-runs", "tuned")
    runs = ("tuned", "tuned-fast")
    taken = {f"{run}-{10 * k}": {"after": k // 3} for run in runs for k in (3, 6, 9)}
    run, found = merged(
        "CheckpointAvg", ("deu_Latn", "spa_Latn"), runs, kept, taken, steps=4,
        keep_checkpoints=[1, 2, 3],
    )  # fmt: skip
    both = (found["average"] + found["average-fast"]) / 2
    np.testing.assert_allclose(found["average-of-runs"], both, atol=1e-6)
    moved = [np.abs(found[name] - found["teacher"]).max() for name in ("average", "tuned")]
    assert 0 < moved[0] < moved[1]
    compared(run, "average", "average-fast", "average-of-runs")
    assert {row.language for row in run.scores.where(measure="retrieval_p1", stage="change")} == {
        "deu_Latn", "spa_Latn",
    }  # fmt: skip


def test_a_task_plus_a_language_minus_another(merged):
    parts = ("task", "french", "english")
    sums = ("task-plus-french", "task-plus-french-minus-english")
    run, found = merged(
        "LangTaskArithmetic", ("deu_Latn", "fra_Latn"), ("head", *parts), (*parts, *sums)
    )
    task, french, english = (found[name] - found["teacher"] for name in parts)
    for name, wanted in zip(sums, (task + 0.3 * french, task + 0.3 * (french - english)),
                            strict=True):  # fmt: skip
        np.testing.assert_allclose(found[name] - found["teacher"], wanted, atol=1e-6)
    assert np.abs(french - english).max() > 1e-4
    assert run.scores.where(measure="masked_loss", system="head")
    compared(run, *sums)


def test_a_difference_moved_to_the_next_version(merged):
    run, found = merged(
        "DiffVector-Transfer", ("deu_Latn", "spa_Latn"),
        ("new", "old-tuned", "new-tuned", "new-tuned-shortly", "moved-tuned-shortly"),
        ("new", "old-tuned", "moved"),
    )  # fmt: skip
    wanted = found["new"] + found["old-tuned"] - found["teacher"]
    np.testing.assert_allclose(found["moved"], wanted, atol=1e-6)
    assert not np.allclose(found["moved"], found["old-tuned"], atol=1e-6)
    compared(run, "moved", "new-tuned", "moved-tuned-shortly")


def test_families_are_merged_before_they_are_averaged(merged):
    alone = ("french", "italian", "spanish", "german")
    run, found = merged(
        "DirAware-GroupMerge", ("fra_Latn", "ita_Latn", "spa_Latn", "deu_Latn"),
        ("together", "jointly", *alone), ("flat", "grouped", "together", *alone),
    )  # fmt: skip
    assert not np.array_equal(found["flat"], found["grouped"])
    changes = [found[name] - found["together"] for name in alone]
    largest = np.abs(changes).max()
    for name in ("flat", "grouped"):
        assert 0 < np.abs(found[name] - found["together"]).max() <= largest * 1.01
    compared(run, "grouped")


def test_a_large_model_begins_as_a_small_one(shorter):
    arms = ("copies", "above", "stacked", "from-random", "from-random-longer")
    changes = {arm: {"steps": 4, "batch": 8, "threads": 1} for arm in (*arms, "small")}
    changes |= {f"grown-{arm}": {"keep": True} for arm in arms[:3]}
    run = shorter("AquilaMoE", ("deu_Latn",), changes, train=300)
    kept = {row.system: row.value for row in run.scores.where(measure="cosine_to_grown")}
    assert set(kept) == {"grown-copies", "grown-above", "grown-stacked"}
    first = {
        arm: load_file(run.folder / "files" / f"grown-{arm}" / "model" / "model.safetensors")
        for arm in arms[:3]
    }
    at = "bert.encoder.layer.{}.intermediate.dense.weight"
    one, above, stacked = (first[arm] for arm in arms[:3])
    assert np.array_equal(one[at.format(0)], one[at.format(1)])
    assert np.array_equal(stacked[at.format(0)], stacked[at.format(2)])
    assert not np.array_equal(stacked[at.format(0)], stacked[at.format(1)])
    rows = len(one[at.format(0)]) // 2
    assert np.array_equal(one[at.format(0)][rows:], one[at.format(0)][:rows])
    assert np.array_equal(above[at.format(0)][rows:], above[at.format(2)][:rows])
    changed = run.scores.where(measure="masked_loss", stage="change")
    assert {row.system for row in changed} == {"copies", "above"}
