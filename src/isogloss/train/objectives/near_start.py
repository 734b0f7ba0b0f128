"""The pivot's tokens are to stay where they were when training began."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from isogloss.registry import register
from isogloss.train.batch import Texts
from isogloss.train.contracts import Batch, Loss
from isogloss.train.links import output_of, states_of
from isogloss.train.origin import origin_of


@register("objective", "near_start.v1")
class NearStart:
    """mean over tokens t of the first view of |f(t) - f0(t)|^2, f0 the model before training.

    The first view is the pivot, which keeps what tasks were or will be taught of it and gives the
    others a place to come to. It costs a second reading of the pivot and a second model in memory.

    Reads: outputs `states` `[tokens, d]`, or `layer_states`.
    Source: Cao, Kitaev and Klein (2020), Multilingual Alignment of Contextual Word
    Representations, the regularisation term; as a mean, over all tokens.

    Args:
        layer: whose states; the last by default.
    """

    columns: ClassVar = ()

    def __init__(self, *, layer: int | None = None) -> None:
        self.layer = layer

    def begin(self, model: Any) -> None:
        """Keep the model as it is."""
        self.origin = origin_of(model)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The states of the layer."""
        return output_of(self.layer)

    def count(self, batch: Texts) -> int:
        """Tokens of the first view."""
        return len(batch.view(0).ids)

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        assert isinstance(batch, Texts)
        pivot = batch.view(0)
        before = states_of(self.origin(pivot, self.outputs), self.layer)  # [pivot tokens, d]
        now = states_of(outputs, self.layer)[: len(before)]
        total = (now - before).square().sum(-1).mean()
        return Loss(total, {"near_start": float(total.detach())})
