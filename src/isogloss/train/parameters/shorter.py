"""A shorter student that begins as some layers of its teacher."""

from __future__ import annotations

from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.origin import origin_of
from isogloss.train.parameters.full import full
from isogloss.train.shorten import shorten
from isogloss.train.student import Change


@register("parameters", "shorter.v1")
def shorter(module: Body, *, every: int = 2, fast: float = 10.0) -> Change:
    """All weights of a body that keeps its table and every k-th layer, the last among them.

    What is saved is a plain folder of a shorter model. The whole model stays beside it, frozen, as
    the teacher of `distil_layers.v1` and `distil_logits.v1`; `distil.v1` has the teacher's vectors
    without it. Trim the vocabulary first (`isogloss trim`), as most weights of a multilingual
    model are its table.
    Prefer it where a model for one or two languages must be small or fast. A student with half of
    its teacher's layers costs half the time and needs training: untrained it is worth little.
    Source: Ansell, Ponti, Korhonen and Vulić (2023), Distilling Efficient Language-Specific Models
    for Cross-Lingual Transfer (BiStil), where students begin as every k-th layer; Mohammadshahi et
    al. (2022), SMaLL-100, for the same with a decoder.

    Args:
        module: how texts are read with the model.
        every: k.
        fast: learning rate of the token table and of what begins here, over that of the rest.

    Raises:
        ModelError: a body without one stack of layers.
        UsageError: k below 1.
    """
    origin = origin_of(module)
    origin.layers = (0, *shorten(module.body, every))
    return full(module, fast=fast)
