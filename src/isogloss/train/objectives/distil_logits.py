"""Distillation of logits: hidden tokens are guessed as the model guessed before training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import nn

from isogloss.registry import register
from isogloss.settings import Positive
from isogloss.train.batch import spots
from isogloss.train.contracts import Batch, Loss
from isogloss.train.objectives.divergence import divergence
from isogloss.train.origin import origin_of


@register("objective", "distil_logits.v1")
class DistilLogits:
    """T^2 KL(teacher || student) over the vocabulary, averaged over the hidden tokens.

    The teacher is the model as it was: with `shorter.v1` the whole one, whose student thus learns
    what it says of every token and not of the right one alone; with other parameters it is
    self-distillation, which keeps a model from forgetting what the new text does not show.

    Reads: outputs `logits` `[m, V]`, batch `gold` `[tokens]`, of which m are known.
    Prefer it beside `mlm.v1`, with more weight than that where the student is small.
    Source: Hinton, Vinyals and Dean (2015), Distilling the Knowledge in a Neural Network; SMaLL-100
    (Mohammadshahi et al. 2022) with a decoder.

    Args:
        temperature: T.
    """

    outputs: ClassVar = ("logits",)
    columns: ClassVar = ("gold",)

    def __init__(self, *, temperature: Positive = 2.0) -> None:
        self.temperature = temperature

    def begin(self, model: nn.Module) -> None:
        """Take the model as it is now, or was before it was shortened, as the teacher."""
        self.origin = origin_of(model)

    def count(self, batch: Batch) -> int:
        """Hidden tokens."""
        return len(spots(batch))

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        teacher = self.origin(batch, self.outputs)["logits"]  # [m, V]
        total = divergence(teacher, outputs["logits"], self.temperature)
        return Loss(total, {"logits": float(total.detach())})
