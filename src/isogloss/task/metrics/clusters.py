"""How well clusters agree with classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from isogloss.task.contracts import Tally
from isogloss.task.metrics.sums import checked

_LEAST = 1e-12  # of an entropy that is not rounding


def cluster_scores(gold: Sequence[Hashable], told: Sequence[Hashable | None]) -> dict[str, Tally]:
    """`v_measure`, `homogeneity` and `completeness` of clusters, whose names mean nothing.

    h = I(C, K) / H(C), c = I(C, K) / H(K), V = 2 I(C, K) / (H(C) + H(K)) = 2 h c / (h + c), from
    how often class and cluster meet; each is 1 where the entropy below is 0. V is normalised mutual
    information with the arithmetic mean of the entropies. Examples without a prediction are one
    cluster.

    A resample has fewer different examples, in which clusters look purer than they are: an interval
    of their entropies would lie above the value. So what is summed is each example's influence on
    the value, its first derivative in the weight of the example, by which a resample moves the
    value up as often as down. Two systems are compared the same way.

    Args:
        gold: the class of each example.
        told: its cluster, or None.

    Raises:
        UsageError: unequal lengths, no example, or a class that is unknown.

    Prefer it to accuracy after the best assignment where there are more clusters than classes.
    Source: Rosenberg and Hirschberg (2007), V-Measure, section 2; Efron and Tibshirani (1993), An
    Introduction to the Bootstrap, section 22.6, on influence.
    """
    checked(gold, told)
    of_class, of_cluster = _entropy(gold), _entropy(told)
    both = _entropy(list(zip(gold, told, strict=True)))
    shared = of_class + of_cluster - both
    return {
        "v_measure": _share(2 * shared, of_class + of_cluster),
        "homogeneity": _share(shared, of_class),
        "completeness": _share(shared, of_cluster),
    }


def _entropy(names: Sequence[Hashable]) -> np.ndarray:
    """`[n]`: -log of how common the name of each example is; their mean is the entropy."""
    counts = Counter(names)
    return np.log(len(names)) - np.log([counts[name] for name in names])


def _share(over: np.ndarray, under: np.ndarray) -> Tally:
    """Mean over mean, and how each example moves it: (over - value under) / mean(under)."""
    shared, whole = over.mean(), under.mean()
    ones = np.ones(len(over))
    if whole < _LEAST:
        return Tally(np.stack([ones, ones], 1), lambda s: s[1] / s[0])
    value = shared / whole
    influence = (over - value * under) / whole
    columns = np.stack([value + influence, ones], 1)
    return Tally(columns, lambda s: np.clip(s[0] / s[1], 0, 1), {"resampled": "influences"})
