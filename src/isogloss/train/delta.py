"""What training changed, alone: a small file that goes onto the model it was trained from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from isogloss.errors import ModelError
from isogloss.files import atomic_folder, write_json

_WEIGHTS, _ABOUT = "delta.safetensors", "delta.json"
_INDEX, _VALUE = ".index", ".value"


def save_delta(
    folder: Path,
    module: nn.Module,
    about: dict[str, Any],
    beside: Callable[[Path], None] | None = None,
    places: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Write the weights of a module that training may change, and what they belong to.

    A weight that changes in part is written as `NAME.index` `[k]`, its flat places, and
    `NAME.value` `[k]`, what stands there now: not the differences, which float32 would round.

    Args:
        folder: to be made.
        module: the body, with what was put into it.
        about: `base`, the fingerprint of the model; `parameters`, the registered name and its
            settings.
        beside: writes more into the folder, for other programs.
        places: of weights that change in part.
    """
    from safetensors.torch import save_file

    found = changed_weights(module)
    for name, at in (places or {}).items():
        found[name + _INDEX] = at.cpu().contiguous()
        found[name + _VALUE] = found.pop(name).reshape(-1)[at].contiguous()
    with atomic_folder(folder) as temporary:
        save_file(found, temporary / _WEIGHTS)
        write_json(temporary / _ABOUT, about)
        if beside:
            beside(temporary)


def changed_weights(module: nn.Module) -> dict[str, torch.Tensor]:
    """Weights that are not frozen, tied ones once."""
    return {
        name: weight.detach().contiguous()
        for name, weight in module.named_parameters()
        if weight.requires_grad
    }


def read_delta(folder: Path) -> dict[str, Any]:
    """What a delta says of itself: `base`, `parameters`.

    Raises:
        ModelError: no delta, or one that lacks something.
    """
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        return {name: about[name] for name in ("base", "parameters")}
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(
            f"not a delta: {_ABOUT} is missing or lacks base or parameters", file=folder,
            remedy="give the folder that a step train.v1 with keep = 'delta' left",
        ) from None  # fmt: skip


def load_delta(folder: Path, module: nn.Module, base: str) -> None:
    """Put a delta onto the module that its parameters made of its base.

    A sparse one goes onto any module that has its weights.

    Args:
        folder: of the delta.
        module: made by the same parameters of the same model.
        base: the fingerprint of that model.

    Raises:
        ModelError: it was trained from another model, is cut short, or has other weights.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    about = read_delta(folder)
    if about["base"] != base:
        raise ModelError(
            f"the delta was trained from the model {about['base']}, and this is {base}",
            file=folder, remedy="give the model that it was trained from",
        )  # fmt: skip
    try:
        weights = load_file(folder / _WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{_WEIGHTS} cannot be read: {error}", file=folder) from None
    own = dict(module.named_parameters())
    sparse = {n.removesuffix(_INDEX): weights.pop(n) for n in [*weights] if n.endswith(_INDEX)}
    values = {name: weights.pop(name + _VALUE, torch.empty(0)) for name in sparse}
    trains = {name for name, weight in own.items() if weight.requires_grad}
    lacking = set() if sparse else trains - weights.keys()
    wrong = sorted(lacking | ({*weights, *sparse} - own.keys()))
    wrong += [n for n, w in weights.items() if n in own and own[n].shape != w.shape]
    wrong += [n for n, at in sparse.items() if n in own and not _fits(at, values[n], own[n])]
    if wrong:
        raise ModelError(
            f"the delta has other weights than {about['parameters']}: "
            + ", ".join(wrong[:3]) + (" ..." if wrong[3:] else ""),
            file=folder,
        )  # fmt: skip
    with torch.no_grad():
        for name, weight in weights.items():
            own[name].copy_(weight)
        for name, at in sparse.items():
            own[name].view(-1)[at.to(own[name].device)] = values[name].to(own[name])


def _fits(at: torch.Tensor, values: torch.Tensor, weight: torch.Tensor) -> bool:
    known = not len(at) or 0 <= int(at.min()) <= int(at.max()) < weight.numel()
    return at.shape == values.shape and known
