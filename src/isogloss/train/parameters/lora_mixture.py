"""Several low-rank changes, mixed by language or by text, on a frozen body."""

from __future__ import annotations

from typing import Any

from isogloss.encode.inserted.lora_mixture import lora_mixture as build
from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.parameters.inserted import insert, settings_of
from isogloss.train.student import Change


@register("parameters", "lora_mixture.v1")
@settings_of(build)
def lora_mixture(module: Body, **settings: Any) -> Change:
    """Low-rank changes and the shares in which they are mixed change; the body is frozen.

    With `gate = "language"` each language begins with most of one change of its own and learns how
    much of the others' it takes; prefer it over `per_language.v1` where related languages should
    share, and `gate = "text"` where the language of a text is not known.
    Source: MT4CrossOIE, Multi-stage Tuning for Cross-lingual Open Information Extraction (2023),
    third stage: a frozen model with a mixture of language-specific LoRAs. How scores of the mixture
    are made is ours, as are its first values.

    Args:
        module: how texts are read with the model.
        settings: see `encode.inserted.lora_mixture`.

    Raises:
        UsageError: no languages, no such map or layer, or a size below 1.
        ModelError: an architecture that nothing is put into.
    """
    return insert(module, "lora_mixture.v1", settings)
