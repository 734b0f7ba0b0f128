"""Entropic optimal transport, balanced, unbalanced and partial, many problems at once."""

from __future__ import annotations

import numpy as np

from isogloss.errors import UsageError

_LEAST = 1e-300  # below every sum of a kernel that can matter


def sinkhorn(
    cost: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    *,
    regularisation: float = 0.1,
    relaxation: float = np.inf,
    iterations: int = 200,
    tolerance: float = 1e-6,
) -> np.ndarray:
    """The plan P of least <P, C> - e H(P) whose rows sum to `a` and columns to `b`, or nearly so.

    With K = exp(-C / e), scale by turns u = (a / K v)^f and v = (b / K^T u)^f; P = u K v. f = 1
    holds the sums exactly (balanced); with a `relaxation` r the sums are only pulled towards a and
    b, at r times the Kullback-Leibler divergence, and f = r / (r + e) (unbalanced).

    Args:
        cost: `[..., m, n]`, not negative, best scaled to [0, 1].
        a: `[..., m]` masses of the rows, 0 for one that is padding.
        b: `[..., n]` masses of the columns.
        regularisation: e; the smaller, the sharper the plan and the slower it is found.
        relaxation: r; infinity for balanced transport.
        iterations: at most.
        tolerance: stops when no scaling changes by more than this share.

    Returns:
        `[..., m, n]` float64.

    Raises:
        UsageError: a regularisation so small that the kernel of a cost of 1 is 0.

    Source: Cuturi (2013), Sinkhorn Distances, algorithm 1; unbalanced: Chizat et al. (2018),
    Scaling Algorithms for Unbalanced Optimal Transport Problems, section 3 (KL).
    """
    if regularisation < 0.002 or relaxation <= 0:
        raise UsageError(
            f"regularisation is {regularisation} and relaxation {relaxation}; the first must be "
            "at least 0.002 of the largest cost, the second positive"
        )
    kernel = np.exp(-np.asarray(cost, np.float64) / regularisation)
    share = 1.0 if np.isinf(relaxation) else relaxation / (relaxation + regularisation)
    u, v = np.ones(np.shape(a)), np.ones(np.shape(b))
    going = np.ones((*u.shape[:-1], 1), bool)  # each problem stops by itself, whatever its batch
    for _ in range(iterations):
        before = u
        u = np.where(going, (a / np.maximum(_times(kernel, v), _LEAST)) ** share, u)
        back = np.maximum(_times(kernel.swapaxes(-1, -2), u), _LEAST)
        v = np.where(going, (b / back) ** share, v)
        going = going & (np.abs(u - before) > tolerance * u).any(-1, keepdims=True)
        if not going.any():
            break
    return u[..., :, None] * kernel * v[..., None, :]


def partial(
    cost: np.ndarray, a: np.ndarray, b: np.ndarray, mass: float, *, regularisation: float = 0.1
) -> np.ndarray:
    """Transport of a share of the mass only: sums of at most `a` and `b`, in all `mass` of them.

    A row and a column more take up what stays, at no cost, and send nothing to each other.

    Args:
        cost: `[..., m, n]`.
        a: `[..., m]` masses that sum to 1.
        b: `[..., n]` masses that sum to 1.
        mass: share that is moved, over 0 and at most 1.
        regularisation: see `sinkhorn`.

    Source: Chapel, Alaya and Gasso (2020), Partial Optimal Transport, proposition 1.
    """
    if not 0 < mass <= 1:
        raise UsageError(f"mass is {mass}; it must be over 0 and at most 1")
    wider = [(0, 0)] * (cost.ndim - 2)
    extended = np.pad(np.asarray(cost, np.float64), [*wider, (0, 1), (0, 1)])
    extended[..., -1, -1] = np.inf
    one = [*wider, (0, 1)]
    more_a, more_b = (np.pad(side, one, constant_values=1 - mass) for side in (a, b))
    plan = sinkhorn(extended, more_a, more_b, regularisation=regularisation)
    return plan[..., :-1, :-1]


def _times(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return (matrix @ vector[..., None])[..., 0]
