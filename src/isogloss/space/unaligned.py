"""Matching two encoders that were never aligned, by how each sees a few known pairs; no training.

Both methods ask how alike the two spaces are inside, by CKA, so that widths, turns and scales of
the spaces do not matter: an image encoder and a text encoder may be matched, or two languages.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import quadratic_assignment

from isogloss.errors import VectorError
from isogloss.match.search import Neighbours, nearest
from isogloss.space.normalise import finite

Base = tuple[np.ndarray, np.ndarray]
"""Known pairs `[b, d]` and `[b, e]`: row i of one is the translation of row i of the other."""


class Matching(NamedTuple):
    """A one to one matching.

    Attributes:
        ids: `[q]` the row of y that each row of x goes with.
        score: linear CKA of the known pairs and the matched ones together.
    """

    ids: np.ndarray
    score: float


def quadratic_matching(
    base: Base, x: np.ndarray, y: np.ndarray, *, iterations: int = 30
) -> Matching:
    """The matching of all queries at once under which the two spaces are most alike.

    maximises tr(K_x P K_y P^T) over permutations P that keep the known pairs in place, K the
    centred kernels of known pairs and queries, of norm 1: the value is then the linear CKA. The
    problem is hard; FAQ climbs from the barycentre of all matchings. Needs a few matrices
    `[b + q, b + q]` and time with its cube. Prefer it where the two sides are known to hold the
    same items.

    Args:
        base: known pairs.
        x: `[q, d]` queries of one space.
        y: `[q, e]` of the other, in any order.
        iterations: of FAQ at most.

    Raises:
        VectorError: unequal numbers, fewer than 2 known pairs, widths that are not the base's, or
            vectors that are all equal.

    Source: Maniparambil et al. (2024), Do Vision and Language Encoders Represent the World
    Similarly?, section 3; FAQ of Vogelstein et al. (2015) with the seeds of Fishkind et al. (2019).
    """
    base_x, base_y, x, y = _checked(base, x, y)
    if len(x) != len(y):
        raise VectorError(
            f"{len(x)} and {len(y)} queries cannot be matched one to one", remedy="use local_cka"
        )
    known = np.repeat(np.arange(len(base_x))[:, None], 2, 1)  # [b, 2]
    found = quadratic_assignment(
        _kernel(np.concatenate([base_x, x])),
        _kernel(np.concatenate([base_y, y])),
        method="faq",
        options={
            "maximize": True,
            "partial_match": known,
            "maxiter": iterations,
            "rng": np.random.default_rng(0),
        },
    )
    return Matching(found.col_ind[len(base_x) :] - len(base_x), float(found.fun))


def local_cka(base: Base, x: np.ndarray, y: np.ndarray, k: int = 1) -> Neighbours:
    """The k rows of y for each of x that, added to the known pairs, leave these most alike.

    score(i, j) = linear CKA of the base with the pair (x_i, y_j) added. With u and v the two less
    the means of the base, C, A and B the scatters X^T Y, X^T X and Y^T Y of the centred base, and
    c = b / (b + 1), adding the pair adds c u v^T to C and likewise to A and B, so that the score is

    (|C|^2 + 2 c u C v + c^2 |u|^2 |v|^2) / (|A + c u u^T| |B + c v v^T|)

    which is a dot product of one vector of i and one of j: the search is that of neighbours. Prefer
    it where the sides differ in size, or are too large for `quadratic_matching`.

    Args:
        base: known pairs.
        x: `[q, d]` queries.
        y: `[m, e]` what they are looked for in.
        k: answers to a query.

    Raises:
        VectorError: fewer than 2 known pairs, widths that are not the base's, vectors that are all
            equal, or k over the size of y.

    Source: Maniparambil et al. (2024), section 3, local CKA; linear CKA of Kornblith et al. (2019).
    """
    base_x, base_y, x, y = _checked(base, x, y)
    middle_x, middle_y = base_x.mean(0), base_y.mean(0)
    base_x, base_y, u, v = base_x - middle_x, base_y - middle_y, x - middle_x, y - middle_y
    c = len(base_x) / (len(base_x) + 1)
    across = base_x.T @ base_y  # [d, e]
    (long_u, norm_u), (long_v, norm_v) = _extended(base_x, u, c), _extended(base_y, v, c)
    left = np.column_stack([np.full(len(u), (across**2).sum()), 2 * c * u @ across, c**2 * long_u])
    right = np.column_stack([np.ones(len(v)), v, long_v])
    return nearest(left / norm_u[:, None], right / norm_v[:, None], k)


def _extended(base: np.ndarray, u: np.ndarray, c: float) -> tuple[np.ndarray, np.ndarray]:
    """|u|^2 `[q]`, and the norms `[q]` of the base's scatter when each u is added."""
    scatter, long = base.T @ base, (u**2).sum(1)
    size = (scatter**2).sum()
    if not size > 0:
        raise VectorError("the known pairs of one side are all equal: CKA is undefined")
    return long, np.sqrt(size + 2 * c * ((u @ scatter) * u).sum(1) + c**2 * long**2)


def _kernel(x: np.ndarray) -> np.ndarray:
    """Dot products of the centred rows `[n, n]`, of Frobenius norm 1."""
    centred = x - x.mean(0)
    kernel = centred @ centred.T
    size = np.linalg.norm(kernel)
    if not size > 0:
        raise VectorError("the vectors of one side are all equal: CKA is undefined")
    return kernel / size


def _checked(base: Base, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """The four as float64."""
    names = ("base x", "base y", "x", "y")
    made = [
        finite(v, name).astype(np.float64) for v, name in zip((*base, x, y), names, strict=True)
    ]
    if len(made[0]) != len(made[1]) or len(made[0]) < 2:
        raise VectorError(
            f"{len(made[0])} and {len(made[1])} known vectors; row i of one must belong to row i "
            "of the other, and there must be 2 at least"
        )
    for known, asked, name in ((made[0], made[2], "x"), (made[1], made[3], "y")):
        if known.shape[1] != asked.shape[1]:
            raise VectorError(
                f"{name} has width {asked.shape[1]}, the known pairs {known.shape[1]}"
            )
    return tuple(made)
