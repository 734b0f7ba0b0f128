"""The likelihood of the answers that a model is to give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from isogloss.registry import register
from isogloss.train.batch import UNKNOWN
from isogloss.train.contracts import Batch, Loss
from isogloss.train.objectives.preference import check_causal


@register("objective", "answer.v1")
@dataclass(frozen=True, kw_only=True)
class LikelyAnswer:
    """-log p of the answers of the first view, averaged over their tokens.

    Supervised fine-tuning beside a preference, with the same forward pass: it keeps the better
    answer from becoming unlikely together with the worse. In cross-lingual optimisation it is over
    answers that are not in the pivot, `pivot = false`.

    Reads: outputs `likelihoods` `[views, B, 1]`, batch `gold`, `language`, the pivot's being 0.
    Source: the likelihood term of Lee, Hong, Moon and Lim (2025), Cross-Lingual Optimization for
    Language Transfer in Large Language Models.

    Attributes:
        pivot: whether answers in the pivot count too.
    """

    outputs: ClassVar = ("likelihoods",)
    columns: ClassVar = ("gold", "language")

    pivot: bool = True

    def begin(self, model: Any) -> None:
        """Refuse a model that does not say what comes next."""
        check_causal(model)

    def count(self, batch: Batch) -> int:
        """Tokens of the answers that count."""
        return int(self._tokens(batch).sum())

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch; 0 where no answer counts."""
        found, tokens = outputs["likelihoods"][0, :, 0], self._tokens(batch)  # [B], [B]
        total = -(found * (tokens > 0)).sum() / tokens.sum().clamp(min=1)
        return Loss(total, {"answer": float(total.detach())})

    def _tokens(self, batch: Batch) -> torch.Tensor:
        """Tokens of the first answer of each row, 0 of those that do not count: `[B]`."""
        rows = len(batch["offsets"]) // int(batch["views"])
        ends = torch.cat([batch["offsets"], batch["offsets"].new_tensor([len(batch["ids"])])])
        known = torch.cat([ends.new_zeros(1), (batch["gold"] != UNKNOWN).long().cumsum(0)])
        tokens = (known[ends[1:]] - known[ends[:-1]])[:rows]
        return tokens if self.pivot else tokens * (batch["language"][:rows] != 0)
