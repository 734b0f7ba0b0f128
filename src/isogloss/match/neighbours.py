"""Cosines between two sets of vectors, in tiles: never an n x n matrix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

TILE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class PairStatistics:
    """What retrieval, margins and MEXA need to know about the cosines of n translations.

    Attributes:
        matched: `[n]` cosine of each translation pair.
        best_other_right: `[n]` largest cosine of x_i with any y_j, j != i.
        best_other_left: `[n]` largest cosine of y_i with any x_j, j != i.
        mean_other: `[n]` mean cosine of x_i with all y_j, j != i.
        near_right: `[n]` mean cosine of x_i with its k nearest y.
        near_left: `[n]` mean cosine of y_i with its k nearest x.
    """

    matched: np.ndarray
    best_other_right: np.ndarray
    best_other_left: np.ndarray
    mean_other: np.ndarray
    near_right: np.ndarray
    near_left: np.ndarray


def unit(array: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1, float32; a zero row stays zero."""
    array = np.asarray(array, np.float32)
    return array / np.maximum(np.linalg.norm(array, axis=1, keepdims=True), 1e-12)


def pair_statistics(x: np.ndarray, y: np.ndarray, *, k: int = 4, tile: int = 0) -> PairStatistics:
    """One pass over the cosines of unit vectors `x` `[n, d]` with their translations `y` `[n, d]`.

    Args:
        x: unit vectors of one language.
        y: unit vectors of the other, row i the translation of row i.
        k: neighbours of the margin; at most n.
        tile: rows in a tile; by default as many as fit 64 MiB.
    """
    n = len(x)
    k = min(k, n)
    matched = np.empty(n, np.float32)
    right, mean, near_right = (np.empty(n, np.float32) for _ in range(3))
    left = np.full(n, -np.inf, np.float32)
    top = np.full((k, n), -np.inf, np.float32)  # k best of every column so far
    total = y.sum(0, dtype=np.float64)  # [d]
    for rows, scores in tiles(x, y, tile):  # [t, n]
        near_right[rows] = _top(scores, k, 1).mean(1)
        top = _top(np.concatenate([top, scores]), k, 0)
        own = (np.arange(len(scores)), np.arange(rows.start, rows.stop))
        matched[rows] = scores[own]
        mean[rows] = (x[rows] @ total - scores[own]) / max(n - 1, 1)
        scores[own] = -np.inf
        right[rows] = scores.max(1)
        np.maximum(left, scores.max(0), out=left)
    return PairStatistics(matched, right, left, mean, near_right, top.mean(0))


def margin_hits(
    x: np.ndarray, y: np.ndarray, statistics: PairStatistics, *, tile: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each translation has the single largest ratio margin, from x to y and from y to x.

    margin(x, y) = cos(x, y) / ((near(x) + near(y)) / 2), near being the mean cosine with the k
    nearest neighbours on the other side.

    Returns:
        `[n]` and `[n]` booleans.

    Source: Artetxe and Schwenk (2019), Margin-based Parallel Corpus Mining, equation 2, ratio.
    """
    n = len(x)
    best_right = np.empty(n, np.float32)
    best_left = np.full(n, -np.inf, np.float32)
    matched = statistics.matched / ((statistics.near_right + statistics.near_left) / 2)
    for rows, scores in tiles(x, y, tile):  # [t, n]
        scores /= (statistics.near_right[rows, None] + statistics.near_left) / 2
        own = (np.arange(len(scores)), np.arange(rows.start, rows.stop))
        matched[rows] = scores[own]
        scores[own] = -np.inf
        best_right[rows] = scores.max(1)
        np.maximum(best_left, scores.max(0), out=best_left)
    return matched > best_right, matched > best_left


def tiles(x: np.ndarray, y: np.ndarray, tile: int = 0) -> Iterator[tuple[slice, np.ndarray]]:
    """Slices of rows of x with their cosines to all of y `[t, n]`."""
    size = tile or max(1, TILE_BYTES // (4 * max(len(y), 1)))
    for at in range(0, len(x), size):
        rows = slice(at, min(at + size, len(x)))
        yield rows, x[rows] @ y.T


def _top(scores: np.ndarray, k: int, axis: int) -> np.ndarray:
    """The k largest along an axis, in no order."""
    size = scores.shape[axis]
    if k >= size:
        return scores
    return np.take(np.partition(scores, size - k, axis=axis), range(size - k, size), axis=axis)
