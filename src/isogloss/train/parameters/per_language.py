"""One set of adapters a language in a frozen body, and one more language beside them."""

from __future__ import annotations

from typing import Any

import torch

from isogloss.encode.inserted.files import Part
from isogloss.encode.inserted.per_language import PerLanguage
from isogloss.encode.inserted.per_language import per_language as build
from isogloss.errors import ModelError
from isogloss.language import read_language
from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.parameters.inserted import insert, settings_of
from isogloss.train.student import Change, only


@register("parameters", "per_language.v1")
@settings_of(build)
def per_language(module: Body, **settings: Any) -> Change:
    """Adapters of each language change; a text goes through those of its own language.

    The mixture must give the column `language`, and `encode(language=...)` chooses afterwards. What
    languages have in common is in the frozen body, so that one does not displace another; prefer
    `bottleneck.v1` where they should share. In X-MOD the body is pretrained with its adapters; here
    it is one that was not.
    Source: Pfeiffer et al. (2022), Lifting the Curse of Multilinguality by Pre-training Modular
    Transformers, X-MOD.

    Args:
        module: how texts are read with the model.
        settings: see `encode.inserted.per_language`.

    Raises:
        UsageError: no languages, a layer that the body has not, or a reduction that leaves nothing.
        ModelError: an architecture that nothing is put into.
    """
    return insert(module, "per_language.v1", settings)


@register("parameters", "new_language.v1")
def new_language(module: Body, *, language: str, like: str | None = None, seed: int = 0) -> Change:
    """Adapters of one more language change; those of the others and the body are frozen.

    Prefer it for a language or dialect near one that a modular model has: `like` lets its adapters
    begin as those of the near one.
    Source: Pfeiffer et al. (2022), X-MOD, on extending a model after pretraining; a dialect of a
    language that is there as in Modular Adaptation of Multilingual Encoders to Written Swiss German
    Dialect (2024).

    Args:
        module: a body with adapters of languages in it.
        language: the new one.
        like: the one that its adapters begin as; without, they begin as nothing.
        seed: of first values.

    Raises:
        ModelError: the body has no adapters of languages.
        UsageError: the language is there, or `like` is not.
    """
    found = [
        (number, part)
        for number, part in enumerate(module.inserted)
        if isinstance(part, PerLanguage)
    ]
    if not found:
        raise ModelError(
            "no adapters of languages are in the body", file=module.body.name_or_path,
            remedy="train with per_language.v1 first",
        )  # fmt: skip
    number, made = found[-1]
    tags = [None if tag is None else str(read_language(tag)) for tag in (language, like)]
    torch.manual_seed(seed)
    new = made.add(str(tags[0]), tags[1])
    parts = module.inserted.parts
    settings = {**parts[number].settings, "languages": made.languages}
    parts[number] = Part(parts[number].use, settings)
    return Change(only(module, [weight for one in new for weight in one.parameters()]))
