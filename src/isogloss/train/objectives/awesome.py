"""The objectives of awesome-align that read the grid of a sentence pair's tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from isogloss import registry
from isogloss.registry import register
from isogloss.train.batch import Texts
from isogloss.train.contracts import Batch, Loss
from isogloss.train.grids import Grids, grids
from isogloss.train.links import output_of, states_of


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """An objective over tokens of sentence pairs against each other.

    Attributes:
        layer: whose states; 8 of 12 is that of the paper. None is the last.
    """

    columns: ClassVar = ()

    layer: int | None = 8

    @property
    def outputs(self) -> tuple[str, ...]:
        """The states of the layer."""
        return output_of(self.layer)

    def _grids(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Grids:
        assert isinstance(batch, Texts)
        return grids(states_of(outputs, self.layer), batch)


@register("objective", "awesome_so.v1")
@dataclass(frozen=True, kw_only=True)
class SelfTraining(_Grid):
    """-mean over pairs of sum_ij A_ij (P_ij / m + Q_ij / n) / 2: links found are to become surer.

    P_ij = softmax over j of x_i . y_j, Q_ij the same over i, m and n the tokens of x and y. A holds
    the links that these probabilities themselves give, by default where both are over 0.001; no
    gradient goes through it. It sharpens what a model knows already; it needs links that are mostly
    right. The paper draws A by words and trains on their tokens; here tokens are linked.

    Reads: outputs `layer_states`, or `states`; two views.
    Source: as the self-training objective of Dou and Neubig (2021), Word Alignment by Fine-tuning
    Embeddings on Parallel Corpora.

    Attributes:
        extraction: of `isogloss.match`, which tokens A links.
    """

    extraction: str = "softmax"

    def __post_init__(self) -> None:
        registry.full_name("extraction", self.extraction)  # one that is not there is told early

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        grid = self._grids(outputs, batch)
        linked = grid.links(self.extraction)
        m, n = (length[:, None, None] for length in grid.lengths)
        sure = (grid.shares(2) / m + grid.shares(1) / n) / 2  # [B, m, n]
        total = -(sure * linked).sum((1, 2)).mean()
        return Loss(total, {"awesome_so": float(total.detach())})


@register("objective", "awesome_co.v1")
@dataclass(frozen=True, kw_only=True)
class Consistency(_Grid):
    """-mean over pairs of sum_ij P_ij Q_ij / min(m, n): both directions are to agree.

    P, Q, m and n as in `awesome_so.v1`. It is -1 where tokens are linked one to one without doubt;
    no links are found first, so that wrong ones are not learned either.

    Reads: outputs `layer_states`, or `states`; two views.
    Source: as the consistency optimisation of Dou and Neubig (2021), Word Alignment by Fine-tuning
    Embeddings on Parallel Corpora, after Cohn et al. (2016).
    """

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        grid = self._grids(outputs, batch)
        both = (grid.shares(2) * grid.shares(1)).sum((1, 2))  # [B]
        total = -(both / torch.minimum(*grid.lengths)).mean()
        return Loss(total, {"awesome_co": float(total.detach())})
