"""Neurons of a language are found on text and trained alone."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import isogloss
from isogloss.errors import TrainingError, UnknownLanguage
from loading import load

factors = load("recipe/test_train_step.py")
cache, recipe = factors.cache, factors.recipe
STEP = {"use": "neuron_train.v1", "name": "own", "lessons": [factors.MASKS], "text": "train",
        "share": 0.1, "often": 0.8, "keep": "delta"}  # fmt: skip


def trained(tiny, tmp_path, **change):
    out = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
    run = isogloss.run(recipe(tiny, {**STEP, **change}), out=out)
    files = run.folder / "files" / "own"
    made = load_file(Path(run.model) / "model.safetensors")
    delta = load_file(files / "delta" / "delta.safetensors")
    return run, json.loads((files / "neurons.json").read_text()), made, delta


def test_only_the_neurons_of_the_language_change(tiny, tmp_path, cache):
    run, found, made, delta = trained(tiny, tmp_path)
    base = load_file(tiny / "model.safetensors")
    assert found["trained"] == sorted(found["by_language"]["deu_Latn"])
    assert set(found["by_language"]) == {"eng_Latn", "deu_Latn"}
    moved = {n for n, w in base.items() if not torch.equal(w, made[n])}
    layers = {layer for layer, _ in found["trained"]}
    assert moved and all(
        ("intermediate.dense" in n or n.endswith("output.dense.weight"))
        and int(n.split("layer.")[1].split(".")[0]) in layers
        for n in moved
    )
    for name in moved:
        index = delta[f"body.{name}.index"]
        outside = torch.ones(base[name].numel(), dtype=torch.bool)
        outside[index] = False
        assert torch.equal(base[name].view(-1)[outside], made[name].view(-1)[outside])
    assert any(f"own: {len(found['trained'])} of" in note for note in run.provenance["notes"])


def test_random_neurons_are_as_many_and_others(tiny, tmp_path, cache):
    _, found, *_ = trained(tiny, tmp_path, select="random", languages=["deu"])
    own = sorted(found["by_language"]["deu_Latn"])
    assert len(found["trained"]) == len(own) and found["trained"] != own


def test_a_language_that_is_not_there_or_has_no_neurons(tiny, tmp_path, cache):
    with pytest.raises(UnknownLanguage):
        trained(tiny, tmp_path, languages=["fin"])
    with pytest.raises(TrainingError, match="no neuron is one of deu_Latn"):
        trained(tiny, tmp_path, often=1.0)
