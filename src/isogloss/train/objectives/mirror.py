"""Tokens that attend to their translations, so that both directions of attention are one mirror."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F

from isogloss.registry import register
from isogloss.settings import Positive
from isogloss.train.batch import Texts
from isogloss.train.contracts import Batch, Loss
from isogloss.train.contrast import own_among
from isogloss.train.grids import Grids, grids
from isogloss.train.links import output_of, states_of


@register("objective", "mirror.v1")
@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Contrast of sentences by what their tokens attend to, and the squared gap of both directions.

    P = softmax over y of x_i . y_j, Q over x. A pair's score is the mean of
    mean_i cos(x_i, sum_j P_ij y_j) and mean_j cos(y_j, sum_i Q_ij x_i). The contrast is the
    cross-entropy of each sentence's own translation among those of the batch by score /
    temperature, both ways, halved; the gap is the mean of (P_ij - Q_ij)^2 over the tokens of true
    pairs. It learns from pairs alone, without a start that links words: prefer it with a light
    model whose embeddings train (layer 0, a small body), and read its links by `align_words.v1`
    at that layer.

    Reads: outputs `layer_states`, or `states`; two views.
    Source: after Wu et al. (2022), MirrorAlign: A Super Lightweight Unsupervised Word Alignment
    Model via Cross-Lingual Contrastive Learning; the score and the negatives of the batch are as
    above, not as there.

    Attributes:
        layer: whose states; 0 is the embeddings, None the last.
        temperature: of the contrast.
        agreement: weight of the gap beside the contrast.
    """

    joint: ClassVar = True
    columns: ClassVar = ()

    layer: int | None = 0
    temperature: Positive = 1.0
    agreement: float = 1.0

    @property
    def outputs(self) -> tuple[str, ...]:
        """The states of the layer."""
        return output_of(self.layer)

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        assert isinstance(batch, Texts)
        grid = grids(states_of(outputs, self.layer), batch)
        scores = torch.stack([_scores(grid, row) for row in range(batch.size)]) / self.temperature
        contrast = (own_among(scores) + own_among(scores.T)) / 2
        gap = (grid.shares(2) - grid.shares(1)).square().sum() / grid.real.sum()
        total = contrast + self.agreement * gap
        return Loss(total, {
            "mirror": float(contrast.detach()), "mirror_gap": float(self.agreement * gap.detach()),
        })  # fmt: skip


def _scores(grid: Grids, row: int) -> torch.Tensor:
    """The score of the first text of a row with the second of every row `[B]`."""
    (x, y), (m, n) = grid.sides, grid.lengths
    own = x[row, : int(m[row])].expand(len(y), -1, -1)  # [B, m, d]
    there = torch.arange(y.shape[1], device=y.device) < n[:, None]  # [B, n]
    real = there[:, None].expand(-1, own.shape[1], -1)
    one = Grids(own @ y.transpose(1, 2), real, (own, y), (m[row].expand(len(y)), n))
    forward = F.cosine_similarity(own, one.shares(2) @ y, dim=2).mean(1)  # [B]
    back = F.cosine_similarity(y, one.shares(1).transpose(1, 2) @ own, dim=2)  # [B, n]
    return (forward + (back * there).sum(1) / n) / 2
