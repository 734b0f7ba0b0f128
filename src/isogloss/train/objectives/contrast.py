"""In-batch contrast: a sentence's own translation among the others of the batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from isogloss.registry import register
from isogloss.train.contracts import Batch, Loss


@register("objective", "contrast.v1")
@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Symmetric softmax over cosines between every two views, and between views and teacher.

    For views u, v of the same B sentences, s = cos(u_i, v_j) / temperature, the loss is the mean
    of the cross-entropies of rows and of columns with the diagonal as gold. Summed over all pairs
    of views; the teacher counts as one more view that does not train.

    Reads: outputs `vectors` `[views, B, d]`, batch `teacher` `[B, d]`.
    Prefer it when retrieval matters; it needs large batches.
    Source: Feng et al. (2022), LaBSE, section 2.2, without the additive margin.
    """

    joint: ClassVar = True

    temperature: float = 0.05
    teacher: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The teacher's vectors, if it is a view."""
        return ("teacher",) if self.teacher else ()

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        views = F.normalize(outputs["vectors"], dim=-1)  # [views, B, d]
        everything = [*views]
        if self.teacher:
            everything.append(F.normalize(batch["teacher"], dim=-1))  # [B, d]
        total = torch.zeros((), device=views.device)
        for right in range(1, len(everything)):
            for left in range(right):
                total = total + self._pair(everything[left], everything[right])
        return Loss(total, {"contrast": float(total.detach())})

    def _pair(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        scores = left @ right.T / self.temperature  # [B, B]
        gold = torch.arange(len(left), device=left.device)  # [B]
        return (F.cross_entropy(scores, gold) + F.cross_entropy(scores.T, gold)) / 2


@register("objective", "contrast_views.v1")
@dataclass(frozen=True, kw_only=True)
class ContrastViews(Contrast):
    """The same between views alone: a model of its own space, which no teacher has a part in."""

    teacher: bool = False
