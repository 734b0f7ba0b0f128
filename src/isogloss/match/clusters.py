"""Vectors into clusters: k-means for many, a tree for few."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from isogloss.encode.vectors import check_finite
from isogloss.errors import UsageError, VectorError
from isogloss.match.neighbours import tiles

TREE_LIMIT = 10_000  # vectors whose distances, 8 bytes each, still fit 400 MB


def kmeans(vectors: np.ndarray, k: int, *, iterations: int = 100, seed: int = 0) -> np.ndarray:
    """Labels `[n]` from 0 to k - 1 that make sum |x - mean of its cluster|^2 small.

    Begins with greedy k-means++ and ends when no label changes. A cluster that lost its last
    vector takes the one that lies worst. Distances are computed in tiles.

    Args:
        vectors: `[n, d]`.
        k: clusters, none of them empty unless vectors are equal.
        iterations: at most.
        seed: of the beginning.

    Raises:
        UsageError: k under 1, or over the number of vectors.
        VectorError: vectors that are not numbers.

    Source: Lloyd (1982); Arthur and Vassilvitskii (2007), k-means++, section 2.2.
    """
    x = _checked(vectors, k)
    x = x - x.mean(0)  # distances do not change, and their float32 differences keep more digits
    centres = _spread(x, k, np.random.default_rng(seed))
    labels = np.full(len(x), -1)
    for _ in range(iterations):
        before, (labels, far) = labels, _assign(x, centres)
        counts = np.bincount(labels, minlength=k)
        empty = np.flatnonzero(counts == 0)
        labels[np.argsort(-far, kind="stable")[: len(empty)]] = empty
        if (labels == before).all():
            break
        centres = means(x, labels, k)
    return labels


def means(vectors: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """The mean `[k, d]` float32 of the vectors `[n, d]` of each label; zeros where it has none."""
    counts = np.maximum(np.bincount(labels, minlength=k), 1)
    cells = (1 / counts[labels], (labels, np.arange(len(labels))))
    return (sparse.csr_matrix(cells, (k, len(labels))) @ vectors).astype(np.float32)


def tree(vectors: np.ndarray, k: int) -> np.ndarray:
    """Labels `[n]` from 0 of at most k clusters, by joining what raises the variance least.

    Ward's agglomeration; nothing in it is random, but it keeps all n (n - 1) / 2 distances.
    Prefer it for a few thousand vectors, as the studies of latent concepts do.

    Raises:
        UsageError: k under 1 or over the number of vectors, or over 10,000 vectors.
        VectorError: vectors that are not numbers.

    Source: Ward (1963); for concepts Dalvi et al. (2022), section 3.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    x = _checked(vectors, k)
    if len(x) > TREE_LIMIT:
        raise UsageError(
            f"a tree over {len(x)} vectors needs all their distances; the limit is {TREE_LIMIT}",
            remedy="use kmeans, or fewer vectors",
        )
    if len(x) == 1:
        return np.zeros(1, np.int64)
    return fcluster(linkage(x, "ward"), k, "maxclust").astype(np.int64) - 1


def _checked(vectors: np.ndarray, k: int) -> np.ndarray:
    x = np.asarray(vectors, np.float32)
    if x.ndim != 2 or not x.size:
        raise VectorError(f"vectors must be [n, d] and not empty, got {list(x.shape)}")
    check_finite(x, "vectors to cluster")
    if not 1 <= k <= len(x):
        raise UsageError(f"{len(x)} vectors cannot make {k} clusters")
    return x


def _spread(x: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Beginnings `[k, d]`: rows drawn with odds of their squared distance to the nearest drawn.

    Of a few draws the one that brings all vectors closest is kept, which seldom leaves two centres
    in one cluster and none in another.
    """
    squares = (x**2).sum(1)  # [n]
    chosen = [int(rng.integers(len(x)))]
    far = ((x - x[chosen[0]]) ** 2).sum(1)  # [n]
    draws = 2 + int(np.log(k))
    for _ in range(k - 1):
        total = far.sum(dtype=np.float64)
        odds = far / total if total else None  # only copies of the chosen are left
        tried = rng.choice(len(x), size=draws, p=odds)
        after = squares[:, None] + squares[tried] - 2 * (x @ x[tried].T)  # [n, draws]
        after = np.clip(after, 0, far[:, None])
        best = int(after.sum(0).argmin())
        far = after[:, best]
        chosen.append(int(tried[best]))
    return x[chosen]


def _assign(x: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest centre of each row `[n]`, and its squared distance `[n]`."""
    labels, far = np.empty(len(x), np.int64), np.empty(len(x))
    half = (centres**2).sum(1) / 2  # [k]
    for rows, products in tiles(x, centres):  # [t, k]
        closeness = products - half
        labels[rows] = closeness.argmax(1)
        far[rows] = (x[rows] ** 2).sum(1) - 2 * closeness.max(1)
    return labels, far
