"""Distillation of layers: states inside the model stay, or come, where the teacher has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import nn

from isogloss.registry import register
from isogloss.train.contracts import Batch, Loss
from isogloss.train.origin import origin_of

Toward = Literal["tokens", "texts", "pivot"]


@register("objective", "distil_layers.v1")
class DistilLayers:
    """mean (student layer i - teacher layer f(i))^2 over layers, places and numbers of a state.

    The teacher is the model as it was. Where `shorter.v1` kept layers f(1), f(2) ... of it, f says
    which; else f(i) = i, which is self-distillation. Embeddings, layer 0, count too.

    - `tokens`: the states of every token of every text: the closest likeness.
    - `texts`: the means over the tokens of each text.
    - `pivot`: the means of each text of a row toward those of the row's first: the model teaches
      itself to read other languages as it read the pivot, in every layer and not in the last alone.

    Reads: outputs `layer_states` `[layers + 1, tokens, d]` or `layer_vectors`
    `[layers + 1, views, B, d]`.
    Prefer it for students much shorter than their teacher, beside a loss on what the last layer
    gives, `distil_logits.v1` or `distil.v1`.
    Source: Ansell et al. (2023), BiStil, for states of every k-th layer, without its loss on
    attention; Reimers and Gurevych (2020) for the pivot, here in every layer.

    Args:
        toward: `tokens`, `texts` or `pivot`.
    """

    def __init__(self, *, toward: Toward = "tokens") -> None:
        self.toward = toward
        self.outputs = ("layer_states",) if toward == "tokens" else ("layer_vectors",)

    def begin(self, model: nn.Module) -> None:
        """Take the model as it is now, or was before it was shortened, as the teacher."""
        self.origin = origin_of(model)

    def count(self, batch: Batch) -> int:
        """Tokens, or rows."""
        return len(batch["ids"]) if self.toward == "tokens" else len(batch["offsets"])

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        [name] = self.outputs
        student = outputs[name]
        teacher = self.origin(batch, self.outputs)[name].to(student.dtype)
        if self.origin.layers is not None:
            teacher = teacher[list(self.origin.layers)]
        if self.toward == "pivot":
            teacher = teacher[:, :1]  # [layers + 1, 1, B, d]
        total = (student - teacher).square().mean()
        return Loss(total, {"layers": float(total.detach())})
