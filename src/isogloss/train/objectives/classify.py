"""Classification of texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch

from isogloss.registry import register
from isogloss.settings import Count, Positive, Share
from isogloss.train.batch import UNKNOWN
from isogloss.train.contracts import Batch, Loss
from isogloss.train.label_head import LabelHead


@register("objective", "classify.v1")
class Classify(LabelHead):
    """-log p(label | text), the mean over the texts of rows that have a label.

    A linear head over the mean of the last states. All views of a row have its label, so parallel
    rows teach a task in several languages at once.

    Reads: outputs `vectors` `[views, B, d]`, batch `label` `[B]`.
    Source: as in Devlin et al. (2019), BERT, section 4.1, over means instead of the first state.

    Args:
        classes: how many labels there are.
        factor: of the head's learning rate, over that of the model.
        drop: share of the numbers of a vector that are left out in training.
        seed: of the first weights.
    """

    columns: ClassVar = ("label",)
    part: ClassVar = "classify"

    def __init__(
        self, *, classes: Count, factor: Positive = 10.0, drop: Share = 0.1, seed: int = 0
    ) -> None:
        super().__init__(classes, factor, drop, seed)

    def count(self, batch: Batch) -> int:
        """Rows that have a label."""
        return int((batch["label"] != UNKNOWN).sum())

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        vectors = outputs["vectors"]
        return self.told(vectors.flatten(0, 1), batch["label"].repeat(len(vectors)))

    def tell(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> list[torch.Tensor]:
        """Of each row the shares `[classes]` of its first text."""
        return list(self.shares(outputs["vectors"][0]))
