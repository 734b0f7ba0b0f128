"""Weights are to stay near where they began."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch

from isogloss.registry import register
from isogloss.train.contracts import Batch, Loss


@register("objective", "weights_near_start.v1")
class WeightsNearStart:
    """sum_i |theta_i - theta_0i|^p / N over all N weights of the model, p being 1 or 2.

    Frozen weights add nothing to the sum. Weights that begin beside the model, such as a head of
    random values, have no start that is worth keeping and are left out.
    With `norm = 1` most weights that the task does not need go back to where they were, so that
    changes are sparse; with `norm = 2` all stay near. Adam divides by the size of gradients: a
    weight that nothing else pulls at would be moved by whatever norm alone.

    Reads: nothing of the batch; the weights of the model that trains.
    Source: the L1 of Ansell et al. (2022), Composable Sparse Fine-Tuning; p = 2 is L2-SP of Li,
    Grandvalet and Davoine (2018), Explicit Inductive Bias for Transfer Learning.

    Args:
        norm: p.
    """

    outputs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, norm: Literal[1, 2] = 1) -> None:
        self.norm = norm
        self._pairs: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._size = 1

    def begin(self, model: Any) -> None:
        """Copy what trains; frozen weights need no copy."""
        beside = set(map(id, getattr(model, "made", ())))
        known = [weight for weight in model.parameters() if id(weight) not in beside]
        self._size = max(1, sum(weight.numel() for weight in known))
        self._pairs = [(w, w.detach().clone()) for w in known if w.requires_grad]

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of the weights as they are."""
        away = [
            (weight - start.to(weight.device)).abs().pow(self.norm).sum()
            for weight, start in self._pairs
        ]
        total = torch.stack(away).sum() / self._size if away else torch.zeros(())
        return Loss(total, {"weights_near_start": float(total.detach())})
