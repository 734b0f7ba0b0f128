"""Masked language modelling: what a hidden token was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from isogloss.registry import register
from isogloss.train.batch import spots
from isogloss.train.contracts import Batch, Loss


@register("objective", "mlm.v1")
@dataclass(frozen=True, kw_only=True)
class Mlm:
    """-log p(token) over the vocabulary, averaged over the hidden tokens of the batch.

    Reads: outputs `logits` `[m, V]`, batch `gold` `[tokens]`, of which m are known.
    Source: Devlin et al. (2019), BERT, section 3.1, task 1.
    """

    outputs: ClassVar = ("logits",)
    columns: ClassVar = ("gold",)
    part: ClassVar = "mlm"

    def count(self, batch: Batch) -> int:
        """Tokens to be told."""
        return len(spots(batch))

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        total = surprise(outputs["logits"], batch)
        return Loss(total, {self.part: float(total.detach())})


def surprise(logits: torch.Tensor, batch: Batch, smoothing: float = 0.0) -> torch.Tensor:
    """The mean of -log p(gold) over the tokens that have one, of logits `[m, V]`."""
    return F.cross_entropy(logits, batch["gold"][spots(batch)], label_smoothing=smoothing)
