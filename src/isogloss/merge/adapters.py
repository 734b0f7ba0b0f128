"""LoRA adapters as models: what the base becomes with one, computed a slice at a time.

The factors of two adapters cannot be added or subtracted one by one: a product of factors that
were both negated is what it was. So an adapter is read as the tensors W + s B A that it makes of
its base, and merged like any model.

Source: Hu et al. (2022), LoRA, section 4.1: W + (alpha / r) B A. With rank stabilisation alpha over
the root of r: Kalajdzievski (2023), section 3.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.encode.folder import read_object
from isogloss.errors import ModelError
from isogloss.merge.plan import Upon
from isogloss.merge.tensors import Tensor, read_file

CONFIG = "adapter_config.json"
_FILE = "adapter_model.safetensors"
_PREFIX = "base_model.model."
_A, _B = ".lora_A.weight", ".lora_B.weight"
# peft takes what these begin with away from the base's own weights.
_ON_ANOTHER = ("pissa", "olora", "corda", "loftq", "lora_ga")
_FOLD = (
    "fold it into its base once: peft.PeftModel.from_pretrained(base, folder).merge_and_unload()"
    ".save_pretrained(out)"
)
_SAVE = "save it as safetensors: model.save_pretrained(folder), with peft 0.7 or later"


@dataclass(frozen=True)
class Adapted(Tensor):
    """A tensor of the base, and what an adapter adds to it.

    Attributes:
        base: as it was; `[o, i]`, or `[i, o]` if `turned`.
        down: A, `[r, i]`.
        up: B, `[o, r]`.
        scale: s.
        turned: whether the base holds the transposed weight, as GPT-2 does.
    """

    base: Tensor
    down: Tensor
    up: Tensor
    scale: float
    turned: bool

    @property
    def computed(self) -> bool:
        """It stands in no file."""
        return True

    def values(self, start: int, count: int, wide: type = np.float32) -> np.ndarray:
        """`[count]` values from the start-th on.

        Products of rank one are added in their order, so a value does not depend on the slice.
        """
        width = self.shape[1]
        first, last = start // width, -(-(start + count) // width)
        if self.turned:
            rows, across = _rows(self.down).T[first:last], _rows(self.up).T  # [n, r], [r, o]
        else:
            rows, across = _rows(self.up, first, last), _rows(self.down)  # [n, r], [r, i]
        added = np.zeros((last - first, width))
        for one, other in zip(rows.T, across, strict=True):
            added += one[:, None] * (other * self.scale)
        at = start - first * width
        made = added.ravel()[at : at + count]
        made += self.base.values(start, count, np.float64)
        return made.astype(wide, copy=False)


@dataclass(frozen=True)
class Adapter(Upon):
    """A base with an adapter on it, as a model."""

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """Those of the base, with what the adapter changes or replaces.

        Raises:
            ModelError: an adapter of another kind, or not for this base.
        """
        assert self.base is not None
        found, settings = dict(self.base.tensors), _settings(self.path)
        if not (self.path / _FILE).is_file():
            raise ModelError(f"has no {_FILE}", file=self.path, remedy=_SAVE)
        own = {t.name.removeprefix(_PREFIX): t for t in read_file(self.path / _FILE)}
        for name, tensor in own.items():
            if name.endswith(_B):
                if name.removesuffix(_B) + _A not in own:
                    raise ModelError(f"has no pair for {name}", file=self.path / _FILE)
                continue
            to = f"{name.removesuffix(_A)}.weight" if name.endswith(_A) else name
            if "lora_" in to:
                raise ModelError(f"has {name}, not plain LoRA", file=self.path, remedy=_FOLD)
            if (to := _place(to, found)) not in found:
                raise ModelError(
                    f"is for a model with {to}, and {self.base.name} has no such tensor",
                    file=self.path,
                    remedy=f"give the base that the adapter was trained on; or {_FOLD}",
                )
            if name.endswith(_A):
                found[to] = _adapted(found[to], tensor, own.get(name.removesuffix(_A) + _B),
                                     settings, self)  # fmt: skip
            else:
                found[to] = tensor  # a bias, or a module that was saved whole
        return found


def is_lora(model: str | Path) -> bool:
    """Whether a folder holds an adapter and no model."""
    path = Path(model).expanduser()
    return (path / CONFIG).is_file() and not (path / "config.json").is_file()


def _place(name: str, names: Collection[str]) -> str:
    """What the base calls a tensor: one of the two may be a body inside a model with a head."""
    inner = name.partition(".")[2]
    outer = [other for other in names if other.partition(".")[2] == name]
    if name in names or (inner not in names and len(outer) != 1):
        return name
    return inner if inner in names else outer[0]


def _settings(folder: Path) -> dict[str, Any]:
    settings = read_object(folder / CONFIG)
    wrong = [key for key in ("use_dora", "alpha_pattern") if settings.get(key)]
    begun = str(settings.get("init_lora_weights"))
    if begun.startswith(_ON_ANOTHER):
        wrong.append(f"begun by {begun}, which changes the base")
    if not isinstance(settings.get("lora_alpha"), int | float):
        wrong.append("lora_alpha is no number")
    if settings.get("peft_type") != "LORA" or wrong:
        raise ModelError(
            f"is not a plain LoRA adapter ({', '.join(wrong) or settings.get('peft_type')})",
            file=folder / CONFIG, remedy=_FOLD,
        )  # fmt: skip
    return settings


def _adapted(
    base: Tensor, down: Tensor, up: Tensor | None, settings: dict[str, Any], adapter: Adapter
) -> Adapted:
    turned = bool(settings.get("fan_in_fan_out"))
    shape = base.shape[::-1] if turned else base.shape
    ranks = (up.shape[1:], down.shape[:1]) if up is not None else ((), ())
    fits = up is not None and ranks[0] == ranks[1] and (up.shape[0], *down.shape[1:]) == shape
    if not fits or up is None:
        raise ModelError(
            f"{down.name} {list(down.shape)} and its pair {list(up.shape) if up else 'none'} do "
            f"not fit {base.name} {list(base.shape)}",
            file=adapter.path, remedy="give the base that the adapter was trained on",
        )  # fmt: skip
    rank = down.shape[0]
    scale = settings["lora_alpha"] / (math.sqrt(rank) if settings.get("use_rslora") else rank)
    return Adapted(base.name, "F64", base.shape, base.file, base.offset, base, down, up, scale,
                   turned)  # fmt: skip


def _rows(tensor: Tensor, first: int = 0, last: int | None = None) -> np.ndarray:
    """`[last - first, n]` float64 rows, all by default."""
    last, width = tensor.shape[0] if last is None else last, tensor.shape[1]
    found = tensor.values(first * width, (last - first) * width, np.float64)
    return found.reshape(-1, width)
