"""Two phases over one student: what changed most is chosen, and changes alone from the start."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import isogloss
from isogloss.errors import ModelError, UsageError
from isogloss.recipe.merging import merge_models
from loading import load

factors = load("recipe/test_train_step.py")
cache, recipe = factors.cache, factors.recipe
MASKS = factors.MASKS
SPARSE = {"use": "sparse_train.v1", "lessons": [MASKS], "share": 0.03, "keep": "delta"}


def files_of(run, name):
    """The delta of a step and its whole model."""
    delta = load_file(run.folder / "files" / name / "delta" / "delta.safetensors")
    return delta, load_file(Path(run.model) / "model.safetensors")


def test_only_the_chosen_change_and_they_begin_anew(tiny, tmp_path, cache):
    steps = [
        {"name": "all", "lessons": [MASKS], "parameters": {"use": "full", "fast": 1.0},
         "keep": "model"},
        {"name": "few", **SPARSE},
    ]  # fmt: skip
    run = isogloss.run(recipe(tiny, *steps), out=tmp_path / "run")
    delta, made = files_of(run, "few")
    base = load_file(tiny / "model.safetensors")
    first = load_file(run.folder / "files" / "all" / "model" / "model.safetensors")
    changes = {n: (first[n] - w).abs().view(-1) for n, w in base.items()}
    least = torch.cat(list(changes.values())).sort(descending=True).values
    total = sum(map(len, changes.values()))
    count = round(0.03 * total)
    chosen = 0
    for name, weight in base.items():
        at = delta.get(f"body.{name}.index", torch.empty(0, dtype=torch.long))
        outside = torch.ones(weight.numel(), dtype=torch.bool)
        outside[at] = False
        assert torch.equal(weight.view(-1)[outside], made[name].view(-1)[outside]), name
        assert (changes[name][at] >= least[count - 1]).all(), name
        chosen += len(at)
        if len(at):
            assert torch.equal(made[name].view(-1)[at], delta[f"body.{name}.value"])
            # They were trained from the start again, not kept as phase 1 left them.
            assert not torch.equal(made[name].view(-1)[at], first[name].view(-1)[at])
    assert chosen == count
    told = f"few: {count:,} of {total:,} weights changed most and were trained"
    assert told in run.provenance["notes"]
    assert any("few: phase 1 read" in note for note in run.provenance["notes"])


def test_a_run_that_was_killed_in_either_phase_ends_with_the_same_bits(
    tiny, tmp_path, cache, monkeypatch
):
    import isogloss.train.loop as loop

    step = {**SPARSE, "name": "few", "l1": 0.1, "checkpoint_every": 2, "first_steps": 3}
    whole, _ = files_of(isogloss.run(recipe(tiny, step), out=tmp_path / "whole"), "few")
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "other"))
    save, saved = loop._save, []

    def dying(*given):
        save(*given)
        saved.append(given[0].name)
        if len(saved) in (1, 2):
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "_save", dying)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            isogloss.run(recipe(tiny, step), out=tmp_path / "killed")
    again, _ = files_of(isogloss.run(recipe(tiny, step), out=tmp_path / "killed"), "few")
    assert saved == ["first", "checkpoint"]  # one in each phase; neither was done twice
    assert whole.keys() == again.keys()
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_deltas_of_a_language_and_a_task_are_merged_in_any_order(tiny, tmp_path, cache):
    paths, models = [], []
    for name, share in (("language", 0.03), ("task", 0.05)):
        step = {**SPARSE, "name": name, "share": share, "learning_rate": share / 10}
        run = isogloss.run(recipe(tiny, step), out=tmp_path / name)
        paths.append(run.folder / "files" / name / "delta")
        models.append(load_file(Path(run.model) / "model.safetensors"))
    made = []
    for number, which in enumerate((paths[:1], paths, paths[::-1])):
        out = merge_models(which, tmp_path / f"out{number}", method="sparse", base=tiny)
        made.append(load_file(out.folder / "model.safetensors"))
    base = load_file(tiny / "model.safetensors")
    for name, weight in base.items():
        assert torch.equal(made[0][name], models[0][name]), name
        assert torch.equal(made[1][name], made[2][name]), name
        a, b = (model[name].double() - weight.double() for model in models)
        assert torch.equal(made[1][name], (weight.double() + a + b).float()), name
    with pytest.raises(UsageError, match="is a delta, which is nothing without its base"):
        merge_models(paths, tmp_path / "no")
    with pytest.raises(ModelError, match="was trained from the model"):
        merge_models(paths, tmp_path / "no", method="sparse", base=tmp_path / "out1")


def test_random_places_and_parameters_that_cannot_be_sparse(tiny, tmp_path, cache):
    step = {**SPARSE, "name": "few", "select": "random", "stay": ["embeddings", "cls"]}
    delta, _ = files_of(isogloss.run(recipe(tiny, step), out=tmp_path / "run"), "few")
    assert not any("embeddings" in name or "cls" in name for name in delta)
    assert sum("index" in name for name in delta) > 10
    table = {**SPARSE, "name": "few", "parameters": {"use": "embeddings"}}
    delta, _ = files_of(isogloss.run(recipe(tiny, table), out=tmp_path / "table"), "few")
    assert {name.rpartition(".")[0] for name in delta} <= {
        "body.bert.embeddings.word_embeddings.weight", "body.cls.predictions.bias"
    }  # fmt: skip
    other = {**SPARSE, "name": "few", "parameters": {"use": "factors", "rank": 4}}
    with pytest.raises(UsageError, match=r"factors\.v1 trains weights that the model does not"):
        isogloss.run(recipe(tiny, other), out=tmp_path / "other")
    beside = {**SPARSE, "name": "few", "parameters": {"use": "bottleneck"}}
    with pytest.raises(UsageError, match=r"bottleneck\.v1 trains weights that the model does not"):
        isogloss.run(recipe(tiny, beside), out=tmp_path / "beside")
