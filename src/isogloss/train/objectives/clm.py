"""Causal language modelling: which token follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from isogloss.encode.weights import is_decoder
from isogloss.errors import ModelError
from isogloss.registry import register
from isogloss.train.objectives.mlm import Mlm


@register("objective", "clm.v1")
@dataclass(frozen=True, kw_only=True)
class Clm(Mlm):
    """-log p(next token) over the vocabulary, averaged over the tokens that have one behind them.

    The body must be causal: one that looks ahead would read the answer.

    Reads: outputs `logits` `[m, V]`, batch `gold` `[tokens]`, the following token of m of them.
    Source: Radford et al. (2018), Improving Language Understanding by Generative Pre-Training.
    """

    part: ClassVar = "clm"

    def begin(self, model: Any) -> None:
        """Refuse a model that looks ahead.

        Raises:
            ModelError: an encoder.
        """
        body = model.body
        if not is_decoder(body.config.to_dict()):
            raise ModelError(
                f"{type(body).__name__} reads what follows a token, so there is nothing to tell",
                file=body.name_or_path,
                remedy="take a decoder, such as GPT-2 or Llama, or the objective mlm.v1",
            )
