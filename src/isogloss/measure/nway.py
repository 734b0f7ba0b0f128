"""Vectors of many languages over the same rows of one corpus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from isogloss.encode.vectors import Vectors, check_finite
from isogloss.errors import VectorError


class Side(NamedTuple):
    """One language.

    Attributes:
        array: `[n, d]` its vectors.
        rows: `[n]` the row of the corpus that each belongs to.
        total: rows of the corpus, those that this language lacks included.
    """

    array: np.ndarray
    rows: np.ndarray
    total: int


def sides(vectors: Mapping[str, Vectors | np.ndarray]) -> dict[str, Side]:
    """Every language's vectors with their rows; a plain array has all rows. Nothing is copied.

    Raises:
        VectorError: fewer than 2 languages, NaN or infinity, or vectors that differ in corpus,
            width, layer, pooling or model.
    """
    if len(vectors) < 2:
        raise VectorError(f"at least 2 languages are compared, got {len(vectors)}")
    made = {language: _side(language, given) for language, given in vectors.items()}
    _agree({language: side.total for language, side in made.items()}, "number of corpus rows")
    _agree({language: side.array.shape[1] for language, side in made.items()}, "width")
    known = {language: v for language, v in vectors.items() if isinstance(v, Vectors)}
    for name in ("layer", "pooling", "model_fingerprint"):
        _agree({language: getattr(v, name) for language, v in known.items()}, name)
    return made


def shared(left: Side, right: Side) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows that both have `[m]`, and where they are in `left` and in `right`, `[m]` each."""
    if np.array_equal(left.rows, right.rows):
        every = np.arange(len(left.rows))
        return left.rows, every, every
    return np.intersect1d(left.rows, right.rows, assume_unique=True, return_indices=True)


def _side(language: str, given: Vectors | np.ndarray) -> Side:
    if isinstance(given, Vectors):
        side = Side(given.array, given.rows, given.total)
    else:
        array = np.asarray(given)
        if array.ndim != 2:
            raise VectorError(f"{language}: vectors must be [n, d], got {list(array.shape)}")
        side = Side(array, np.arange(len(array)), len(array))
    check_finite(side.array, language)
    return side


def _agree(found: Mapping[str, object], what: str) -> None:
    first, *others = found or [""]
    for other in others:
        if found[other] != found[first]:
            raise VectorError(
                f"{first} and {other} differ in {what}: {found[first]} and {found[other]}"
            )
