"""Intervals where several outcomes come from one item."""

from __future__ import annotations

import numpy as np

from isogloss.score import Interval, bootstrap_ratio


def clustered_mean(outcomes: np.ndarray, clusters: np.ndarray, *, seed: int = 0) -> Interval:
    """Mean of the outcomes; the interval resamples whole clusters.

    Outcomes of one item (a sentence's words, its translations) rise and fall together, and
    resampling them one by one would make the interval too narrow.

    Args:
        outcomes: `[n]`.
        clusters: `[n]` the item that each belongs to.
        seed: of the bootstrap.

    Raises:
        VectorError: fewer than 2 clusters.
    """
    _, at = np.unique(clusters, return_inverse=True)  # [n]
    sums = np.bincount(at, np.asarray(outcomes, np.float64))  # [clusters]
    return bootstrap_ratio(sums, np.bincount(at), seed=seed)
