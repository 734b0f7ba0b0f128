"""Parameters that put a registered thing into a body and change it alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

from isogloss import registry
from isogloss.encode.inserted.files import Part
from isogloss.train.body import Body
from isogloss.train.student import Change, only

T = TypeVar("T", bound=Callable[..., Change])


def settings_of(build: Callable[..., Any]) -> Callable[[T], T]:
    """Give a function of a body the keywords, with types and defaults, of what is inserted."""
    hints = get_type_hints(build)
    keywords = [
        parameter.replace(annotation=hints[name])
        for name, parameter in inspect.signature(build).parameters.items()
        if parameter.kind == parameter.KEYWORD_ONLY
    ]
    own = inspect.Parameter("module", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Body)

    def give(function: T) -> T:
        function.__signature__ = inspect.Signature([own, *keywords])  # ty: ignore
        return function

    return give


def insert(module: Body, use: str, settings: dict[str, Any]) -> Change:
    """Put something into a body, on what is there; it and what begins here change, no more.

    Of modules of languages, those of the run are written down if none are named.
    """
    if "languages" in inspect.signature(registry.get("inserted", use)).parameters:
        settings = {**settings, "languages": settings.get("languages") or module.now.languages}
    return Change(only(module, [*module.insert(Part(use, settings)).parameters()]))
