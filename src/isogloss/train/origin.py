"""The model as training began it: a teacher that costs nothing but its memory."""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import nn

from isogloss.train.contracts import Batch


class Origin(nn.Module):
    """A frozen copy of a model, without dropout.

    Its weights are no part of what it stands in: no checkpoint holds them and no count of weights
    sees them. It is made from the model that training begins with, so a run that resumes makes the
    same one.

    Attributes:
        module: the copy.
        layers: those of its layers, 0 the embeddings, that the model has kept, where it was made
            shorter since; all by default.
    """

    layers: Sequence[int] | None = None

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._held = [copy.deepcopy(module).requires_grad_(False).eval()]  # no child of this one

    @property
    def module(self) -> Any:
        """The copy."""
        return self._held[0]

    def _apply(self, fn: Any, recurse: bool = True) -> Origin:
        """The copy goes to the devices that the model around it goes to."""
        self.module._apply(fn, recurse)
        return super()._apply(fn, recurse)

    @torch.no_grad()
    def forward(self, batch: Batch, wanted: Collection[str] = ("vectors",)) -> dict[str, Any]:
        """What the model gave of a batch before training."""
        return self.module(batch, wanted)


def origin_of(module: Any) -> Origin:
    """The frozen copy of a model, made at the first call; one however many objectives ask.

    Objectives call it in `begin`; parameters that change a model's shape call it before they do.
    """
    found = getattr(module, "origin", None)
    if not isinstance(found, Origin):
        found = module.origin = Origin(module)
    return found
