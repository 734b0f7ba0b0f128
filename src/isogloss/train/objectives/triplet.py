"""Triplets: an anchor is to be nearer to what it entails than to what contradicts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F

from isogloss.registry import register
from isogloss.train.batch import told_apart
from isogloss.train.contracts import Batch, Loss

_DISTANCES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "cosine": lambda x, y: 1 - F.cosine_similarity(x, y, dim=-1),
    "euclidean": lambda x, y: (x - y).norm(p=2, dim=-1),
    "manhattan": lambda x, y: (x - y).norm(p=1, dim=-1),
}


@register("objective", "triplet.v1")
@dataclass(frozen=True, kw_only=True)
class Triplet:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), averaged over rows.

    The anchor is the first view, positives are the others, and negatives those that the mixture
    marks as `negative`; with several, the mean over all their pairs.

    Reads: outputs `vectors` `[views, B, d]`, batch `negative` `[views * B]`.
    Prefer it for small batches, as no other row is a negative; with larger ones
    `additive_margin.v1` with `both = false` and `margin = 0` learns more from the same triplets.
    Source: Reimers and Gurevych (2019), Sentence-BERT, section 3, triplet objective, whose distance
    and margin are the defaults.

    Attributes:
        distance: of two vectors. Cosine's is at most 2, so its margin must be well under that.
        margin: by how much the negative has to be further.
    """

    columns: ClassVar = ("negative",)
    views: ClassVar = 3

    distance: Literal["cosine", "euclidean", "manhattan"] = "euclidean"
    margin: float = 1.0

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        (anchor, *positives), negatives = told_apart(outputs["vectors"], batch)
        apart = _DISTANCES[self.distance]
        near = torch.stack([apart(anchor, each) for each in positives])  # [v - 1, B]
        far = torch.stack([apart(anchor, each) for each in negatives])  # [k, B]
        total = F.relu(near[:, None] - far[None] + self.margin).mean()
        return Loss(total, {"triplet": float(total.detach())})
