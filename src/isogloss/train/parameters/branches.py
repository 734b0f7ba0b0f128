"""Blocks of a language's own, beside shared ones."""

from __future__ import annotations

from typing import Any

from isogloss.encode.inserted.branches import branches as build
from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.parameters.inserted import insert, settings_of
from isogloss.train.student import Change


@register("parameters", "branches.v1")
@settings_of(build)
def branches(module: Body, **settings: Any) -> Change:
    """Whole blocks of each language change; the shared blocks and the embeddings are frozen.

    `encode.inserted.files.keep_languages` leaves the branches of some languages alone. The mixture
    must give the column `language`. Prefer it over `per_language.v1` where there is much text a
    language: a branch has all weights of its blocks, and `full.v1` on what this leaves trains the
    shared blocks too.
    Source: Lego-MT: Learning Detachable Models for Massively Multilingual Machine Translation
    (2023): a branch of the encoder a language, in the space of a shared one. It has branches of a
    decoder too, and trains all anew; here they begin as the body's blocks.

    Args:
        module: how texts are read with the model.
        settings: see `encode.inserted.branches`.

    Raises:
        UsageError: no languages, a layer that the body has not, or one with modules in it.
    """
    return insert(module, "branches.v1", settings)
