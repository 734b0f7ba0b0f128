"""Deltas of training as models: the base with what was changed put in, a slice at a time.

A delta holds weights by the names of the body that trained, `body.NAME`; those that changed in part
as `body.NAME.index` `[k]`, flat places, and `body.NAME.value` `[k]`, what stands there. So the
model is the base's to the bit everywhere else, and its difference from the base is sparse.

Source: the sum of sparse differences is that of Ansell et al. (2022), Composable Sparse Fine-Tuning
for Cross-Lingual Transfer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from isogloss.encode.folder import read_object
from isogloss.errors import ModelError
from isogloss.merge.plan import Upon
from isogloss.merge.tensors import Tensor, read_file

ABOUT = "delta.json"
_FILE = "delta.safetensors"
_BODY, _INDEX, _VALUE = "body.", ".index", ".value"
_BASE = "give the model that it was trained from"


@dataclass(frozen=True)
class Replaced(Tensor):
    """A tensor of the base with other values at some places.

    Attributes:
        base: as it was.
        at: flat places `[k]`, rising.
        new: `[k]` what stands there, float64.
    """

    base: Tensor
    at: np.ndarray = field(compare=False)
    new: np.ndarray = field(compare=False)

    @property
    def computed(self) -> bool:
        """It stands in no file."""
        return True

    def values(self, start: int, count: int, wide: type = np.float32) -> np.ndarray:
        """`[count]` values from the start-th on."""
        made = self.base.values(start, count, np.float64).copy()
        first, last = np.searchsorted(self.at, [start, start + count])
        made[self.at[first:last] - start] = self.new[first:last]
        return made.astype(wide, copy=False)


@dataclass(frozen=True)
class Delta(Upon):
    """A base with a delta on it, as a model."""

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """Those of the base, with what the delta changes.

        Raises:
            ModelError: it is cut short, or not for this base.
        """
        assert self.base is not None
        if not (self.path / _FILE).is_file():
            raise ModelError(f"has no {_FILE}", file=self.path)
        found = dict(self.base.tensors)
        own = {tensor.name: tensor for tensor in read_file(self.path / _FILE)}
        for name, tensor in own.items():
            if name.endswith(_VALUE) or not name.startswith(_BODY):
                continue  # a pair is read with its places; what is beside a body is not saved
            place = self._place(name.removeprefix(_BODY).removesuffix(_INDEX), found)
            if name.endswith(_INDEX):
                values = own.get(name.removesuffix(_INDEX) + _VALUE)
                found[place] = _replaced(found[place], tensor, values)
            elif tensor.shape != found[place].shape:
                raise ModelError(
                    f"{name} is {list(tensor.shape)}, and {self.base.name} has "
                    f"{list(found[place].shape)}",
                    file=self.path, remedy=_BASE,
                )  # fmt: skip
            else:
                found[place] = tensor
        return found

    def _place(self, name: str, tensors: dict[str, Tensor]) -> str:
        """What the base calls a weight: one opened without its head has shorter names.

        Raises:
            ModelError: it has none, or several that could be meant.
        """
        assert self.base is not None
        if name in tensors:
            return name
        ends = [known for known in tensors if known.endswith((f".{name}", f"/{name}"))]
        ends += [known for known in tensors if name.endswith(f".{known}")]
        if len(ends) != 1:
            raise ModelError(
                f"is for a model with {name}, and {self.base.name} has "
                + (f"several such tensors: {', '.join(ends)}" if ends else "no such tensor"),
                file=self.path, remedy=_BASE,
            )  # fmt: skip
        return ends[0]


def is_delta(model: str | Path) -> bool:
    """Whether a folder holds what training changed, and no model."""
    path = Path(model).expanduser()
    return (path / ABOUT).is_file() and not (path / "config.json").is_file()


def check_base(folder: Path, fingerprint: str) -> None:
    """Refuse a delta that was trained from another model.

    Raises:
        ModelError: it was, or does not say from which.
    """
    base = read_object(folder / ABOUT).get("base")
    if base != fingerprint:
        raise ModelError(
            f"the delta was trained from the model {base}, and this is {fingerprint}",
            file=folder, remedy=_BASE,
        )  # fmt: skip


def _replaced(base: Tensor, index: Tensor, values: Tensor | None) -> Replaced:
    file, kinds = index.file, ("I64", "I32")
    if values is None or index.kind not in kinds or index.shape != values.shape:
        raise ModelError(f"{index.name} has no pair of its length", file=file)
    at = index.values(0, index.count, np.int64)
    if len(at) and (at[0] < 0 or at[-1] >= base.count or (np.diff(at) <= 0).any()):
        raise ModelError(
            f"{index.name} has places that {base.name} has not, or in no order",
            file=file, remedy=_BASE,
        )  # fmt: skip
    new = values.values(0, values.count, np.float64)
    return Replaced(base.name, "F64", base.shape, base.file, base.offset, base, at, new)
