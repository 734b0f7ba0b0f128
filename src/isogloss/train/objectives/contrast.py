"""In-batch contrast: a sentence's own translation among the others of the batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from isogloss.registry import register
from isogloss.settings import Positive
from isogloss.train.batch import told_apart
from isogloss.train.contracts import Batch, Loss
from isogloss.train.contrast import rank_views


@register("objective", "contrast.v1")
@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Symmetric softmax over cosines between every two views, and between views and teacher.

    For views u, v of the same B sentences, s = cos(u_i, v_j) / temperature, the loss is the mean
    of the cross-entropies of rows and of columns with the diagonal as gold. Summed over all pairs
    of views; the teacher counts as one more view that does not train. Views that the mixture marks
    as `negative` are further candidates in the rows.

    Reads: outputs `vectors` `[views, B, d]`, batch `teacher` `[B, d]`, `negative` if there is one.
    Prefer it when retrieval matters; it needs large batches.
    Source: Feng et al. (2022), LaBSE, section 2.2, without the additive margin.
    """

    joint: ClassVar = True

    temperature: Positive = 0.05
    teacher: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The teacher's vectors, if it is a view."""
        return ("teacher",) if self.teacher else ()

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        views, negatives = told_apart(F.normalize(outputs["vectors"], dim=-1), batch)
        everything = [*views]  # [B, d] each
        if self.teacher:
            everything.append(F.normalize(batch["teacher"], dim=-1))  # [B, d]
        total = rank_views(everything, self.temperature, negatives=negatives)
        return Loss(total, {"contrast": float(total.detach())})


@register("objective", "contrast_views.v1")
@dataclass(frozen=True, kw_only=True)
class ContrastViews(Contrast):
    """The same between views alone: a model of its own space, which no teacher has a part in."""

    views: ClassVar = 2

    teacher: bool = False
