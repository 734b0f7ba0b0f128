"""A map between spaces: affine steps and rescaling to unit length, one after the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.errors import ModelError, VectorError
from isogloss.files import atomic_folder, write_json

WEIGHTS, ABOUT = "map.safetensors", "map.json"


@dataclass(frozen=True, eq=False)
class Affine:
    """x -> (x - shift) @ matrix.

    Attributes:
        shift: `[d]` subtracted first, or None.
        matrix: `[d, e]`, or None for the identity.
    """

    shift: np.ndarray | None = None
    matrix: np.ndarray | None = None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """`[n, d]` to `[n, e]`."""
        moved = x if self.shift is None else x - self.shift
        return moved if self.matrix is None else moved @ self.matrix


@dataclass(frozen=True, eq=False)
class Unit:
    """x -> x / |x|; a zero vector stays zero."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """`[n, d]` to `[n, d]`."""
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


Step = Affine | Unit


@dataclass(frozen=True, eq=False)
class Map:
    """Steps from one space to another, and how they were found.

    Attributes:
        steps: applied in order.
        about: method, number of pairs, settings, fingerprints: whatever the fitting knew.
    """

    steps: tuple[Step, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, x: np.ndarray) -> np.ndarray:
        """`[n, d]` to `[n, e]`, float32.

        Raises:
            VectorError: vectors of another width than the map was fitted on.
        """
        made = np.asarray(x, np.float32)
        if made.ndim != 2 or (self.width is not None and made.shape[1] != self.width):
            raise VectorError(
                f"the map takes vectors [n, {self.width}], got {list(made.shape)}",
                remedy="apply it to vectors of the model and layer it was fitted on",
            )
        for step in self.steps:
            made = step(made)
        return np.asarray(made, np.float32)

    @property
    def width(self) -> int | None:
        """The width d of the vectors it takes; None where any width will do."""
        for step in self.steps:
            if isinstance(step, Affine):
                known = step.shift if step.shift is not None else step.matrix
                return None if known is None else len(known)
        return None

    def then(self, other: Map) -> Map:
        """This map and then the other."""
        first, second = dict(self.about), dict(other.about)
        about = {"chain": [*first.pop("chain", [first]), *second.pop("chain", [second])]}
        return Map((*self.steps, *other.steps), about)

    def inverse(self) -> Map:
        """The map back.

        Raises:
            VectorError: lengths were thrown away, or a matrix has no inverse.
        """
        return Map(
            tuple(part for step in reversed(self.steps) for part in _undo(step)),
            {**self.about, "inverted": not self.about.get("inverted", False)},
        )

    def save(self, folder: str | Path) -> None:
        """Write `map.safetensors` and `map.json` into a folder, whole or not at all."""
        from safetensors.numpy import save_file

        arrays = {
            f"{i}.{name}": np.ascontiguousarray(value)
            for i, step in enumerate(self.steps)
            for name, value in vars(step).items()
            if value is not None
        }
        kinds = [type(step).__name__.lower() for step in self.steps]
        with atomic_folder(folder) as temporary:
            save_file(arrays, temporary / WEIGHTS)
            write_json(temporary / ABOUT, {"steps": kinds, "about": dict(self.about)})

    @staticmethod
    def load(folder: str | Path) -> Map:
        """Read what `save` wrote.

        Raises:
            ModelError: there is no map in the folder, or it is of a later version.
        """
        from safetensors.numpy import load_file

        folder = Path(folder)
        if not (folder / ABOUT).is_file() or not (folder / WEIGHTS).is_file():
            raise ModelError(f"no map here: {ABOUT} or {WEIGHTS} is missing", file=folder)
        described = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        arrays = load_file(folder / WEIGHTS)
        unknown = [kind for kind in described["steps"] if kind not in ("affine", "unit")]
        if unknown:
            raise ModelError(f"the map has a step {unknown[0]!r}", file=folder / ABOUT)
        steps = tuple(
            Affine(arrays.get(f"{i}.shift"), arrays.get(f"{i}.matrix"))
            if kind == "affine"
            else Unit()
            for i, kind in enumerate(described["steps"])
        )
        return Map(steps, described["about"])


def _undo(step: Step) -> list[Affine]:
    if isinstance(step, Unit):
        raise VectorError("a map to unit length has no inverse: lengths are gone")
    undone = []
    if step.matrix is not None:
        rows, columns = step.matrix.shape
        if rows != columns or np.linalg.matrix_rank(step.matrix) < rows:
            raise VectorError(f"a matrix [{rows}, {columns}] of lower rank has no inverse")
        undone.append(Affine(matrix=np.linalg.inv(step.matrix)))
    if step.shift is not None:
        undone.append(Affine(shift=-step.shift))
    return undone
