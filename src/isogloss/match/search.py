"""Nearest neighbours by cosine and by the scores that correct for hubs, exact and in tiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from isogloss.errors import UsageError, VectorError
from isogloss.match.neighbours import tiles


class Neighbours(NamedTuple):
    """The nearest rows of an index, best first.

    Attributes:
        ids: `[q, k]` rows of the index.
        scores: `[q, k]` float32, falling along a row; of equal scores the lower id comes first.
    """

    ids: np.ndarray
    scores: np.ndarray


Rule = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Cosines `[t, m]`, their rows' and columns' neighbourhood means `[t, 1]`, `[m]`, to scores."""

SCORES: dict[str, Rule] = {
    "cosine": lambda cosines, of_row, of_column: cosines,
    "csls": lambda cosines, of_row, of_column: 2 * cosines - of_row - of_column,
    "ratio": lambda cosines, of_row, of_column: cosines / ((of_row + of_column) / 2),
    "distance": lambda cosines, of_row, of_column: cosines - (of_row + of_column) / 2,
}
"""A family over cos(x, y) and r, the mean cosine of a vector with its nearest on the other side.

cosine (the absolute margin), csls = 2 cos - r(x) - r(y), ratio = 2 cos / (r(x) + r(y)),
distance = cos - (r(x) + r(y)) / 2, which ranks as csls does.
Source: Conneau et al. (2018), Word Translation without Parallel Data, section 2.3 (CSLS);
Artetxe and Schwenk (2019), Margin-based Parallel Corpus Mining, section 3.1 (margins).
"""


def nearest(
    x: np.ndarray,
    y: np.ndarray,
    k: int = 1,
    *,
    score: str = "cosine",
    neighbourhood: int = 10,
    rows: np.ndarray | None = None,
    tile: int = 0,
) -> Neighbours:
    """The k rows of `y` that score best with each row of `x`.

    A few tiles of cosines are in memory, never the matrix.

    Args:
        x: `[n, d]` unit vectors.
        y: `[m, d]` unit vectors.
        k: neighbours to give.
        score: one of `SCORES`.
        neighbourhood: vectors whose mean cosine is r; fewer where a side has fewer.
        rows: `[q]` the rows of x to answer for, all by default; the others count only in the
            neighbourhoods of y.
        tile: rows of x in a tile; by default as many as fit 64 MiB.

    Raises:
        UsageError: a score that does not exist.
        VectorError: different widths, or k over the size of the index.
    """
    if score not in SCORES:
        raise UsageError(f"no score {score!r}; there is {', '.join(SCORES)}")
    if x.shape[1] != y.shape[1]:
        raise VectorError(f"vectors of widths {x.shape[1]} and {y.shape[1]} have no cosine")
    if not 1 <= k <= len(y):
        raise VectorError(f"k is {k}; the index holds {len(y)} vectors")
    asked = x if rows is None else x[rows]  # [q, d]
    if score == "cosine":
        of_x, of_y = np.zeros(len(asked), np.float32), np.zeros(len(y), np.float32)
    else:
        of_x = neighbourhood_means(asked, y, neighbourhood, tile=tile)  # [q]
        of_y = neighbourhood_means(y, x, neighbourhood, tile=tile)  # [m]
    ids, scores = np.empty((len(asked), k), np.int64), np.empty((len(asked), k), np.float32)
    for at, cosines in tiles(asked, y, tile):  # [t, m]
        ids[at], scores[at] = _best(SCORES[score](cosines, of_x[at, None], of_y), k)
    return Neighbours(ids, scores)


def neighbourhood_means(x: np.ndarray, y: np.ndarray, k: int, *, tile: int = 0) -> np.ndarray:
    """r(x) `[n]`: the mean cosine of each row of x with its k nearest rows of y."""
    k = min(k, len(y))
    means = np.empty(len(x), np.float32)
    for rows, cosines in tiles(x, y, tile):  # [t, m]
        cosines.partition(len(y) - k, axis=1)
        means[rows] = cosines[:, len(y) - k :].mean(1)
    return means


def _best(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns and values of the k largest of each row, best first, lower columns before equals."""
    m = scores.shape[1]
    if k == 1:
        ids = scores.argmax(1)[:, None]
        return ids, np.take_along_axis(scores, ids, 1)
    floor = np.partition(scores, m - k, axis=1)[:, m - k, None]  # the k-th largest value
    ids = np.empty((len(scores), k), np.int64)
    for row, (values, least) in enumerate(zip(scores, floor, strict=True)):
        inside = np.flatnonzero(values >= least)  # k of them, more where the last are equal
        ids[row] = inside[np.argsort(-values[inside], kind="stable")[:k]]
    return ids, np.take_along_axis(scores, ids, 1)
