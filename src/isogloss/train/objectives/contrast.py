"""In-batch contrast: a sentence's own translation among the others of the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from isogloss.registry import register
from isogloss.train.batch import told_apart
from isogloss.train.contracts import Batch, Loss


def ranking(
    queries: torch.Tensor, candidates: torch.Tensor, temperature: float, margin: float = 0.0
) -> torch.Tensor:
    """Mean over i of -log softmax_j((q_i c_j - margin [i = j]) / temperature) at j = i.

    Args:
        queries: `[B, d]`, unit vectors where the products are to be cosines.
        candidates: `[B + extra, d]`: the own one of each query, then what is nobody's own.
        temperature: of the softmax.
        margin: by how much the own one has to be nearer than the others.
    """
    scores = queries @ candidates.T  # [B, B + extra]
    if margin:
        scores = scores - margin * torch.eye(*scores.shape, dtype=scores.dtype).to(scores.device)
    gold = torch.arange(len(queries), device=scores.device)  # [B]
    return F.cross_entropy(scores / temperature, gold)


def rank_views(
    views: Sequence[torch.Tensor],
    temperature: float,
    *,
    negatives: torch.Tensor,
    margin: float = 0.0,
    both: bool = True,
) -> torch.Tensor:
    """`ranking` of each later view for each earlier one, and back, summed over the pairs of views.

    Args:
        views: unit vectors `[B, d]` of texts that mean the same.
        temperature: of the softmax.
        negatives: unit vectors `[k, B, d]`, further candidates on the way there.
        margin: see `ranking`.
        both: the mean of there and back; else there alone.
    """
    extra = negatives.flatten(0, 1)  # [k * B, d]
    total = torch.zeros((), device=views[0].device)
    for right in range(1, len(views)):
        for left in range(right):
            own = views[right] if not len(extra) else torch.cat([views[right], extra])
            loss = ranking(views[left], own, temperature, margin)
            if both:
                loss = (loss + ranking(views[right], views[left], temperature, margin)) / 2
            total = total + loss
    return total


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

    temperature: float = 0.05
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

    teacher: bool = False
