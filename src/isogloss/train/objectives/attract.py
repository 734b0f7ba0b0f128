"""Translations are nearer than the nearest other word, by a margin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from isogloss.registry import register
from isogloss.train.contracts import Batch, Loss
from isogloss.train.contrast import among, two_views


@register("objective", "attract.v1")
@dataclass(frozen=True, kw_only=True)
class Attract:
    """max(0, margin + cos(x, t) - cos(x, y)), x and y a pair, t the nearest other text to x.

    t is of either side of the batch. The mean over rows of the sum for both of a pair: a triplet
    loss with the hardest negative of the batch. Of Attract-Repel it is the attracting half; pairs
    to be driven apart, such as antonyms, a bilingual lexicon has none of. Pairs whose margin is
    kept have no gradient, so that vectors stay where they are right already: prefer it over
    `contrast_views.v1` for small lexicons.

    Reads: outputs `vectors` `[2, B, d]`.
    Raises: UsageError: other than two views, or fewer than two rows.
    Source: Mrkšić et al. (2017), Semantic Specialization of Distributional Word Vector Spaces using
    Monolingual and Cross-Lingual Constraints, the attracting term.
    """

    joint: ClassVar = True

    margin: float = 0.6

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        left, right = two_views(outputs["vectors"])
        found = among(left, right)
        nearest = found.outside().max(1).values  # [2 B]
        total = 2 * F.relu(self.margin + nearest - found.pairs).mean()
        return Loss(total, {"attract": float(total.detach())})
