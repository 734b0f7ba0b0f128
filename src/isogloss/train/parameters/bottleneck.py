"""Bottleneck adapters in a frozen body, stacked on those that it has."""

from __future__ import annotations

from typing import Any

from isogloss.encode.inserted.bottleneck import bottleneck as build
from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.parameters.inserted import insert, settings_of
from isogloss.train.student import Change


@register("parameters", "bottleneck.v1")
@settings_of(build)
def bottleneck(module: Body, **settings: Any) -> Change:
    """Small networks behind the sublayers of a frozen body change, and nothing else.

    MAD-X: a language adapter (`reduction = 2`, `invertible = true`) learns hidden words of a
    language; on the model that this leaves, a task adapter (`reduction = 16`) is stacked and learns
    a task while the language adapter is frozen; `encode.inserted.files.exchange` then puts that of
    another language in its place. MAD-X 2.0 leaves the last layer free: `drop = "last:1"`.
    Prefer it over `lora.v1` where a task is to be carried to languages without labels; LoRA is
    merged into a plain model, and this is not.
    Source: Houlsby et al. (2019), Parameter-Efficient Transfer Learning for NLP; Pfeiffer, Vulić,
    Gurevych and Ruder (2020), MAD-X; the last layer as in Pfeiffer et al. (2021), UNKs Everywhere.

    Args:
        module: how texts are read with the model.
        settings: see `encode.inserted.bottleneck`.

    Raises:
        UsageError: a layer that the body has not, or a reduction that leaves nothing.
        ModelError: an architecture that nothing is put into.
    """
    return insert(module, "bottleneck.v1", settings)
