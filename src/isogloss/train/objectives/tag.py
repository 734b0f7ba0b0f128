"""Tagging of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch

from isogloss.registry import register
from isogloss.settings import Count, Positive, Share
from isogloss.train.batch import UNKNOWN, Texts
from isogloss.train.contracts import Batch, Loss
from isogloss.train.label_head import LabelHead


@register("objective", "tag.v1")
class Tag(LabelHead):
    """-log p(tag | token in its text), the mean over the tokens of the batch that have a tag.

    A linear head over the last states; a word is told by those of its tokens that have its tag.

    Reads: outputs `states` `[tokens, d]`, batch `tag` `[tokens]`.
    Source: as in Devlin et al. (2019), BERT, section 5.3, with the model trained too.

    Args:
        classes: how many tags there are.
        factor: of the head's learning rate, over that of the model.
        drop: share of the numbers of a state that are left out in training.
        seed: of the first weights.
    """

    outputs: ClassVar = ("states",)
    columns: ClassVar = ("tag",)
    part: ClassVar = "tag"

    def __init__(
        self, *, classes: Count, factor: Positive = 10.0, drop: Share = 0.1, seed: int = 0
    ) -> None:
        super().__init__(classes, factor, drop, seed)

    def count(self, batch: Batch) -> int:
        """Tokens that have a tag."""
        return int((batch["tag"] != UNKNOWN).sum())

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        return self.told(outputs["states"], batch["tag"])

    def tell(self, outputs: Mapping[str, torch.Tensor], batch: Texts) -> list[torch.Tensor]:
        """Of each text the shares `[t, classes]` of its tokens."""
        return list(self.shares(outputs["states"]).split(batch.lengths().tolist()))
