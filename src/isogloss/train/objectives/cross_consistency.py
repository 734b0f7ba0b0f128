"""Consistency across languages: a translation is told alike from its source and from itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from isogloss.registry import register
from isogloss.train.batch import spots
from isogloss.train.contracts import Batch, Loss
from isogloss.train.objectives.divergence import divergence, told_twice


@register("objective", "cross_consistency.v1")
@dataclass(frozen=True, kw_only=True)
class CrossConsistency:
    """KL(p(y | x) || p(y | y)), averaged over the tokens of y; both sides train.

    x is a source, y its translation, told token by token with the ones before it known. What a
    translation is told from then matters less than what it means, which is what directions without
    training text need. `translations.v1` gives the two views; `clm.v1` in the same lesson is the
    cross-entropy that it goes beside, whose weight is 1 in the paper.

    Reads: outputs `logits` `[m, V]`, batch `gold` `[tokens]`, whose second half is that of the
    second view.
    Prefer it for decoders that are to translate between languages that only the pivot joins.
    Source: Gao et al. (2023), Improving Zero-shot Multilingual Neural Machine Translation by
    Leveraging Cross-lingual Consistency Regularization (CrossConST); Gao et al. (2024), Towards
    Boosting Many-to-Many Multilingual Machine Translation with Large Language Models (XConST), for
    prompts.
    """

    outputs: ClassVar = ("logits",)
    columns: ClassVar = ("gold",)

    def count(self, batch: Batch) -> int:
        """Tokens that are told."""
        return len(spots(batch))

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        total = divergence(*told_twice(outputs["logits"], batch))
        return Loss(total, {"consistency": float(total.detach())})
