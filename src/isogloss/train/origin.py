"""The model as it was before training: a teacher that costs nothing but its memory."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

import torch
from torch import nn

from isogloss.train.contracts import Batch


class Origin(nn.Module):
    """A frozen copy of a model, without dropout; checkpoints do not hold it.

    It is made from the model that training begins with, so a run that resumes makes the same one.

    Args:
        module: is copied.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = copy.deepcopy(module).requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Origin:
        """Nothing: it stays as it is when the model around it is set to train."""
        return self

    @torch.no_grad()
    def forward(self, batch: Batch, wanted: Collection[str] = ("vectors",)) -> dict[str, Any]:
        """What the model gave of a batch before training."""
        return self.module(batch, wanted)


def origin_of(module: nn.Module) -> Origin:
    """The frozen copy of a model, made at the first call; one however many objectives ask.

    Parameters that change a model's shape call it before they do.
    """
    found = getattr(module, "origin", None)
    if not isinstance(found, Origin):
        found = module.origin = Origin(module)
    return found
