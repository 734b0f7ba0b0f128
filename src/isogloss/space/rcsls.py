"""A map that optimises what retrieval by CSLS asks for, not the squared distance of pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from isogloss.errors import UsageError, VectorError
from isogloss.match.search import nearest
from isogloss.space.linear import procrustes
from isogloss.space.map import Affine, Map
from isogloss.space.normalise import finite

CONSTRAINTS = ("spectral", "none")
SMALLEST_STEP = 1e-4


class Near(NamedTuple):
    """The neighbours that the loss subtracts.

    Attributes:
        target: `[p, k]` rows of the target near each mapped source vector of the pairs.
        source: `[p, k]` rows of the source that are, mapped, near each target vector of the pairs.
    """

    target: np.ndarray
    source: np.ndarray


def rcsls(
    source: np.ndarray,
    target: np.ndarray,
    pairs: np.ndarray,
    *,
    neighbours: int = 10,
    constraint: str = "spectral",
    iterations: int = 10,
    step: float = 1.0,
) -> Map:
    """W that makes pairs score high by CSLS: the relaxed CSLS loss, by projected gradient descent.

    loss(W) = mean over pairs of -2 x W y + mean of x W y' over the k rows y' of the target nearest
    to x W + mean of x' W y over the k rows x' of the source that are, mapped, nearest to y.
    Nearest is by dot product: the means are then largest sums of k linear functions of W, so the
    loss is convex. It starts from Procrustes, full batch; the neighbours are found anew for each
    W, over all vectors given. A step that raises the loss is undone and halved.

    Prefer it where a few thousand pairs are known and words are then looked up by CSLS; the map is
    no rotation, so distances of the source change.

    Args:
        source: `[n, d]` unit vectors, the pairs' and all others that may be neighbours.
        target: `[m, d]` unit vectors.
        pairs: `[p, 2]` a row of the source and the row of its translation.
        neighbours: k.
        constraint: `spectral` keeps all singular values of W at most 1, `none` leaves W free. The
            free loss may have no minimum: then few iterations are what bounds W.
        iterations: gradient steps at most.
        step: length of the first.

    Returns:
        The map with the lowest loss; `about` has the losses of all steps, first Procrustes'.

    Raises:
        UsageError: a constraint that does not exist, or a count or step that is not positive.
        VectorError: unequal widths, no pairs or some beyond the vectors, or k over their number.

    Source: Joulin, Bojanowski, Mikolov, Jégou and Grave (2018), Loss in Translation: Learning
    Bilingual Word Mapping with a Retrieval Criterion, sections 3.2 and 3.3.
    """
    if constraint not in CONSTRAINTS:
        raise UsageError(f"no constraint {constraint!r}; there is {', '.join(CONSTRAINTS)}")
    if iterations < 1 or neighbours < 1 or step <= 0:
        raise UsageError("iterations, neighbours and step must be positive")
    x, y = finite(source, "source"), finite(target, "target")
    pairs = np.asarray(pairs)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not len(pairs):
        raise VectorError(f"pairs must be [p, 2] and not empty, got {list(pairs.shape)}")
    if pairs.min() < 0 or (pairs.max(0) >= (len(x), len(y))).any():
        raise VectorError(f"pairs name rows beyond {len(x)} source and {len(y)} target vectors")
    w = procrustes(x[pairs[:, 0]].astype(np.float64), y[pairs[:, 1]].astype(np.float64))[0]
    loss, gradient = loss_and_gradient(w, x, y, pairs, near(w, x, y, pairs, neighbours))
    losses = [loss]
    for _ in range(iterations):
        moved = w - step * gradient
        if constraint == "spectral":
            moved = _into_the_ball(moved)
        found, direction = loss_and_gradient(
            moved, x, y, pairs, near(moved, x, y, pairs, neighbours)
        )
        if found < loss:
            w, loss, gradient = moved, found, direction
        else:
            step /= 2
        losses.append(loss)
        if step < SMALLEST_STEP:
            break
    return Map(
        (Affine(matrix=w.astype(np.float32)),),
        {"method": "rcsls.v1", "n": len(pairs), "neighbours": neighbours,
         "constraint": constraint, "losses": losses},
    )  # fmt: skip


def near(w: np.ndarray, x: np.ndarray, y: np.ndarray, pairs: np.ndarray, k: int) -> Near:
    """The neighbours under W, by dot product, in tiles."""
    mapped = (x @ w).astype(np.float32)  # [n, d]
    return Near(
        nearest(mapped[pairs[:, 0]], y, k).ids,
        nearest(y[pairs[:, 1]], mapped, k).ids,
    )


def loss_and_gradient(
    w: np.ndarray, x: np.ndarray, y: np.ndarray, pairs: np.ndarray, near: Near
) -> tuple[float, np.ndarray]:
    """The loss at W with its neighbours given, and its gradient `[d, d]` (a subgradient of all).

    With the neighbours held the loss is linear: loss = <W, G>, and G is the gradient.
    """
    pull = _mean_rows(y, near.target) - 2 * y[pairs[:, 1]]  # [p, d]
    push = _mean_rows(x, near.source)  # [p, d]
    gradient = x[pairs[:, 0]].T.astype(np.float64) @ pull + push.T @ y[pairs[:, 1]]
    gradient /= len(pairs)
    return float((w * gradient).sum()), gradient


def _mean_rows(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Mean of vectors[rows] over k, `[p, k]` to `[p, d]`; one neighbour at a time is in memory."""
    total = np.zeros((len(rows), vectors.shape[1]))
    for column in rows.T:
        total += vectors[column]
    return total / rows.shape[1]


def _into_the_ball(w: np.ndarray) -> np.ndarray:
    """The nearest matrix whose singular values are at most 1."""
    u, sizes, vt = np.linalg.svd(w)
    return (u * np.minimum(sizes, 1)) @ vt
