"""Distillation of vectors: each view regresses the teacher's vector of the pivot sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from isogloss.errors import TrainingError
from isogloss.registry import register
from isogloss.train.batch import told_apart
from isogloss.train.contracts import Batch, Loss


def taught(outputs: Mapping[str, torch.Tensor], batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors of the texts that mean the same `[v, B, d]`, and the teacher's `[B, d]`.

    Raises:
        TrainingError: the teacher's vectors are wider or narrower.
    """
    views, teacher = told_apart(outputs["vectors"], batch)[0], batch["teacher"]
    if views.shape[-1] != teacher.shape[-1]:
        raise TrainingError(
            f"the model's vectors have {views.shape[-1]} numbers and the teacher's "
            f"{teacher.shape[-1]}",
            remedy="take a teacher of the model's width, or contrast_views.v1, which needs none",
        )
    return views, teacher


@register("objective", "distil.v1")
@dataclass(frozen=True, kw_only=True)
class Distil:
    """1 - cos(student(x), teacher(pivot)), averaged over the batch and summed over views.

    With unit vectors this is half the squared distance of Reimers and Gurevych (2020, equation 1),
    freed from the length of the vectors. The pivot is one of the views, which is what keeps the
    student's pivot language where the teacher has it.

    Reads: outputs `vectors` `[views, B, d]`, batch `teacher` `[B, d]`.
    Source: Reimers and Gurevych (2020), Making Monolingual Sentence Embeddings Multilingual.
    """

    columns: ClassVar = ("teacher",)

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        views, teacher = taught(outputs, batch)
        views = F.normalize(views, dim=-1)  # [v, B, d]
        teacher = F.normalize(teacher, dim=-1)  # [B, d]
        total = (1 - (views * teacher).sum(-1)).mean(-1).sum()
        return Loss(total, {"distil": float(total.detach())})
