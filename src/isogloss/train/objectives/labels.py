"""Any number of labels a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F

from isogloss.errors import TrainingError
from isogloss.registry import register
from isogloss.settings import Count, Positive, Share
from isogloss.train.batch import UNKNOWN
from isogloss.train.contracts import Batch, Loss
from isogloss.train.label_head import LabelHead


@register("objective", "labels.v1")
class Labels(LabelHead):
    """-(1/C) sum_c y_c log p_c + (1 - y_c) log(1 - p_c), p = sigmoid(W h + b), mean over texts.

    Each of C labels is told by itself, so a text may have none or all. Rows whose labels are not
    known count for nothing.

    Reads: outputs `vectors` `[views, B, d]`, batch `labels` `[B, C]` of 0 and 1.
    Source: Nam et al. (2014), Large-scale Multi-label Text Classification, section 3.2.

    Args:
        classes: how many labels there are.
        factor: of the head's learning rate, over that of the model.
        drop: share of the numbers of a vector that are left out in training.
        seed: of the first weights.
    """

    columns: ClassVar = ("labels",)
    part: ClassVar = "labels"

    def __init__(
        self, *, classes: Count, factor: Positive = 10.0, drop: Share = 0.1, seed: int = 0
    ) -> None:
        super().__init__(classes, factor, drop, seed)

    def count(self, batch: Batch) -> int:
        """Rows whose labels are known."""
        return int((batch["labels"][:, 0] != UNKNOWN).sum())

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        labels, vectors = batch["labels"], outputs["vectors"]
        if labels.shape[1] != self.classes:
            raise TrainingError(
                f"rows have {labels.shape[1]} labels each, and the head tells {self.classes}",
                remedy="set classes to the number of labels",
            )
        known = labels[:, 0] != UNKNOWN
        seen = F.dropout(vectors[:, known], self.drop, self.training)
        gold = labels[known].to(seen.dtype).expand(len(vectors), -1, -1)
        total = F.binary_cross_entropy_with_logits(self.logits(seen), gold)
        return Loss(total, {self.part: float(total.detach())})

    def tell(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> list[torch.Tensor]:
        """Of each row how likely each label is `[C]`, by its first text."""
        return list(self.logits(outputs["vectors"][0]).sigmoid())
