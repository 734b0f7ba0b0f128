"""Many languages onto the Wasserstein barycentre of their clouds, without a shared dictionary."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from isogloss.errors import UsageError, VectorError
from isogloss.match.transport import sinkhorn
from isogloss.space.linear import procrustes
from isogloss.space.map import Affine, Map
from isogloss.space.normalise import finite


def barycentre(
    vectors: Mapping[str, np.ndarray],
    *,
    start: Mapping[str, Map],
    weights: Mapping[str, float] | None = None,
    size: int = 1000,
    iterations: int = 20,
    regularisation: float = 0.1,
    tolerance: float = 1e-4,
) -> dict[str, Map]:
    """Rotations W_l of all languages onto a cloud Z that is nearest to all of them by transport.

    minimises sum over l of a_l (<P_l, |z_i - x_lj W_l|^2> - regularisation H(P_l)) in turn over
    the transport plans P_l between Z and each language (Sinkhorn), over Z, each point the weighted
    mean over languages of what its plan carries to it, and over W_l (Procrustes on what the plan
    pairs). Z starts as the first language, mapped. No language is the hub, so that none need have
    a word for everything.

    It improves a rough alignment and cannot find one: give it pairwise maps to one language, such
    as `wasserstein_procrustes` makes. Prefer `many.generalised_procrustes` where words of several
    languages are known to mean the same.

    Args:
        vectors: per language `[n, d]` unit vectors, the most frequent words first.
        start: per language a map into one rough common space; `Map()` for the hub.
        weights: a per language, not negative; equal by default.
        size: first rows used of each language, and points of Z; plans are `[size, size]`, all in
            memory.
        iterations: at most.
        regularisation: of the plans, in squared distance; the larger, the more Z is blurred.
        tolerance: relative change of the transport cost at which to stop.

    Returns:
        A map per language; `about` holds the weighted transport cost of every iteration.

    Raises:
        VectorError: fewer than 2 languages, unequal widths, a language without a start or weight,
            or weights that are negative or all 0.
        UsageError: counts or a regularisation that are not positive.

    Source: Lian, Jain, Truszkowski, Poupart and Yu (2020), Unsupervised Multilingual Alignment
    using Wasserstein Barycenter; free supports of Cuturi and Doucet (2014), Fast Computation of
    Wasserstein Barycenters, algorithm 2.
    """
    if min(size, iterations) < 1 or regularisation <= 0:
        raise UsageError("size, iterations and regularisation must be positive")
    shares = _shares(vectors, start, weights)
    x = {lang: finite(v, lang)[:size].astype(np.float64) for lang, v in vectors.items()}
    widths = {lang: v.shape[1] for lang, v in x.items()}
    if len(set(widths.values())) > 1:
        raise VectorError(f"rotations need spaces of one width, got {widths}")
    placed = {lang: start[lang].apply(v).astype(np.float64) for lang, v in x.items()}
    turns: dict[str, np.ndarray] = {}
    support, costs = placed[next(iter(x))], [np.inf]  # [s, d]
    for _ in range(iterations):
        moved, carried, cost = np.zeros_like(support), {}, 0.0
        for lang in x:
            plan, apart = _plan(support, placed[lang], regularisation)
            carried[lang] = plan @ x[lang]  # [s, d] what comes to each point, as it was
            moved += shares[lang] * (plan @ placed[lang]) / plan.sum(1, keepdims=True)
            cost += shares[lang] * apart
        support = moved
        for lang in x:
            turns[lang] = procrustes(carried[lang], support)[0]
            placed[lang] = x[lang] @ turns[lang]
        costs.append(float(cost))
        if abs(costs[-2] - cost) <= tolerance * max(cost, 1e-12):
            break
    return {
        lang: Map(
            (Affine(matrix=turn.astype(np.float32)),),
            {"method": "barycentre.v1", "n": len(x[lang]), "languages": sorted(x),
             "weight": shares[lang], "costs": costs[1:]},
        )
        for lang, turn in turns.items()
    }  # fmt: skip


def _plan(
    support: np.ndarray, placed: np.ndarray, regularisation: float
) -> tuple[np.ndarray, float]:
    """The plan `[s, n]` between equal masses, of sum 1, and the squared distance it carries."""
    apart = (support**2).sum(1)[:, None] + (placed**2).sum(1) - 2 * support @ placed.T
    plan = sinkhorn(
        apart,
        np.full(len(support), 1 / len(support)),
        np.full(len(placed), 1 / len(placed)),
        regularisation=regularisation,
        iterations=200,
        tolerance=1e-3,
    )
    return plan, float((plan * apart).sum())


def _shares(
    vectors: Mapping[str, np.ndarray],
    start: Mapping[str, Map],
    weights: Mapping[str, float] | None,
) -> dict[str, float]:
    """Weights that sum to 1."""
    if len(vectors) < 2:
        raise VectorError("there must be 2 languages at least")
    given = dict.fromkeys(vectors, 1.0) if weights is None else weights
    for what, known in (("start", start), ("weight", given)):
        if missing := [lang for lang in vectors if lang not in known]:
            raise VectorError(f"no {what} for {', '.join(missing)}")
    total = sum(given[lang] for lang in vectors)
    if min(given[lang] for lang in vectors) < 0 or not total > 0:
        raise VectorError(f"weights must be at least 0 and not all 0, got {dict(given)}")
    return {lang: given[lang] / total for lang in vectors}
