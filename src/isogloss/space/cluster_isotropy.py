"""Isotropy by clusters: centre each cluster of a space and remove its own leading directions."""

from __future__ import annotations

import numpy as np

from isogloss.errors import UsageError, VectorError
from isogloss.match.clusters import kmeans, means
from isogloss.registry import register
from isogloss.space.map import Map, Piecewise
from isogloss.space.normalise import directions


@register("normaliser", "cluster_isotropy.v1")
def cluster_isotropy(
    x: np.ndarray,
    *,
    clusters: int = 27,
    components: int | None = None,
    iterations: int = 50,
    seed: int = 0,
) -> Map:
    """k-means; in each cluster subtract its mean and remove its first principal components.

    Contextual vectors lie in several narrow clusters, by word class or by language, and each has
    dominant directions of its own, which one global projection leaves in. Prefer it to
    `all_but_the_top` for vectors of words in context. What is fitted is kept, so that new vectors
    go with their nearest cluster.

    A cluster of no more vectors than `components` + 1 is centred only, since removing its whole
    rank would put all of it on one point; `about` counts these. Of clusters of equal vectors one is
    left.

    Args:
        x: `[n, d]`.
        clusters: of k-means.
        components: how many to remove; d / 64, at least 1 (12 of 768).
        iterations: of k-means.
        seed: of its first centroids.

    Raises:
        UsageError: counts that are not positive.
        VectorError: fewer vectors than clusters, or vectors that are not numbers.

    Source: Rajaee and Pilehvar (2021), A Cluster-based Approach for Improving Isotropy in
    Contextual Embedding Space, section 3; on multilingual models Rajaee and Pilehvar (2022).
    """
    count = max(1, round(x.shape[1] / 64)) if components is None else components
    if min(clusters, count, iterations) < 1:
        raise UsageError("clusters, components and iterations must be 1 at least")
    if len(x) < clusters:
        raise VectorError(f"{len(x)} vectors do not make {clusters} clusters")
    labels = kmeans(x, clusters, iterations=iterations, seed=seed)
    centroids = means(x, labels, clusters)[np.unique(labels)]
    nothing = np.zeros((len(centroids), count, x.shape[1]), np.float32)
    own = Piecewise(centroids, centroids, nothing).clusters(x)  # [n]
    used, sizes = np.unique(own, return_counts=True)
    centred_only = sizes <= count + 1
    step = Piecewise(centroids[used], np.empty_like(centroids[used]), nothing[used])
    for at, cluster in enumerate(used):
        members = x[own == cluster]  # [m, d]
        step.shifts[at] = members.mean(0)
        if not centred_only[at]:
            top = directions(members - step.shifts[at])[1][:, :count]  # [d, count]
            step.removed[at, : top.shape[1]] = top.T
    about = {"method": "cluster_isotropy.v1", "n": len(x), "clusters": len(used),
             "components": count, "centred_only": int(centred_only.sum()),
             "seed": seed}  # fmt: skip
    return Map((step,), about)
