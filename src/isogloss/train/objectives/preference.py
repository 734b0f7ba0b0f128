"""How much likelier an answer became than it was for the model at the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from isogloss.errors import UsageError
from isogloss.train.contracts import Batch
from isogloss.train.origin import origin_of


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


class AgainstStart:
    """What objectives share that weigh answers against a frozen copy of the model.

    It costs a forward pass a step and the model's memory once more. Dropout of the model that
    trains makes its ratios noisy: take a model without.
    """

    outputs: ClassVar = ("likelihoods",)
    columns: ClassVar[tuple[str, ...]] = ("gold",)

    def begin(self, model: Any) -> None:
        """Keep the model as it is."""
        check_causal(model)
        self.model, self.origin = model, origin_of(model)

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
        rough = getattr(getattr(self.model, "now", None), "rough", False)
        with torch.autocast(found.device.type, torch.bfloat16, enabled=rough):
            start = self.origin(batch, ("likelihoods",))["likelihoods"][..., 0]
        return found - start.to(found.dtype)
