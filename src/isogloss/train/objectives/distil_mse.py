"""Distillation of vectors by squared differences, length and all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from isogloss.registry import register
from isogloss.train.contracts import Batch, Loss
from isogloss.train.objectives.distil import taught


@register("objective", "distil_mse.v1")
@dataclass(frozen=True, kw_only=True)
class DistilMse:
    """mean (student(x)_k - teacher(pivot)_k)^2 over views, sentences and the numbers of a vector.

    The pivot sentence s and its translation t are both pulled to the teacher's vector of s, as in
    1/|B| sum_j (M(s_j) - M'(s_j))^2 + (M(s_j) - M'(t_j))^2, here divided by views and width, as
    the authors' own code does. Unlike `distil.v1` the length of vectors counts: the teacher's are
    of length 1 here, so the student's own come to that too.

    Reads: outputs `vectors` `[views, B, d]`, batch `teacher` `[B, d]`.
    Prefer it to repeat the paper, or where raw vectors are compared by distance; else `distil.v1`,
    whose gradient does not fight over a length that cosines do not see.
    Source: Reimers and Gurevych (2020), Making Monolingual Sentence Embeddings Multilingual using
    Knowledge Distillation, section 2; sentence-transformers' `MSELoss`.

    Attributes:
        unit: bring the student's vectors to length 1 first, as a folder does whose last module
            normalises.
    """

    columns: ClassVar = ("teacher",)

    unit: bool = False

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        views, teacher = taught(outputs, batch)
        views = F.normalize(views, dim=-1) if self.unit else views  # [v, B, d]
        total = (views - teacher).square().mean()
        return Loss(total, {"mse": float(total.detach())})
