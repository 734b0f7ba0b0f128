"""Keys and values before those of every text, in each layer; the model is frozen."""

from __future__ import annotations

from typing import Any

from isogloss.encode.inserted.prefix import prefix as build
from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.parameters.inserted import insert, settings_of
from isogloss.train.student import Change


@register("parameters", "prefix.v1")
@settings_of(build)
def prefix(module: Body, **settings: Any) -> Change:
    """Deep prompts: in each layer, keys and values that all tokens see are learned; all else stays.

    Prefer it to `prompts.v1` for tasks on a frozen encoder: it has as many numbers as layers make
    of them, takes no positions and leaves means to the text. It is saved beside the body and read
    by `load_encoder`, and no plain model holds it.
    Source: Li and Liang (2021), Prefix-Tuning; Tu, Xiong and Zhou (2022), Prompt-Tuning Can Be Much
    Better Than Fine-Tuning on Cross-lingual Understanding With Multilingual Language Models. There
    the text begins so many positions later; here it has its own.

    Args:
        module: how texts are read with the model.
        settings: see `encode.inserted.prefix`.

    Raises:
        UsageError: a length below 1, or a layer that the body has not.
        ModelError: an architecture whose attention cannot be exchanged.
    """
    return insert(module, "prefix.v1", settings)
