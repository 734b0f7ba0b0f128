"""Folders of a few tensors, as a model has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

SHAPES = {"embed.weight": (130, 70), "layers.0.w": (64, 65), "layers.1.w": (64, 65), "norm": (65,)}


def tensors(seed: int, kind: str = "float32", spread: float = 1.0):
    """Torch tensors of `SHAPES` drawn at random."""
    import torch

    rng = np.random.default_rng(seed)
    return {
        name: torch.from_numpy((rng.normal(size=shape) * spread).astype(np.float32)).to(
            getattr(torch, kind)
        )
        for name, shape in SHAPES.items()
    }


@pytest.fixture
def save(tmp_path):
    """Write tensors as a model's file, and open it as `Weights`."""
    from safetensors.torch import save_file

    from isogloss.merge.plan import Weights

    def make(name: str, made, vocabulary: int | None = None) -> Weights:
        folder = tmp_path / name
        folder.mkdir()
        save_file(made, folder / "model.safetensors", metadata={"format": "pt"})
        return Weights(name, folder, vocabulary=vocabulary)

    return make


@pytest.fixture
def trio(save):
    """A base and two models that are a little off it, of float32."""
    base = tensors(0)
    moved = [
        {name: base[name] + change for name, change in tensors(seed, spread=0.05).items()}
        for seed in (1, 2)
    ]
    return save("base", base), [save(f"model{i}", made) for i, made in enumerate(moved)]


def load(folder: Path):
    """The tensors of a folder as `safetensors` reads them."""
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


@pytest.fixture
def merged(tmp_path):
    """Merge, and read what was written."""
    from isogloss.merge.family import read_point
    from isogloss.merge.plan import Asked
    from isogloss.merge.stream import merge_weights

    made = 0

    def make(models, base, method="linear", settings=None, **more):
        nonlocal made
        made += 1
        out = tmp_path / f"out{made}"
        out.mkdir()
        how = {k: more.pop(k) for k in ("origin", "size", "threads") if k in more}
        make.plan = merge_weights(
            models, base, out, Asked(read_point(method, settings), **more), **how
        )
        return load(out)

    return make
