"""How much likelier an answer became than it was for the model at the start."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from isogloss.errors import UsageError
from isogloss.train.contracts import Batch


def check_causal(model: Any) -> None:
    """Refuse a model that does not say what comes next.

    Raises:
        UsageError: it fills in hidden tokens, or its head is one that was made for that.
    """
    named = type(getattr(model, "body", None)).__name__
    if named.endswith("ForMaskedLM") or getattr(model, "head", None) is not None:
        raise UsageError(
            f"a {named} does not say what comes next, so answers have no likelihood",
            remedy="give a causal model with its language head, such as GPT-2 or Llama",
        )


class AgainstStart(nn.Module):
    """What objectives share that weigh answers against a frozen copy of the model.

    The copy is made when training begins, of the model as it was opened, so no checkpoint needs
    it; it is read without dropout, and costs a forward pass a step and the model's memory once
    more. Dropout of the model that trains makes its ratios noisy: take a model without.
    """

    outputs: ClassVar = ("likelihoods",)
    columns: ClassVar[tuple[str, ...]] = ("gold",)

    def __init__(self) -> None:
        super().__init__()
        self.start: Any = None
        self._model: list[Any] = []  # in a list, as it is no part of this module

    def begin(self, model: Any) -> None:
        """Keep the model as it is."""
        check_causal(model)
        self.start = copy.deepcopy(model).requires_grad_(False).eval()
        self._model = [model]

    def train(self, mode: bool = True) -> AgainstStart:
        """The copy is always as it is used."""
        super().train(mode)
        if self.start is not None:
            self.start.eval()
        return self

    def ratios(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> torch.Tensor:
        """Of two views `[2, B]`, log p(answer | prompt) - log p_start(answer | prompt).

        Raises:
            UsageError: other than two views.
        """
        found = outputs["likelihoods"][..., 0]
        if len(found) != 2:
            raise UsageError(
                f"{len(found)} views are not two answers",
                remedy="name a mixture such as preferred.v1, judged.v1 or crossed.v1",
            )
        # In the precision of the model that trains, or the ratios are not 0 at the start.
        rough = getattr(getattr(self._model[0], "now", None), "rough", False)
        with torch.no_grad(), torch.autocast(found.device.type, torch.bfloat16, enabled=rough):
            start = self.start(batch, ("likelihoods",))["likelihoods"][..., 0]
        return found - start.to(found.dtype)
