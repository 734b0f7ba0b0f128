"""Self-learning: a map makes a dictionary, the dictionary a better map, until neither changes.

VecMap's settings are points of one function, see `POINTS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from isogloss.errors import UsageError, VectorError
from isogloss.match.neighbours import k_largest, tiles, unit
from isogloss.match.search import nearest, neighbourhood_means
from isogloss.progress import Advance
from isogloss.space.linear import whiten
from isogloss.space.map import Affine, Map, Unit
from isogloss.space.normalise import USUAL, finite, normalise

MISSED = 0.01  # share of words that a random subset may leave without a translation


@dataclass(frozen=True)
class Point:
    """One setting of self-learning.

    Attributes:
        seed: where the first dictionary comes from: `given`, `identical` words, or `shape`, the
            sorted similarities of each word to its own language.
        learn: whether the dictionary is learnt further, or used as it is.
        cutoff: the most frequent words of each side that the dictionary may hold.
        shape_cutoff: the most frequent words that `shape` compares.
        keep: share of candidates that are looked at first; it grows as learning stalls.
        growth: by how much it grows.
        patience: rounds without an improvement before it grows.
        threshold: what counts as an improvement of the mean similarity.
        rounds: at most.
        neighbourhood: of CSLS.
        reweight: power of the singular values given to each side in the last map; 0 for none.
    """

    seed: str = "given"
    learn: bool = True
    cutoff: int = 20_000
    shape_cutoff: int = 4_000
    keep: float = 0.1
    growth: float = 2.0
    patience: int = 50
    threshold: float = 1e-6
    rounds: int = 2_000
    neighbourhood: int = 10
    reweight: float = 0.5


POINTS = {
    "supervised": Point(learn=False),
    "semi_supervised": Point(),
    "identical": Point(seed="identical"),
    "unsupervised": Point(seed="shape"),
    "orthogonal": Point(learn=False, reweight=0.0),
}


class Learned(NamedTuple):
    """Two spaces in one.

    Attributes:
        source: map of the source's vectors into the shared space, normalisers included.
        target: map of the target's vectors.
        pairs: `[p, 2]` rows of the last dictionary.
        objective: mean similarity of each round's best pairs; empty if nothing was learnt.
    """

    source: Map
    target: Map
    pairs: np.ndarray
    objective: list[float]


def self_learning(
    point: str | Point,
    *,
    source: np.ndarray,
    target: np.ndarray,
    pairs: np.ndarray | None = None,
    words: tuple[Sequence[str], Sequence[str]] | None = None,
    seed: int = 0,
    advance: Advance | None = None,
    **changes: Any,
) -> Learned:
    """Map two spaces into one, from a dictionary, identical words, or nothing but their shapes.

    Each round fits orthogonal maps on the dictionary, W_x = U and W_y = V of X^T Y = U S V^T, and
    makes a new one of CSLS neighbours in both directions. Candidates are left out at random, each
    kept with a probability that starts at `keep` and grows, so that early mistakes are left
    again. The last map whitens both sides, turns them, gives each side S^(1/2) and undoes the
    whitening.

    The best of a random subset is drawn without drawing the subset: it is the g-th best of all,
    g geometric, so that a round costs a search and not n x n random numbers.

    Args:
        point: one of `POINTS`, or one of your own.
        source: `[n, d]` vectors, most frequent words first.
        target: `[m, d]` vectors of the same width.
        pairs: `[p, 2]` rows that translate each other, for points whose seed is given.
        words: both vocabularies, for identical words.
        seed: of the random candidates.
        advance: told of each round.
        changes: fields of the point that differ.

    Raises:
        UsageError: an unknown point, or one whose pairs or words are missing.
        VectorError: widths that differ, vectors that are not numbers, rows that do not exist, or
            a first dictionary of fewer than 2 pairs.

    Prefer `supervised` with thousands of pairs, `semi_supervised` with tens, `identical` for
    related languages in one script, and `unsupervised` only for large like corpora.

    Source: Artetxe, Labaka and Agirre (2018), A Robust Self-learning Method for Fully
    Unsupervised Cross-lingual Mappings of Word Embeddings, sections 3.1-3.4; whitening and
    re-weighting: the same (2018), Generalizing and Improving Bilingual Word Embedding Mappings
    with a Multi-step Framework of Linear Transformations, section 2; CSLS: Conneau et al. (2018).
    """
    chosen, name = _choose(point, changes)
    vectors = [finite(side, what) for side, what in ((source, "source"), (target, "target"))]
    if vectors[0].shape[1] != vectors[1].shape[1]:
        raise VectorError(
            f"spaces of widths {vectors[0].shape[1]} and {vectors[1].shape[1]} cannot be turned "
            "onto each other",
            remedy="train both with one number of dimensions, or reduce the wider one",
        )
    prepared = [normalise(side, USUAL) for side in vectors]
    x, y = (one.apply(side) for one, side in zip(prepared, vectors, strict=True))
    first = _first_dictionary(chosen, x, y, pairs, words)
    objective: list[float] = []
    if chosen.learn:
        first, objective = _learn(chosen, x, y, first, seed, advance)
    matrices = weighted_maps(x[first[:, 0]], y[first[:, 1]], chosen.reweight)
    about = {"method": f"self_learning.{name}", "pairs": len(first), "rounds": len(objective),
             "reweight": chosen.reweight, "seed": seed}  # fmt: skip
    maps = [
        one.then(Map((Affine(matrix=matrix.astype(np.float32)), Unit()), about))
        for one, matrix in zip(prepared, matrices, strict=True)
    ]
    return Learned(maps[0], maps[1], first, objective)


def weighted_maps(x: np.ndarray, y: np.ndarray, reweight: float) -> tuple[np.ndarray, np.ndarray]:
    """Maps `[d, d]` of both sides into one space from paired rows `[p, d]`.

    With A = (X^T X)^(-1/2), B likewise and (XA)^T YB = U S V^T: A U S^r (U^T A^-1 U) for the
    source and B V S^r (V^T B^-1 V) for the target. With r = 0 the plain rotations U and V of
    X^T Y, which change no distance.

    Source: Artetxe, Labaka and Agirre (2018), Generalizing and Improving ..., section 2.
    """
    x, y = x.astype(np.float64), y.astype(np.float64)
    if not reweight:
        u, _, vt = np.linalg.svd(x.T @ y)
        return u, vt.T
    (white_x, undo_x), (white_y, undo_y) = whiten(x), whiten(y)
    u, sizes, vt = np.linalg.svd((x @ white_x).T @ (y @ white_y))
    stretch = sizes**reweight
    return (
        (white_x @ u * stretch) @ (u.T @ undo_x @ u),
        (white_y @ vt.T * stretch) @ (vt @ undo_y @ vt.T),
    )


def draw_dictionary(
    x: np.ndarray, y: np.ndarray, keep: float, rng: np.random.Generator, neighbourhood: int = 10
) -> tuple[np.ndarray, float]:
    """CSLS translations in both directions, each the best of a random share `keep` of candidates.

    Args:
        x: `[n, d]` unit vectors in the shared space.
        y: `[m, d]`.
        keep: probability that a candidate is looked at; 1 gives the nearest.
        rng: of the draw.
        neighbourhood: of CSLS.

    Returns:
        `[p, 2]` rows of x and y, first those from x to y, and the mean cosine of all best pairs
        in both directions, whatever was drawn.
    """
    of_x = neighbourhood_means(x, y, neighbourhood)  # [n]
    of_y = neighbourhood_means(y, x, neighbourhood)  # [m]
    found, best = [], []
    for one, other, of_other in ((x, y, of_y), (y, x, of_x)):
        k = min(_depth(keep), len(other))
        rank = rng.geometric(keep, len(one)) - 1  # [n]
        match = np.empty(len(one), np.int64)
        for rows, scores in tiles(one, 2 * other, shift=-of_other):
            ids, values = k_largest(scores, k)
            match[rows] = np.take_along_axis(ids, np.minimum(rank[rows, None], k - 1), 1)[:, 0]
            best.append(((values[:, 0] + of_other[ids[:, 0]]) / 2).mean() * len(values) / len(one))
        drawn = np.flatnonzero(rank < k)
        found.append(np.stack([drawn, match[drawn]], 1))
    found[1] = found[1][:, ::-1]
    return np.concatenate(found), float(sum(best) / 2)


def _depth(keep: float) -> int:
    """How many candidates hold the drawn one but for a share `MISSED` of words."""
    return 1 if keep >= 1 else int(np.ceil(np.log(MISSED) / np.log(1 - keep)))


def _learn(
    point: Point, x: np.ndarray, y: np.ndarray, pairs: np.ndarray, seed: int,
    advance: Advance | None,
) -> tuple[np.ndarray, list[float]]:  # fmt: skip
    rng = np.random.default_rng(seed)
    short = x[: point.cutoff], y[: point.cutoff]
    keep, best, stalled, objective = min(point.keep, 1.0), -np.inf, 0, []
    for _ in range(point.rounds):
        turns = weighted_maps(x[pairs[:, 0]], y[pairs[:, 1]], 0)
        turned = [
            unit(side @ turn.astype(np.float32)) for side, turn in zip(short, turns, strict=True)
        ]
        pairs, value = draw_dictionary(*turned, keep, rng, point.neighbourhood)
        objective.append(value)
        if advance:
            advance(1)
        if value >= best + point.threshold:
            best, stalled = value, 0
            continue
        stalled += 1
        if stalled > (point.patience if keep < 1 else 0):
            if keep >= 1:
                break
            keep, stalled = min(1.0, keep * point.growth), 0
    return pairs, objective


def _choose(point: str | Point, changes: dict[str, Any]) -> tuple[Point, str]:
    if isinstance(point, Point):
        return replace(point, **changes), "own"
    if point not in POINTS:
        raise UsageError(f"there is no point {point!r}", remedy=f"one of {', '.join(POINTS)}")
    return replace(POINTS[point], **changes), point


def _first_dictionary(
    point: Point, x: np.ndarray, y: np.ndarray, pairs: np.ndarray | None,
    words: tuple[Sequence[str], Sequence[str]] | None,
) -> np.ndarray:  # fmt: skip
    if point.seed == "given":
        if pairs is None:
            raise UsageError("this point needs pairs of translations", remedy="give pairs=")
        found = np.asarray(pairs, np.int64).reshape(-1, 2)
        if len(found) and (found.min() < 0 or (found.max(0) >= (len(x), len(y))).any()):
            raise VectorError(f"pairs name rows beyond the {len(x)} and {len(y)} there are")
    elif point.seed == "identical":
        if words is None:
            raise UsageError("identical words need both vocabularies", remedy="give words=")
        at = {word: i for i, word in enumerate(words[1])}
        found = np.array([(i, at[w]) for i, w in enumerate(words[0]) if w in at], np.int64)
    elif point.seed == "shape":
        found = _by_shape(x[: point.shape_cutoff], y[: point.shape_cutoff], point.neighbourhood)
    else:
        raise UsageError(f"no seed {point.seed!r}", remedy="one of given, identical, shape")
    if len(found) < 2:
        raise VectorError(
            f"the first dictionary has {len(found)} pairs; at least 2 are needed",
            remedy="check that the dictionary's words are in both spaces, in the same case",
        )
    return found


def _by_shape(x: np.ndarray, y: np.ndarray, neighbourhood: int) -> np.ndarray:
    """Pairs whose sorted similarities to their own language are CSLS neighbours.

    Of (X X^T)^(1/2), whose rows, once sorted, do not depend on the language's axes.
    Source: Artetxe, Labaka and Agirre (2018), A Robust Self-learning Method ..., section 3.2.
    """
    size = min(len(x), len(y))
    sides = []
    for side in (x[:size], y[:size]):
        u, sizes, _ = np.linalg.svd(side.astype(np.float64), full_matrices=False)
        shape = np.sort((u * sizes) @ u.T, 1).astype(np.float32)  # [size, size]
        sides.append(normalise(shape, USUAL).apply(shape))
    here = np.arange(size)
    there, back = (
        nearest(a, b, score="csls", neighbourhood=neighbourhood).ids[:, 0]
        for a, b in (sides, sides[::-1])
    )
    return np.concatenate([np.stack([here, there], 1), np.stack([back, here], 1)])
