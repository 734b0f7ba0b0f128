"""Letters by the script they belong to."""

from __future__ import annotations

from functools import cache
from typing import Any

import regex

from isogloss.errors import UnknownLanguage

WRITTEN_WITH = {
    "Jpan": ("Hira", "Kana", "Hani"), "Kore": ("Hang", "Hani"), "Hans": ("Hani",),
    "Hant": ("Hani",), "Hrkt": ("Hira", "Kana"), "Hanb": ("Hani", "Bopo"), "Aran": ("Arab",),
    "Latf": ("Latn",), "Latg": ("Latn",), "Cyrs": ("Cyrl",), "Syre": ("Syrc",),
    "Syrj": ("Syrc",), "Syrn": ("Syrc",),
}  # fmt: skip
"""ISO 15924 codes of ways to write, which no character has, and the scripts of their characters."""

_LETTER = regex.compile(r"\p{L}")


def letters(text: str, script: str) -> tuple[int, int]:
    """How many letters of a text a script has, and how many letters there are.

    Letters that no script owns, such as the modifiers between them, are not counted.

    Args:
        text: any text.
        script: ISO 15924 code; `Jpan`, `Kore`, `Hans` and such mean all they are written with.

    Raises:
        UnknownLanguage: no character has that script.
    """
    inside, shared = _patterns(script)
    every = _LETTER.findall(text)
    return sum(bool(inside.match(c)) for c in every), sum(not shared.match(c) for c in every)


@cache
def _patterns(script: str) -> tuple[Any, Any]:
    names = WRITTEN_WITH.get(script, (script,))
    try:
        inside = regex.compile("[" + "".join(rf"\p{{Script={name}}}" for name in names) + "]")
    except regex.error:
        raise UnknownLanguage(
            f"no character has the script {script!r}",
            remedy="give a code of ISO 15924: Latn, Cyrl, Deva, Jpan ...",
        ) from None
    return inside, regex.compile(r"[\p{Script=Zyyy}\p{Script=Zinh}]")
