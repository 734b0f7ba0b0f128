"""A rotation between two spaces without a single pair: Wasserstein Procrustes."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from isogloss.errors import UsageError, VectorError
from isogloss.match.transport import sinkhorn
from isogloss.space.linear import procrustes
from isogloss.space.map import Affine, Map
from isogloss.space.normalise import finite


def wasserstein_procrustes(
    source: np.ndarray,
    target: np.ndarray,
    *,
    start: np.ndarray | None = None,
    words: int = 1000,
    batch: int = 500,
    steps: int = 1000,
    epochs: int = 3,
    step: float = 1.0,
    regularisation: float = 0.0,
    seed: int = 0,
) -> Map:
    """Q = argmin over rotations Q and matchings P of ||X Q - P Y||^2, by stochastic steps.

    A step draws a batch of both sides, finds the optimal transport P between the turned source
    and the target, and moves Q along X^T P Y, then back to the nearest rotation. Each epoch doubles
    the batch and quarters the steps. The problem has many poor minima: the start decides, and is
    found by `convex_start` unless given. Prefer it where there is no pair at all and the two spaces
    are of one kind; compare seeds and starts by `about["cost"]`, which needs no pair either.

    Args:
        source: `[n, d]` unit vectors, the most frequent words first; some 20,000 are enough.
        target: `[m, d]` unit vectors, the most frequent first.
        start: `[d, d]` a rotation to start from.
        words: first rows of both sides for `convex_start` and for the costs in `about`.
        batch: rows of a side in a batch of the first epoch; fewer where a side has fewer.
        steps: in the first epoch.
        epochs: passes, each with larger batches.
        step: length of a step, relative to what turns vectors spread evenly over directions.
        regularisation: of the plan, in units of cosine, by Sinkhorn; 0 takes the exact matching.
        seed: of the batches.

    Returns:
        The rotation; `about` has the mean of 1 - cosine over the best matching of the first
        `words` words, at the start and at the end.

    Raises:
        UsageError: counts or steps that are not positive.
        VectorError: unequal widths, or a start of another width.

    Source: Grave, Joulin and Berthet (2019), Unsupervised Alignment of Embeddings with Wasserstein
    Procrustes, algorithm 1.
    """
    if min(words, batch, steps, epochs) < 1 or step <= 0 or regularisation < 0:
        raise UsageError("counts and step must be positive, the regularisation at least 0")
    x, y = (side.astype(np.float64) for side in _sides(source, target))
    d = x.shape[1]
    q = convex_start(x, y, words=words) if start is None else np.asarray(start, np.float64)
    if q.shape != (d, d):
        raise VectorError(f"the start must be [{d}, {d}], got {list(q.shape)}")
    costs = [_cost(q, x[:words], y[:words])]
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        for _ in range(max(1, steps // 4**epoch)):
            ours, theirs = (
                side[rng.choice(len(side), min(batch * 2**epoch, len(side)), replace=False)]
                for side in (x, y)
            )
            q = _rotation(q + step * d * _gradient(ours, theirs, q, regularisation))
    costs.append(_cost(q, x[:words], y[:words]))
    return Map(
        (Affine(matrix=q.astype(np.float32)),),
        {"method": "wasserstein_procrustes.v1", "n": len(x), "start_cost": costs[0],
         "cost": costs[1], "seed": seed},
    )  # fmt: skip


def convex_start(
    source: np.ndarray, target: np.ndarray, *, words: int = 1000, iterations: int = 10
) -> np.ndarray:
    """A first rotation `[d, d]` from the similarities within each space, which no rotation changes.

    minimises ||K_x P - P K_y||^2, K the dot products of a space with itself, over doubly stochastic
    P, the convex hull of matchings, by Frank and Wolfe's steps of 2 / (t + 2) to the matching that
    the gradient likes best; then Q = Procrustes(X, P Y).

    The minimum itself may be a blur (P = 1/n where vectors are centred), which is why the steps
    are few; of all iterates the Q is kept under which the two sides match at the least cost.
    Needs a few `[words, words]` matrices, and time with its cube.

    Args:
        source: `[n, d]` unit vectors, most frequent first, not centred.
        target: `[m, d]`.
        words: first rows used; fewer where a side has fewer.
        iterations: of Frank and Wolfe.

    Source: Grave, Joulin and Berthet (2019), the convex relaxation that algorithm 1 starts from;
    it relaxes the graph matching of Gold and Rangarajan (1996).
    """
    if min(words, iterations) < 1:
        raise UsageError("words and iterations must be positive")
    x, y = (side.astype(np.float64) for side in _sides(source, target))
    n = min(words, len(x), len(y))
    x, y = x[:n], y[:n]
    of_x, of_y = x @ x.T, y @ y.T  # [n, n]
    plan = np.full((n, n), 1 / n)
    found, least = np.eye(x.shape[1]), np.inf
    for t in range(iterations):
        apart = of_x @ plan - plan @ of_y
        rows, columns = linear_sum_assignment(of_x @ apart - apart @ of_y)
        share = 2 / (t + 2)
        plan *= 1 - share
        plan[rows, columns] += share
        q = procrustes(x, plan @ y)[0]
        if (cost := _cost(q, x, y)) < least:
            found, least = q, cost
    return found


def _sides(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y = finite(source, "source"), finite(target, "target")
    if x.shape[1] != y.shape[1]:
        raise VectorError(
            f"a rotation needs spaces of one width, got {x.shape[1]} and {y.shape[1]}",
            remedy="train both with one number of dimensions, or reduce the wider one",
        )
    return x, y


def _gradient(x: np.ndarray, y: np.ndarray, q: np.ndarray, regularisation: float) -> np.ndarray:
    """X^T P Y `[d, d]` for the plan P between the turned batch and the other, of mass 1."""
    cost = -(x @ q) @ y.T
    if not regularisation:
        rows, columns = linear_sum_assignment(cost)
        return x[rows].T @ y[columns] / len(rows)
    a, b = np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y))
    plan = sinkhorn(cost, a, b, regularisation=regularisation, iterations=100, tolerance=1e-2)
    return x.T @ plan @ y


def _rotation(matrix: np.ndarray) -> np.ndarray:
    """The nearest orthogonal matrix."""
    u, _, vt = np.linalg.svd(matrix)
    return u @ vt


def _cost(q: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    cosines = (x @ q) @ y.T
    return float(1 - cosines[linear_sum_assignment(-cosines)].mean())
