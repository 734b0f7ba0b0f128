"""A map between spaces: affine steps, rescaling and steps by cluster, one after the other."""

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

    @property
    def width(self) -> int | None:
        """d, or None where it changes nothing."""
        known = self.shift if self.shift is not None else self.matrix
        return None if known is None else len(known)


@dataclass(frozen=True, eq=False)
class Unit:
    """x -> x / |x|; a zero vector stays zero."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """`[n, d]` to `[n, d]`."""
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)

    @property
    def width(self) -> None:
        """None: any width will do."""
        return None


@dataclass(frozen=True, eq=False)
class Piecewise:
    """x -> (x - shift_c)(I - R_c^T R_c), c the cluster whose centroid is nearest to x.

    Directions are kept in place of the projection `[d, d]` that takes them out: a cluster then
    costs r d numbers.

    Attributes:
        centroids: `[c, d]`.
        shifts: `[c, d]` subtracted first.
        removed: `[c, r, d]` orthonormal directions R that are taken out; zeros take out nothing.
    """

    centroids: np.ndarray
    shifts: np.ndarray
    removed: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """`[n, d]` to `[n, d]`."""
        own = self.clusters(x)  # [n]
        made = x - self.shifts[own]
        for cluster in np.unique(own):
            rows, out = np.flatnonzero(own == cluster), self.removed[cluster]  # [m], [r, d]
            made[rows] -= (made[rows] @ out.T) @ out
        return made

    def clusters(self, x: np.ndarray) -> np.ndarray:
        """The nearest centroid of each row, `[n]`; of equally near ones the first."""
        return (x @ self.centroids.T - (self.centroids**2).sum(1) / 2).argmax(1)

    @property
    def width(self) -> int:
        """D, the width of the centroids."""
        return self.centroids.shape[1]


Step = Affine | Unit | Piecewise
KINDS: dict[str, type[Step]] = {kind.__name__.lower(): kind for kind in (Affine, Unit, Piecewise)}


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
        return next((step.width for step in self.steps if step.width is not None), None)

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
            ModelError: there is no map in the folder, or it is damaged or of a later version.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        folder = Path(folder)
        if not (folder / ABOUT).is_file() or not (folder / WEIGHTS).is_file():
            raise ModelError(
                f"no map here: {ABOUT} or {WEIGHTS} is missing", file=folder,
                remedy="name a folder that `isogloss map` or `Map.save` made",
            )  # fmt: skip
        try:
            described = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            kinds, about = list(described["steps"]), dict(described["about"])
            arrays = load_file(folder / WEIGHTS)
        except (ValueError, KeyError, TypeError, SafetensorError) as error:
            raise _damaged(folder, error) from None
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown:
            raise ModelError(f"the map has a step {unknown[0]!r}", file=folder / ABOUT)
        try:
            steps = tuple(
                KINDS[kind](
                    **{k.partition(".")[2]: v for k, v in arrays.items() if k.startswith(f"{i}.")}
                )
                for i, kind in enumerate(kinds)
            )
        except TypeError as error:
            raise _damaged(folder, error) from None
        return Map(steps, about)


def _damaged(folder: Path, error: Exception) -> ModelError:
    return ModelError(
        f"the map here is damaged: {error}",
        file=folder,
        remedy="fit and save it anew, or get it again",
    )


def _undo(step: Step) -> list[Affine]:
    if isinstance(step, Unit):
        raise VectorError("a map to unit length has no inverse: lengths are gone")
    if isinstance(step, Piecewise):
        raise VectorError("a map by clusters has no inverse: which cluster it was is gone")
    undone = []
    if step.matrix is not None:
        rows, columns = step.matrix.shape
        if rows != columns or np.linalg.matrix_rank(step.matrix) < rows:
            raise VectorError(f"a matrix [{rows}, {columns}] of lower rank has no inverse")
        undone.append(Affine(matrix=np.linalg.inv(step.matrix)))
    if step.shift is not None:
        undone.append(Affine(shift=-step.shift))
    return undone
