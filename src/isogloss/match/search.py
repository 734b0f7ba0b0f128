"""Nearest neighbours by cosine and by the scores that correct for hubs, exact and in tiles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from isogloss.errors import UsageError, VectorError
from isogloss.match.neighbours import k_largest, k_largest_mean, ratio_margin, tiles


class Neighbours(NamedTuple):
    """The nearest rows of an index, best first.

    Attributes:
        ids: `[q, k]` rows of the index.
        scores: `[q, k]` float32, falling along a row; of equal scores the lower id comes first.
    """

    ids: np.ndarray
    scores: np.ndarray


LINEAR = {"cosine": (1.0, 0.0), "absolute": (1.0, 0.0), "csls": (2.0, 1.0), "distance": (1.0, 0.5)}
SCORES = (*LINEAR, "ratio")
"""A family over cos(x, y) and r, the mean cosine of a vector with its nearest on the other side.

All but one are a cos(x, y) - b (r(x) + r(y)), and a and b stand above: cosine, which is the
absolute margin; csls; distance, which ranks as csls does. ratio = 2 cos(x, y) / (r(x) + r(y)).
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
    ids, scores = np.empty((len(asked), k), np.int64), np.empty((len(asked), k), np.float32)
    scale, share = LINEAR.get(score, (1.0, 1.0))
    of_x, of_y = np.zeros(len(asked), np.float32), np.zeros(len(y), np.float32)
    if share:
        of_x = neighbourhood_means(asked, y, neighbourhood, tile=tile)  # [q]
        of_y = neighbourhood_means(y, x, neighbourhood, tile=tile)  # [m]
    if score == "ratio":
        for at, cosines in tiles(asked, y, tile):  # [t, m]
            ids[at], scores[at] = k_largest(ratio_margin(cosines, of_x[at, None], of_y), k)
        return Neighbours(ids, scores)
    for at, ranked in tiles(asked, scale * y, tile, shift=-share * of_y):  # [t, m]
        ids[at], scores[at] = k_largest(ranked, k)
    scores -= share * of_x[:, None]  # one number for all of a row: it does not change the order
    return Neighbours(ids, scores)


def neighbourhood_means(x: np.ndarray, y: np.ndarray, k: int, *, tile: int = 0) -> np.ndarray:
    """r(x) `[n]`: the mean cosine of each row of x with its k nearest rows of y."""
    means = np.empty(len(x), np.float32)
    for rows, cosines in tiles(x, y, tile):  # [t, m]
        means[rows] = k_largest_mean(cosines, min(k, len(y)))
    return means
