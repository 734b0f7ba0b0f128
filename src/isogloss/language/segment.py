"""Words of a text: what spaces separate, and characters where a script writes no spaces."""

from __future__ import annotations

import re
import unicodedata

UNSPACED = frozenset(
    ["Bopo", "Hani", "Hans", "Hant", "Hira", "Jpan", "Kana", "Khmr", "Laoo", "Lana", "Mymr",
     "Talu", "Thai", "Tibt"]
)  # fmt: skip
"""ISO 15924 codes of scripts that put no space between words."""

_RUN = re.compile(r"[0-9A-Za-z\u00c0-\u024f]+(?:[.,:'’-][0-9A-Za-z\u00c0-\u024f]+)*")


def words(text: str, script: str) -> list[str]:
    """The words of a text, in order; joined, they hold every character that is not a space.

    In a script without spaces each letter with its marks is one, and a run of Latin letters or
    digits stays whole. That is enough to link and to look at; give a real segmenter's words where
    words matter.

    Args:
        text: any text.
        script: ISO 15924 code of its main script.
    """
    parts = text.split()
    if script not in UNSPACED:
        return parts
    return [letter for part in parts for letter in _letters(part)]


def tokens(text: str, script: str) -> list[str]:
    """The words of a text, with the punctuation at their ends as words of its own.

    What stands inside a word stays (`don't`, `3.5`), and so does the full stop of `U.S.` and `J.`.
    As `words`, they hold every character that is not a space. Labels of words want them: a name is
    `Kano`, not `Kano,`.

    Args:
        text: any text.
        script: ISO 15924 code of its main script.
    """
    return [piece for word in words(text, script) for piece in _peeled(word)]


def _peeled(word: str) -> list[str]:
    first, stop = 0, len(word)
    while first < stop and _mark(word[first]):
        first += 1
    while stop > first and _mark(word[stop - 1]):
        stop -= 1
    core = word[first:stop]
    if word[stop : stop + 1] == "." and ("." in core or (len(core) == 1 and core.isupper())):
        stop += 1  # an abbreviation, an initial
    core = [word[first:stop]] if core else []
    return [*word[:first], *core, *word[stop:]]


def _mark(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def _letters(part: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(part):
        run = _RUN.match(part, at)
        end = run.end() if run else at + 1
        if not run:
            while end < len(part) and unicodedata.category(part[end]).startswith("M"):
                end += 1
        found.append(part[at:end])
        at = end
    return found
