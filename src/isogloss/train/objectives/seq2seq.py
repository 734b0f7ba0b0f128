"""From a source to a target: which token of the target follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from isogloss.errors import ModelError
from isogloss.registry import register
from isogloss.train.contracts import Batch, Loss
from isogloss.train.objectives.mlm import Mlm, surprise


@register("objective", "seq2seq.v1")
@dataclass(frozen=True, kw_only=True)
class Seq2seq(Mlm):
    """-log p(token | source, target before it), averaged over the target's tokens of the batch.

    With `smoothing` s the loss is (1 - s) times that plus s times the mean over the vocabulary.
    What it teaches is the mixture's to say: hidden spans, a text before it was switched.

    Reads: outputs `logits` `[m, V]`, batch `gold` `[tokens]`, known for tokens of the second view.
    Source: Raffel et al. (2020), T5, and Lewis et al. (2020), BART.
    """

    part: ClassVar = "seq2seq"

    smoothing: float = 0.0

    def begin(self, model: Any) -> None:
        """Refuse a model that has no decoder over an encoder.

        Raises:
            ModelError: an encoder or a decoder alone.
        """
        if not model.paired:
            raise ModelError(
                f"{type(model.body).__name__} is not a model of source and target",
                file=model.body.name_or_path,
                remedy="take an encoder-decoder, such as T5 or mBART",
            )

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        total = surprise(outputs["logits"], batch, self.smoothing)
        return Loss(total, {self.part: float(total.detach())})
