"""Whether two sentences that stand in one text translate each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.registry import register
from isogloss.train.contracts import Batch, Loss


@register("objective", "awesome_psi.v1")
class ParallelSentences(nn.Module):
    """-[l log s + (1 - l) log(1 - s)], s = sigmoid(w . tanh(W v + a) + b), l whether they do.

    v is the vector of a text that holds two sentences, the mean of its states; the paper reads the
    state of [CLS], which models without one have not. W, a, w and b train beside the model.

    Reads: outputs `vectors` `[1, B, d]`, batch `true` `[B]`, as `concatenated.v1` gives it.
    Source: as the parallel sentence identification of Dou and Neubig (2021), Word Alignment by
    Fine-tuning Embeddings on Parallel Corpora.
    """

    columns: ClassVar = ("true",)

    def begin(self, model: Any) -> None:
        """Make the weights of the model's width."""
        width, kind = model.body.config.hidden_size, next(model.parameters()).dtype
        self.dense = nn.Linear(width, width, dtype=kind)
        self.score = nn.Linear(width, 1, dtype=kind)

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        scores = self.score(self.dense(outputs["vectors"][0]).tanh()).ravel()  # [B]
        total = F.binary_cross_entropy_with_logits(scores, batch["true"].to(scores.dtype))
        return Loss(total, {"awesome_psi": float(total.detach())})
