"""Texts in clusters, told by their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from isogloss.errors import UsageError
from isogloss.match.clusters import kmeans, means
from isogloss.registry import register
from isogloss.task.contracts import Tally
from isogloss.task.examples import TEXT, Examples


@register("task", "cluster.v1")
@dataclass(frozen=True, kw_only=True)
class ClusterTask:
    """k-means over unit vectors of all texts of a test at once; the best of several starts.

    The start that is kept has the least sum |x - mean of its cluster|^2, which no label decides.
    Any encoder solves it as it is.
    Source: as in Muennighoff et al. (2023), MTEB, section 3.2, with whole batches and several
    starts in place of batches of 32.

    Attributes:
        clusters: how many; `counted` makes it the number of labels of a test, as MTEB does.
        starts: beginnings that are tried.
    """

    shape: ClassVar = TEXT
    measures: ClassVar = ("v_measure", "homogeneity", "completeness")
    texts: ClassVar = ("text",)
    clusters: int | None = None
    starts: int = 10

    def counted(self, gold: Examples) -> ClusterTask:
        """The same with as many clusters as gold has labels, unless it says how many."""
        kinds = set(gold.column("label")) - {None}
        return replace(self, clusters=self.clusters or len(kinds))

    def from_vectors(self, vectors: Sequence[np.ndarray], seed: int) -> list[str]:
        """The number of the cluster of each text, as text.

        Raises:
            UsageError: nobody said how many clusters; fewer texts than clusters.
        """
        if not self.clusters:
            raise UsageError(
                "how many clusters is not said, and labels are not looked at",
                remedy="set clusters, or take the task's counted(gold)",
            )
        [x] = vectors
        tried = [kmeans(x, self.clusters, seed=seed * self.starts + i) for i in range(self.starts)]
        return [str(one) for one in min(tried, key=lambda labels: spread(x, labels)).tolist()]

    def score(self, gold: Examples, told: Sequence[Any]) -> dict[str, Tally]:
        """V-measure, which is normalised mutual information, and its two parts."""
        from isogloss.task.metrics.clusters import cluster_scores

        about = {"clusters": self.clusters, "starts": self.starts}
        found = cluster_scores(gold.column("label"), told)
        return {
            name: found[name]._replace(settings={**found[name].settings, **about})
            for name in self.measures
        }


def spread(x: np.ndarray, labels: np.ndarray) -> float:
    """Sum |x - mean of its cluster|^2 of vectors `[n, d]`."""
    return float(((x - means(x, labels, int(labels.max()) + 1)[labels]) ** 2).sum())
