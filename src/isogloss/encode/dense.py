"""The dense module of sentence-transformers: one affine map of the pooled vector."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from isogloss.encode.folder import read_json
from isogloss.errors import ModelError

_ACTIVATIONS = {
    "torch.nn.modules.activation.ReLU": lambda x: np.maximum(x, 0),
    "torch.nn.modules.activation.Tanh": np.tanh,
    "torch.nn.modules.linear.Identity": lambda x: x,
}


class Dense(NamedTuple):
    """Weight `[e, d]`, bias `[e]`, the name of the activation, whether the input is added."""

    weight: np.ndarray
    bias: np.ndarray
    activation: str
    residual: bool


def read_dense(folder: Path) -> Dense:
    """A dense module from its folder.

    Raises:
        ModelError: no safetensors, or an activation or switch that we do not know.
    """
    from safetensors.numpy import load_file

    file = folder / "model.safetensors"
    if not file.is_file():
        raise ModelError("the dense module has no model.safetensors", file=folder)
    settings, tensors = read_json(folder / "config.json"), load_file(file)
    activation = settings.get("activation_function", "torch.nn.modules.activation.Tanh")
    elsewhere = settings.get("module_input_name", "sentence_embedding") != "sentence_embedding"
    known = {"linear.weight", "linear.bias"}
    if activation not in _ACTIVATIONS or elsewhere or set(tensors) - known:
        raise ModelError(
            f"a dense module with activation {activation}, input "
            f"{settings.get('module_input_name', 'sentence_embedding')} and weights "
            f"{', '.join(sorted(tensors))} is not one we read",
            file=folder / "config.json",
        )
    weight = tensors["linear.weight"].astype(np.float32)  # [e, d]
    bias = tensors.get("linear.bias", np.zeros(len(weight), np.float32)).astype(np.float32)
    return Dense(weight, bias, activation, bool(settings.get("use_residual")))


def apply_dense(array: np.ndarray, dense: Dense) -> np.ndarray:
    """`activation(x W^T + b)`, plus `x` where the module says so: `[n, d]` to `[n, e]`."""
    out = _ACTIVATIONS[dense.activation](array @ dense.weight.T + dense.bias)  # [n, e]
    return np.ascontiguousarray(out + array if dense.residual else out, np.float32)
