"""Translations found in two sets of sentences by the margin of their cosine over their neighbours'.

A cosine alone says little: some sentences are near to everything. The margin asks how much nearer
two sentences are than each is to its other neighbours on the other side.

Source: Artetxe and Schwenk (2019), Margin-based Parallel Corpus Mining with Multilingual Sentence
Embeddings, sections 3.1 and 3.2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from isogloss.errors import UsageError, VectorError
from isogloss.match.index import in_order
from isogloss.match.search import Neighbours, neighbourhood_means

MARGINS = ("absolute", "distance", "ratio")
RETRIEVALS = ("forward", "backward", "intersection", "max")
PART = 512  # rows whose neighbours' vectors are gathered together


class Mined(NamedTuple):
    """Pairs, best first; of equal scores the lower source comes first, then the lower target.

    Attributes:
        source: `[p]` rows of the source.
        target: `[p]` rows of the target.
        scores: `[p]` float64 margins, falling.
    """

    source: np.ndarray
    target: np.ndarray
    scores: np.ndarray


def margins(
    cosines: np.ndarray, of_x: np.ndarray, of_y: np.ndarray, margin: str = "ratio"
) -> np.ndarray:
    """The margin of cos(x, y) over b = (r(x) + r(y)) / 2, r the mean cosine of the k neighbours.

    absolute = cos(x, y), distance = cos(x, y) - b, ratio = cos(x, y) / b. Where b is not positive
    nothing is near to either and a ratio means nothing; it is 0 there.

    Args:
        cosines: cos(x, y), of any shape.
        of_x: r(x), of a shape that fits.
        of_y: r(y).
        margin: one of `MARGINS`; ratio did best for the authors.

    Raises:
        UsageError: a margin that does not exist.
    """
    cosines = np.asarray(cosines, np.float64)
    if margin == "absolute":
        return cosines
    around = (np.asarray(of_x, np.float64) + of_y) / 2
    if margin == "distance":
        return cosines - around
    if margin != "ratio":
        raise UsageError(f"no margin {margin!r}; there is {', '.join(MARGINS)}")
    return np.where(around > 0, cosines / np.where(around > 0, around, 1), 0.0)


def mine_pairs(
    forward: Neighbours, backward: Neighbours, *, margin: str = "ratio", retrieval: str = "max"
) -> Mined:
    """Pairs of sentences among each other's neighbours, by falling margin.

    - `forward`: each source with the best of its k neighbours; a target may come often.
    - `backward`: each target with the best of its k neighbours; a source may come often.
    - `intersection`: the pairs that are in both: fewest, and most often right.
    - `max`: the neighbours of both directions together, best margin first, each sentence once. A
      sentence whose best partner went to a better pair may still get its second.

    Args:
        forward: `[n, k]` neighbours of each source among the targets, with their cosines.
        backward: `[m, k]` neighbours of each target among the sources.
        margin: see `margins`.
        retrieval: one of `RETRIEVALS`.

    Raises:
        UsageError: a margin or a retrieval that does not exist.
        VectorError: neighbours that lie outside the other side.
    """
    if retrieval not in RETRIEVALS:
        raise UsageError(f"no retrieval {retrieval!r}; there is {', '.join(RETRIEVALS)}")
    n, m = len(forward.ids), len(backward.ids)
    for ids, size, side in ((forward.ids, m, "target"), (backward.ids, n, "source")):
        if ids.size and not 0 <= ids.min() <= ids.max() < size:
            raise VectorError(f"a neighbour is not among the {size} sentences of the {side}")
    of_x, of_y = (side.scores.mean(1, dtype=np.float64) for side in (forward, backward))
    ahead = margins(forward.scores, of_x[:, None], of_y[forward.ids], margin)  # [n, k]
    back = margins(backward.scores, of_x[backward.ids], of_y[:, None], margin)  # [m, k]
    if retrieval == "max":
        source = np.concatenate([_rows(forward), backward.ids.ravel()])
        target = np.concatenate([forward.ids.ravel(), _rows(backward)])
        return _one_to_one(source, target, np.concatenate([ahead.ravel(), back.ravel()]), n, m)
    best, at = _best(forward.ids, ahead)  # [n] each
    best_back, at_back = _best(backward.ids, back)  # [m] each
    if retrieval == "backward":
        return _sorted(best_back, np.arange(m), at_back)
    source = np.arange(n)
    if retrieval == "intersection":
        source = source[best_back[best] == source]
    return _sorted(source, best[source], at[source])


def score_pairs(
    x: np.ndarray,
    y: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
    *,
    k: int = 4,
    margin: str = "ratio",
) -> tuple[np.ndarray, np.ndarray]:
    """Margins and cosines of given pairs, within a pool: how good is a bitext that one has?

    Args:
        x: `[n, d]` unit vectors of the source, each sentence once.
        y: `[m, d]` unit vectors of the target, each sentence once. A sentence that stood there
            often would be all of its translation's neighbours and take its margin away.
        source: `[p]` rows of x.
        target: `[p]` rows of y.
        k: neighbours; as many as a side has where that is fewer.
        margin: see `margins`.

    Returns:
        `[p]` margins and `[p]` cosines.
    """
    of_x, of_y = neighbourhood_means(x, y, k), neighbourhood_means(y, x, k)
    cosines = np.empty(len(source))
    for rows in _parts(len(source)):
        cosines[rows] = _products(x[source[rows]], y[target[rows], None])[:, 0]
    return margins(cosines, of_x[source], of_y[target], margin), cosines


def merge(a: Neighbours, b: Neighbours, k: int) -> Neighbours:
    """The k best of two answers to the same queries, from two parts of an index.

    Ids are those of the whole index, and no id is in both. Fewer than k where both together have
    fewer.
    """
    ids, scores = (np.concatenate(both, 1) for both in zip(a, b, strict=True))
    return in_order(ids, scores, k)


def rescored(x: np.ndarray, y: np.ndarray, found: Neighbours) -> Neighbours:
    """The same neighbours with their cosines summed anew, each alone and in float64.

    A matrix product sums in an order that depends on the sizes of its tiles; so two searches that
    cut the index differently would differ in the last bit and, now and then, in a pair.

    Args:
        x: `[n, d]` unit vectors.
        y: `[m, d]` unit vectors.
        found: `[n, k]` neighbours of x in y.
    """
    scores = np.empty(found.ids.shape, np.float32)
    for rows in _parts(len(x)):
        scores[rows] = _products(x[rows], y[found.ids[rows]])
    return in_order(found.ids, scores)


def _products(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x_i y_ij for `[n, d]` and `[n, k, d]`: `[n, k]` float64."""
    return (y.astype(np.float64) * x[:, None].astype(np.float64)).sum(2)


