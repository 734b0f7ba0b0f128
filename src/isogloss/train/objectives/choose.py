"""Multiple choice: which of several texts is the right one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F

from isogloss.errors import TrainingError
from isogloss.registry import register
from isogloss.settings import Positive, Share
from isogloss.train.batch import UNKNOWN
from isogloss.train.contracts import Batch, Loss
from isogloss.train.label_head import LabelHead


@register("objective", "choose.v1")
class Choose(LabelHead):
    """-log softmax_v(w . h_v + b) at the right view, the mean over rows that have a label.

    Each view of a row is a text with one of its choices; a row with fewer choices than the batch
    has views says how many count. Nothing is compared between rows.

    Reads: outputs `vectors` `[views, B, d]`, batch `label` `[B]`, the place of the right choice
    from 0, and `choices` `[B]`, how many there are.
    Source: Radford et al. (2018), Improving Language Understanding by Generative Pre-Training,
    section 3.3, over means of the last states.

    Args:
        factor: of the head's learning rate, over that of the model.
        drop: share of the numbers of a vector that are left out in training.
        seed: of the first weights.
    """

    columns: ClassVar = ("label", "choices")
    views: ClassVar = 2
    part: ClassVar = "choose"

    def __init__(self, *, factor: Positive = 10.0, drop: Share = 0.1, seed: int = 0) -> None:
        super().__init__(1, factor, drop, seed)

    def count(self, batch: Batch) -> int:
        """Rows that have a label."""
        return int((batch["label"] != UNKNOWN).sum())

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        label, known = batch["label"], batch["label"] != UNKNOWN
        if bool((label >= batch["choices"]).any()):
            raise TrainingError("a label is the place of a choice that its row does not have")
        vectors = F.dropout(outputs["vectors"], self.drop, self.training)
        total = F.cross_entropy(self._scores(vectors, batch)[known], label[known])
        return Loss(total, {self.part: float(total.detach())})

    def tell(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> list[torch.Tensor]:
        """The shares of the choices `[c]` of each row."""
        shares = self._scores(outputs["vectors"], batch).softmax(1)
        counts = batch["choices"].tolist()
        return [row[:count] for row, count in zip(shares, counts, strict=True)]

    def _scores(self, vectors: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Scores of the choices `[B, views]`, -inf where there is none."""
        if self.layer is None:
            raise TrainingError("the head has no weights before training begins")
        scores = self.layer(vectors)[..., 0].T  # [B, views]
        places = torch.arange(scores.shape[1], device=scores.device)
        return scores.masked_fill(places >= batch["choices"][:, None], float("-inf"))
