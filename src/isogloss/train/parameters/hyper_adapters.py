"""Adapters of many languages by one network, in a frozen body."""

from __future__ import annotations

from typing import Any

from isogloss.encode.inserted.hyper_adapters import hyper_adapters as build
from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.parameters.inserted import insert, settings_of
from isogloss.train.student import Change


@register("parameters", "hyper_adapters.v1")
@settings_of(build)
def hyper_adapters(module: Body, **settings: Any) -> Change:
    """A network that makes the adapters of all languages and layers changes; the body is frozen.

    A language costs one small vector more, and what related languages have in common is learned
    once: prefer it over `per_language.v1` for many languages of which some have little text.
    Source: Baziotis, Artetxe, Cross and Bhosale (2022), Multilingual Machine Translation with
    Hyper-Adapters: the network, the norm that it makes too, and the division by the root of its
    width. There the languages of source and target are read; a text here has one. That a made
    adapter has no biases, and begins as nothing, is ours.

    Args:
        module: how texts are read with the model.
        settings: see `encode.inserted.hyper_adapters`.

    Raises:
        UsageError: no languages, a layer that the body has not, or a size that leaves nothing.
        ModelError: an architecture that nothing is put into.
    """
    return insert(module, "hyper_adapters.v1", settings)
