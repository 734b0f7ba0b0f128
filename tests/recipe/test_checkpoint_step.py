"""Models from the middle of a training: kept, found again after a crash, averaged."""

import numpy as np
import pytest
from safetensors.numpy import load_file

import isogloss
from isogloss.errors import SettingsError, TrainingError
from isogloss.recipe import train_step
from isogloss.recipe.recipe import read_recipe

PAIRS = {
    "mixture": {"use": "parallel", "text": "train", "batch": 8},
    "objectives": [{"use": "contrast_views"}], "languages": ["eng", "deu"],
}  # fmt: skip
TRAIN = {
    "use": "train.v1", "name": "trained", "lessons": [PAIRS], "steps": 5, "threads": 1,
    "tuning_rows": 20, "checkpoint_every": 3, "keep_checkpoints": [2, 4], "keep": "model",
    "learning_rate": 1e-3,
}  # fmt: skip
TAKEN = [{"use": "checkpoint.v1", "name": f"at-{n}", "model": "trained", "after": n}
         for n in (2, 4)]  # fmt: skip
MERGES = [
    {"use": "merge.v1", "name": "first", "models": ["at-2"], "keep": True},
    {"use": "merge.v1", "name": "mean", "models": ["at-2", "at-4", "trained"], "keep": True},
]


def recipe(model, *steps):
    return {
        "name": "checkpoints", "model": str(model), "pivot": "eng", "languages": ["deu", "spa"],
        "text": {"train": {"path": "emoji?split=train"}}, "steps": list(steps),
    }  # fmt: skip


def weights(run, name):
    return load_file(run.folder / "files" / name / "model" / "model.safetensors")


def test_the_mean_of_checkpoints_is_the_same_after_a_crash(tiny, tmp_path, monkeypatch):
    whole = recipe(tiny, TRAIN, *TAKEN, *MERGES)
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "a"))
    run = isogloss.run(whole, out=tmp_path / "one")
    first, mean, last = (weights(run, name) for name in ("first", "mean", "trained"))
    start = load_file(tiny / "model.safetensors")
    name = "bert.encoder.layer.0.attention.self.query.weight"
    short = name.removeprefix("bert.") if name not in first else name
    assert not np.array_equal(first[short], start[name])
    assert not np.array_equal(first[short], last[short])
    fourth = 3 * mean[short] - first[short] - last[short]
    gaps = [np.abs(first[short] - x).max() for x in (fourth, last[short])]
    assert gaps[0] < gaps[1]  # what is between lies between
    assert set(run.provenance["training"]["tokens_by_language"]) == {"eng_Latn", "deu_Latn"}

    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "b"))
    plain = train_step.atomic_folder

    def killed(path):
        if path.name == "model-4":
            raise KeyboardInterrupt
        return plain(path)

    monkeypatch.setattr(train_step, "atomic_folder", killed)
    with pytest.raises(KeyboardInterrupt):
        isogloss.run(whole, out=tmp_path / "other")
    monkeypatch.setattr(train_step, "atomic_folder", plain)
    again = isogloss.run(whole, out=tmp_path / "other")
    for one, other in ((mean, weights(again, "mean")), (first, weights(again, "first"))):
        assert all(np.array_equal(other[n], x) for n, x in one.items())


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({**TRAIN, "keep_checkpoints": [5]}, "steps from 1 to 4"),
        ({**TAKEN[0], "after": 3}, "keeps the models of 2, 4 of its steps, not of 3"),
        ({**TAKEN[0], "model": "at-4"}, "'at-4' is a checkpoint.v1, not a train.v1"),
    ],
)
def test_what_was_not_kept_is_said_before_anything_runs(tiny, step, said):
    with pytest.raises(SettingsError, match=said):
        read_recipe(recipe(tiny, TRAIN, TAKEN[1], {**step, "name": "wrong"}))


def test_parallel_text_without_its_pivot_is_refused(tiny, tmp_path):
    step = {**TRAIN, "lessons": [{**PAIRS, "languages": ["deu", "spa"]}]}
    with pytest.raises(TrainingError, match="pivot eng_Latn is not among"):
        isogloss.run(recipe(tiny, step), out=tmp_path / "run")
