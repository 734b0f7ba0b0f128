"""How well clusters agree with classes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from isogloss.errors import UsageError
from isogloss.task.contracts import Tally
from isogloss.task.metrics.sums import checked, ratio

_MOST = 2**27  # numbers in a table, 1 GiB
_LEAST = 1e-12  # of an entropy that is not rounding


def cluster_scores(gold: Sequence[Hashable], told: Sequence[Hashable | None]) -> dict[str, Tally]:
    """`v_measure`, `homogeneity` and `completeness` of clusters, whose names mean nothing.

    h = I(C, K) / H(C), c = I(C, K) / H(K), V = 2 h c / (h + c), from how often class and cluster
    meet; h or c is 1 where the entropy below is 0. V is normalised mutual information with the
    arithmetic mean of the entropies. Examples without a prediction are one cluster.

    The sums are counts of the pairs of class and cluster that occur. A resample has fewer different
    examples, so that its clusters look a little purer than they are: where clusters are many and
    small, the interval lies somewhat above the value.

    Args:
        gold: the class of each example.
        told: its cluster, or None.

    Raises:
        UsageError: unequal lengths, no example, a class that is unknown, or more pairs of class and
            cluster times examples than a table holds.

    Prefer it to accuracy after the best assignment where there are more clusters than classes.
    Source: Rosenberg and Hirschberg (2007), V-Measure, section 2.
    """
    checked(gold, told)
    met = list(zip(gold, told, strict=True))
    cells = list(dict.fromkeys(met))
    if len(met) * len(cells) > _MOST:
        raise UsageError(
            f"{len(met)} examples in {len(cells)} pairs of class and cluster are too many to "
            "resample", remedy="make fewer clusters, or score fewer examples at a time",
        )  # fmt: skip
    at = {cell: column for column, cell in enumerate(cells)}
    columns = np.zeros((len(met), len(cells)))
    columns[np.arange(len(met)), [at[cell] for cell in met]] = 1
    classes, clusters = (_members([cell[side] for cell in cells]) for side in (0, 1))

    def parts(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p = s / s.sum(0)
        both = _entropy(p)
        one, other = _entropy(classes @ p), _entropy(clusters @ p)
        shared = np.maximum(one + other - both, 0)
        return _share(shared, one), _share(shared, other)

    def v(s: np.ndarray) -> np.ndarray:
        h, c = parts(s)
        return ratio(2 * h * c, h + c)

    return {
        "v_measure": Tally(columns, v),
        "homogeneity": Tally(columns, lambda s: parts(s)[0]),
        "completeness": Tally(columns, lambda s: parts(s)[1]),
    }


def _members(names: Sequence[Hashable]) -> np.ndarray:
    """`[groups, cells]`: 1 where a cell is of a group."""
    groups = list(dict.fromkeys(names))
    return np.array([[name == group for name in names] for group in groups], float)


def _entropy(p: np.ndarray) -> np.ndarray:
    return -(p * np.log(np.where(p > 0, p, 1))).sum(0)


def _share(shared: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > _LEAST, ratio(shared, whole), 1.0)
