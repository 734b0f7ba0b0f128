"""Translation ranking with an additive margin, as LaBSE is tuned."""

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


@register("objective", "additive_margin.v1")
@dataclass(frozen=True, kw_only=True)
class AdditiveMargin:
    """-log softmax of the own translation among the batch's, its cosine lessened by a margin.

    With s_ij = scale (cos(x_i, y_j) - margin [i = j]) the loss is the mean over i of
    -log(e^{s_ii} / sum_j e^{s_ij}), from x to y and, with `both`, the mean of that and the same
    from y to x; summed over the pairs of views. The margin keeps a gradient on pairs that already
    rank first by a little, so translations end further from the rest than without it. Views that
    the mixture marks as `negative` are further candidates from x to y.

    Reads: outputs `vectors` `[views, B, d]`, batch `negative` if there is one.
    Prefer it over `contrast_views.v1` for mining and retrieval by cosine, with large batches
    (`accumulate` keeps their memory small); distillation keeps a teacher's space better.
    Source: Feng et al. (2022), Language-agnostic BERT Sentence Embedding, section 2, with their
    margin; after Yang et al. (2019), Improving Multilingual Sentence Embedding using Bi-directional
    Dual Encoder with Additive Margin Softmax. The default scale is that of sentence-transformers.
    """

    joint: ClassVar = True
    views: ClassVar = 2

    margin: float = 0.3
    scale: Positive = 20.0
    both: bool = True

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        views, negatives = told_apart(F.normalize(outputs["vectors"], dim=-1), batch)
        total = rank_views(
            [*views], 1 / self.scale, negatives=negatives, margin=self.margin, both=self.both
        )
        return Loss(total, {"ranking": float(total.detach())})
