"""Pairs among the hard negatives and positives of a batch, each weighed by how hard it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from isogloss.registry import register
from isogloss.train.contracts import Batch, Loss
from isogloss.train.contrast import among, two_views


@register("objective", "multi_similarity.v1")
@dataclass(frozen=True, kw_only=True)
class MultiSimilarity:
    """log(1 + e^(-a (s_p - l))) / a + log(1 + sum_n e^(b (s_n - l))) / b, averaged over texts.

    s are cosines of a text with its pair p and with other texts n of the batch, of either side. Of
    negatives only those with s_n > s_p - slack are in the sum, and the first term only where
    s_p < max_n s_n + slack. A negative weighs more the nearer it is and the nearer it is than
    others. Prefer it for word pairs, where most of a batch is easy; `contrast_views.v1` has no
    threshold to set.

    Reads: outputs `vectors` `[2, B, d]`.
    Raises: UsageError: other than two views, or fewer than two rows.
    Source: Wang et al. (2019), Multi-Similarity Loss with General Pair Weighting for Deep Metric
    Learning, equations of the mining and of the loss; for word pairs as in Vulić et al. (2021),
    LexFit, and Liu et al. (2021), SapBERT.

    Attributes:
        attract: a.
        repel: b.
        threshold: l.
        slack: of the mining.
    """

    joint: ClassVar = True

    attract: float = 2.0
    repel: float = 50.0
    threshold: float = 0.5
    slack: float = 0.1

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        left, right = two_views(outputs["vectors"])
        found = among(left, right)
        pairs, others = found.pairs, found.outside()  # [2 B], [2 B, 2 B]
        hard = others > pairs[:, None] - self.slack  # [2 B, 2 B]
        wanting = pairs < others.max(1).values + self.slack  # [2 B]
        near = _softplus_sum(
            (-self.attract * (pairs - self.threshold)).masked_fill(~wanting, -torch.inf)[:, None]
        )
        far = _softplus_sum((self.repel * (others - self.threshold)).masked_fill(~hard, -torch.inf))
        total = (near / self.attract + far / self.repel).mean()
        return Loss(total, {"multi_similarity": float(total.detach())})


def _softplus_sum(values: torch.Tensor) -> torch.Tensor:
    """log(1 + sum_j e^v_j) `[n]` of `[n, m]`."""
    return torch.logsumexp(torch.cat([values.new_zeros(len(values), 1), values], 1), 1)
