"""How alike two texts are, told by the cosine of their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from isogloss.registry import register
from isogloss.task.contracts import Tally
from isogloss.task.examples import PAIRS, Examples


@register("task", "similarity.v1")
@dataclass(frozen=True, kw_only=True)
class SimilarityTask:
    """cos(u, v) of the vectors of two texts, against what people said of them.

    Any encoder solves it as it is. Prefer Spearman: cosines and people agree on an order at best.
    Source: Reimers, Beyer and Gurevych (2016), Task-Oriented Intrinsic Evaluation of Semantic
    Textual Similarity.
    """

    shape: ClassVar = PAIRS
    measures: ClassVar = ("spearman", "pearson")
    texts: ClassVar = ("text", "second")

    def from_vectors(self, vectors: Sequence[np.ndarray], seed: int) -> list[float]:
        """The cosine of each pair."""
        first, second = vectors
        return np.einsum("md,md->m", first, second, dtype=np.float64).tolist()

    def score(self, gold: Examples, told: Sequence[Any]) -> dict[str, Tally]:
        """Correlation of ranks, and of values."""
        from isogloss.task.metrics.similarity import correlations

        found = correlations(gold.column("score"), told)
        return {name: found[name] for name in self.measures}