def _parts(total: int) -> list[slice]:
    return [slice(at, min(at + PART, total)) for at in range(0, total, PART)]


def _rows(found: Neighbours) -> np.ndarray:
    return np.repeat(np.arange(len(found.ids)), found.ids.shape[1])


def _best(ids: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The id and score of the best of each row, of equals the lower id."""
    top = scores.max(1)
    return np.where(scores == top[:, None], ids, np.iinfo(np.int64).max).min(1), top


def _sorted(source: np.ndarray, target: np.ndarray, scores: np.ndarray) -> Mined:
    order = np.lexsort((target, source, -scores))
    return Mined(source[order], target[order], scores[order])


def _one_to_one(
    source: np.ndarray, target: np.ndarray, scores: np.ndarray, n: int, m: int
) -> Mined:
    """The pairs a walk from the best to the worst takes if it skips sentences already taken.

    A pair that is the first for both its sentences is one the walk will take, so all such pairs
    are taken at once, and what shares a sentence with them falls away, until nothing is left.
    """
    pairs = _sorted(source, target, scores)
    left, chosen = np.arange(len(pairs.source)), []
    first = np.empty(n, np.int64), np.empty(m, np.int64)
    free = np.ones(n, bool), np.ones(m, bool)
    while len(left):
        sides = pairs.source[left], pairs.target[left]
        for at, side in zip(first, sides, strict=True):
            at[side[::-1]] = left[::-1]  # of several the last written stays: the best
        taken = (first[0][sides[0]] == left) & (first[1][sides[1]] == left)
        chosen.append(left[taken])
        for state, side in zip(free, sides, strict=True):
            state[side[taken]] = False
        left = left[free[0][sides[0]] & free[1][sides[1]]]
    kept = np.sort(np.concatenate(chosen)) if chosen else left
    return Mined(*(column[kept] for column in pairs))
