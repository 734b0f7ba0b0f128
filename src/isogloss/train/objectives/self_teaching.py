"""Self-teaching: what the model says of a text with its translation beside teaches it without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from isogloss.registry import register
from isogloss.settings import Positive
from isogloss.train.batch import spots
from isogloss.train.contracts import Batch, Loss
from isogloss.train.objectives.divergence import divergence, told_twice


@register("objective", "self_teaching.v1")
@dataclass(frozen=True, kw_only=True)
class SelfTeaching:
    """T^2 KL(what is said of the second view || what is said of the first), over hidden tokens.

    The second view, which has the translation too, is the teacher and gets no gradient. `fused.v1`
    gives such views; `mlm.v1` in the same lesson teaches both what was hidden.

    FILTER has a task's label in place of hidden tokens, and reads the two texts apart in its lowest
    and highest layers. Here one text is behind the other in all layers, as FILTER is with no layers
    apart, since the engine trains bodies as they are and saves them so.

    Reads: outputs `logits` `[m, V]`, batch `gold` `[tokens]`, whose second half is that of the
    second view.
    Prefer it beside `mlm.v1` where parallel text is at hand for training and not for use.
    Source: Fang et al. (2021), FILTER: An Enhanced Fusion Method for Cross-lingual Language
    Understanding, the KL loss of self-teaching.

    Attributes:
        temperature: T.
    """

    outputs: ClassVar = ("logits",)
    columns: ClassVar = ("gold",)

    temperature: Positive = 1.0

    def count(self, batch: Batch) -> int:
        """Hidden tokens."""
        return len(spots(batch))

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        alone, fused = told_twice(outputs["logits"], batch)
        total = divergence(fused.detach(), alone, self.temperature)
        return Loss(total, {"teaching": float(total.detach())})
