"""A cross-encoder: a query and a passage read as one text, better pairs above worse ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.errors import TrainingError
from isogloss.registry import register
from isogloss.settings import Positive, Share
from isogloss.train.batch import told_apart
from isogloss.train.contracts import Batch, Loss
from isogloss.train.contrast import own_among
from isogloss.train.label_head import write_head


@register("objective", "rank_pairs.v1")
class RankPairs(nn.Module):
    """The pair of a query and its passage scores over those with other passages, s = w . v + b.

    Each view of a row is `query [SEP] passage` as one text, v the mean of its last states; views
    that the mixture marks as `negative` hold passages that do not answer. `softmax` is
    -log softmax of the right pair among itself and the negatives of its row, `margin` the mean of
    max(0, margin - s+ + s-) over the negatives; with several right pairs the mean over them.
    Nothing is compared between rows. w and b are saved beside the model, as a head.
    Prefer it for reranking: surer than vectors that were made apart, but every pair is one reading.

    Reads: outputs `vectors` `[views, B, d]`, batch `negative` `[views * B]`.
    Source: Nogueira and Cho (2019), Passage Re-ranking with BERT, over means of states; softmax
    over the candidates of a query as in Humeau et al. (2020), section 4.3.

    Args:
        loss: `softmax` or `margin`.
        margin: of `margin`.
        drop: share of the numbers of v that are left out in training.
        factor: of the head's learning rate, over that of the model.
        seed: of its first weights.
    """

    columns: ClassVar = ("negative",)
    views: ClassVar = 2

    def __init__(
        self,
        *,
        loss: Literal["softmax", "margin"] = "softmax",
        margin: Positive = 1.0,
        drop: Share = 0.1,
        factor: Positive = 10.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.loss, self.margin, self.drop = loss, margin, drop
        self.factor, self.seed = factor, seed

    def begin(self, model: Any) -> None:
        """Make the weights of the model's width."""
        kind = next(model.parameters()).dtype
        self.score = nn.Linear(model.body.config.hidden_size, 1, dtype=kind)
        with torch.no_grad():
            drawn = torch.Generator().manual_seed(self.seed)
            self.score.weight.normal_(std=0.02, generator=drawn)
            self.score.bias.zero_()

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        vectors = F.dropout(outputs["vectors"], self.drop, self.training)
        right, wrong = told_apart(self.score(vectors), batch)  # [v, B, 1], [k, B, 1]
        if not len(right) or not len(wrong):
            raise TrainingError(
                f"a row has {len(right)} right pairs and {len(wrong)} wrong ones",
                remedy="name a mixture that gives both, the wrong ones marked as negative",
            )
        if self.loss == "margin":
            total = F.relu(self.margin - right[:, None] + wrong[None]).mean()
        else:
            others = wrong[..., 0].mT.expand(len(right), -1, -1)  # [v, B, k]
            scores = torch.cat([right, others], 2)  # [v, B, 1 + k]
            total = own_among(scores, batch["offsets"].new_zeros(scores.shape[1]))
        return Loss(total, {"rank_pairs": float(total.detach())})

    def save(self, folder: Path, names: Sequence[str] = ()) -> None:
        """Write the weights beside the model."""
        write_head(folder, self.score, {"use": "rank_pairs.v1", "reads": "vectors"})
