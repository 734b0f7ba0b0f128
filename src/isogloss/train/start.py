"""The model as training began it: a frozen copy that objectives may ask."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import nn


class Start(nn.Module):
    """An objective, or a part of one, that reads batches with the model as it was at the start.

    The copy is made by `begin`, never trains and has no dropout. Frozen weights are in no
    checkpoint: a run that is resumed makes the copy anew from the model that it starts with.
    """

    start: nn.Module | None

    def __init__(self) -> None:
        super().__init__()
        self.start = None

    def begin(self, model: nn.Module) -> None:
        """Copy the model."""
        self.start = copy.deepcopy(model).requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Start:
        """The copy stays as it is used."""
        super().train(mode)
        if self.start is not None:
            self.start.eval()
        return self

    def at_start(
        self, batch: Mapping[str, Any], wanted: Collection[str]
    ) -> Mapping[str, torch.Tensor]:
        """What the model gave of a batch before training."""
        assert self.start is not None, "the loop calls begin first"
        with torch.no_grad():
            return self.start(batch, wanted)
