"""Which tokens of a grid are linked: one registered function a way to choose.

Each takes a `Grid` of b sentence pairs and gives a `Choice`: links `[b, m, n]`, and scores of the
same shape that say how sure a link is, between 0 and 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from isogloss.match.grid import PADDING, Grid
from isogloss.match.transport import partial, sinkhorn
from isogloss.registry import register


class Choice(NamedTuple):
    """Links `[b, m, n]`, and scores `[b, m, n]` in [0, 1]."""

    links: np.ndarray
    scores: np.ndarray


@register("extraction", "forward.v1")
def forward(grid: Grid) -> Choice:
    """Each source token to its most similar target token: every one has a link.

    Source: Sabet et al. (2020), SimAlign, section 2.2, one direction of Argmax.
    """
    return Choice(_best(grid.similarity, 2) & grid.real, grid.similarity)


@register("extraction", "reverse.v1")
def reverse(grid: Grid) -> Choice:
    """Each target token to its most similar source token."""
    return Choice(_best(grid.similarity, 1) & grid.real, grid.similarity)


@register("extraction", "union.v1")
def union(grid: Grid) -> Choice:
    """Links of either direction: most links, least sure."""
    return Choice(forward(grid).links | reverse(grid).links, grid.similarity)


@register("extraction", "intersection.v1")
def intersection(grid: Grid) -> Choice:
    """Tokens that are each other's most similar: few links, sure ones.

    Source: Sabet et al. (2020), SimAlign, section 2.2, Argmax.
    """
    return Choice(forward(grid).links & reverse(grid).links, grid.similarity)


@register("extraction", "itermax.v1")
def itermax(grid: Grid, *, rounds: int = 2, discount: float = 0.9) -> Choice:
    """Intersection, again on what it left: tokens without a link may join ones that have one.

    In each further round a pair of two linked tokens is out, a pair of one linked token counts
    `discount`, a pair of none counts in full; the mutual best of these are added, as long as both
    sides have a token left. Sentences of at most 2 tokens have one round.

    Source: Sabet et al. (2020), SimAlign, section 2.3 and algorithm 1.
    """
    links, real = intersection(grid).links, grid.real
    long = np.minimum(real.any(2).sum(1), real.any(1).sum(1)) > 2  # [b]
    for _ in range(rounds - 1):
        free = [~links.any(2) & real.any(2), ~links.any(1) & real.any(1)]  # [b, m], [b, n]
        going = long & free[0].any(1) & free[1].any(1)
        one, other = free[0][:, :, None], free[1][:, None, :]
        weight = np.minimum(1, discount * one + discount * other) * going[:, None, None]
        offered = np.where(real, grid.similarity * weight, PADDING)
        added = _best(offered, 2) & _best(offered, 1) & (one | other) & real
        added &= going[:, None, None]
        if not added.any():
            break
        links = links | added
    return Choice(links, grid.similarity)


@register("extraction", "mwmf.v1")
def mwmf(grid: Grid) -> Choice:
    """The one-to-one links of the largest total similarity; the shorter side is linked in full.

    Source: Sabet et al. (2020), SimAlign, section 2.4, Match; solved as an assignment.
    """
    from scipy.optimize import linear_sum_assignment

    links = np.zeros(grid.similarity.shape, bool)
    real = grid.real
    for made, similarity, m, n in zip(
        links, grid.similarity, real.any(2).sum(1), real.any(1).sum(1), strict=True
    ):
        made[linear_sum_assignment(similarity[:m, :n], maximize=True)] = True
    return Choice(links, grid.similarity)


@register("extraction", "softmax.v1")
def softmax(grid: Grid, *, threshold: float = 1e-3) -> Choice:
    """Links whose probability is over a threshold in both directions.

    A token's probabilities are the softmax of its dot products with all tokens of the other side.
    Source: Dou and Neubig (2021), awesome-align, section 2.2.
    """
    return _both_ways(grid, _softmax, threshold)


@register("extraction", "entmax.v1")
def entmax(grid: Grid, *, threshold: float = 0.0) -> Choice:
    """As `softmax`, with 1.5-entmax: most probabilities are exactly 0, so no threshold is needed.

    Source: Dou and Neubig (2021), awesome-align, section 2.2; Peters, Niculae and Martins (2019),
    Sparse Sequence-to-Sequence Models, algorithm 2.
    """
    return _both_ways(grid, entmax15, threshold)


@register("extraction", "transport.v1")
def transport(grid: Grid, *, threshold: float = 0.45, regularisation: float = 0.03) -> Choice:
    """Balanced optimal transport: all of both sentences is moved, so hardly a token stays alone.

    Costs are 1 - similarity scaled to [0, 1] in each pair, masses uniform; links are where the
    plan, scaled to [0, 1], is over the threshold. The numbers of all three transports are those of
    the lowest AER on the five XL-WA development sets, with a model trained on the languages.
    Source: Arase, Bao and Yokoi (2023), Unbalanced Optimal Transport for Unbalanced Word
    Alignment, section 3.
    """
    return _moved(grid, threshold, sinkhorn, regularisation=regularisation)


@register("extraction", "partial_transport.v1")
def partial_transport(
    grid: Grid, *, mass: float = 0.9, threshold: float = 0.45, regularisation: float = 0.03
) -> Choice:
    """As `transport`, but only a share of the mass is moved, the cheapest: the rest is null.

    Source: Arase, Bao and Yokoi (2023), section 3.2.
    """
    return _moved(grid, threshold, partial, mass=mass, regularisation=regularisation)


@register("extraction", "unbalanced_transport.v1")
def unbalanced_transport(
    grid: Grid, *, relaxation: float = 1.0, threshold: float = 0.35, regularisation: float = 0.03
) -> Choice:
    """As `transport`, but masses are only pulled towards uniform: a token may be moved in part.

    Source: Arase, Bao and Yokoi (2023), section 3.3.
    """
    return _moved(grid, threshold, sinkhorn, relaxation=relaxation, regularisation=regularisation)


def entmax15(scores: np.ndarray) -> np.ndarray:
    """1.5-entmax along the last axis: p = max(z / 2 - tau, 0)^2 with tau such that p sums to 1.

    -inf is no candidate. Source: Peters, Niculae and Martins (2019), algorithm 2.
    """
    z = scores / 2
    z = z - z.max(-1, keepdims=True)
    falling = -np.sort(-np.maximum(z, -1e4), -1)  # finite: far below every support
    rank = np.arange(1, z.shape[-1] + 1)
    mean, square = falling.cumsum(-1) / rank, (falling**2).cumsum(-1) / rank
    tau = mean - np.sqrt(np.maximum((1 - rank * (square - mean**2)) / rank, 0))
    size = (tau <= falling).sum(-1, keepdims=True)  # of the support
    return np.maximum(z - np.take_along_axis(tau, size - 1, -1), 0) ** 2


def _softmax(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def _both_ways(grid: Grid, normalise, threshold: float) -> Choice:
    """Links over a threshold in both directions; a score is the smaller of the two."""
    real = grid.real
    least = np.full(real.shape, np.inf)
    for axis in (2, 1):
        scores = np.moveaxis(grid.dots, axis, -1)
        scores = np.where(np.isfinite(scores).any(-1, keepdims=True), scores, 0)  # only padding
        least = np.minimum(least, np.moveaxis(normalise(scores), -1, axis))
    return Choice((least > threshold) & real, np.where(real, least, 0))


def _moved(grid: Grid, threshold: float, solve, **settings: float) -> Choice:
    real = grid.real
    cost = _scaled(1 - grid.similarity.astype(np.float64), real)
    there = [real.any(2), real.any(1)]
    masses = [t / t.sum(1, keepdims=True) for t in there]
    plan = _scaled(solve(cost, *masses, **settings), real)
    return Choice((plan > threshold) & real, np.where(real, plan, 0))


def _scaled(values: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Each pair's values to [0, 1] by its least and largest; 1 where they are all one."""
    low = np.where(real, values, np.inf).min((1, 2), keepdims=True)
    high = np.where(real, values, -np.inf).max((1, 2), keepdims=True)
    flat = high - low < 1e-12
    return np.clip(np.where(flat, 1.0, (values - low) / np.where(flat, 1, high - low)), 0, 1)


def _best(similarity: np.ndarray, axis: int) -> np.ndarray:
    """Whether each cell is the first largest along an axis."""
    links = np.zeros(similarity.shape, bool)
    best = np.expand_dims(similarity.argmax(axis), axis)
    np.put_along_axis(links, best, True, axis)
    return links
