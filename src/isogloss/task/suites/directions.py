"""Directions of translation: what n-way text has in the place of languages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from isogloss.errors import LanguageError, UnknownLanguage
from isogloss.language import Language, resolve
from isogloss.language.tags import Note


class Direction(NamedTuple):
    """From one language to another; `str` gives both canonical tags, `deu_Latn-spa_Latn`."""

    source: Language
    target: Language

    def __str__(self) -> str:
        return f"{self.source}-{self.target}"


Asked = Language | Direction
"""What a task of a suite has examples of."""


def choose(
    wanted: Sequence[str], there: Iterable[Asked], *, note: Note | None = None
) -> list[Asked]:
    """Which of the languages or directions that are there each tag means, see `resolve`.

    Args:
        wanted: any spellings, of a direction both with a hyphen between: `deu-spa`.
        there: what can be meant.
        note: is told how a spelling was read.

    Raises:
        UnknownLanguage: one is not there.
        AmbiguousLanguage: several would do.
    """
    every = list(dict.fromkeys(there))
    languages = [one for one in every if isinstance(one, Language)]
    pairs = [one for one in every if isinstance(one, Direction)]
    found: list[Asked] = []
    for tag in wanted:
        one = _direction(tag, pairs, note)
        if one is None and pairs and not languages:
            raise UnknownLanguage(
                f"{tag!r} is no direction that is there", remedy=f"there are {_some(pairs)}"
            )
        found.append(one or resolve([tag], languages, note=note)[0])
    return found


def _direction(tag: str, pairs: Sequence[Direction], note: Note | None) -> Direction | None:
    """The direction that a tag means; a hyphen may stand within a language's own tag, too."""
    sources, targets = ([pair[side] for pair in pairs] for side in (0, 1))
    for at in (at for at, letter in enumerate(tag) if letter == "-"):
        try:
            [source] = resolve([tag[:at]], sources, note=note)
            [target] = resolve([tag[at + 1 :]], targets, note=note)
        except LanguageError:
            continue
        if (one := Direction(source, target)) in pairs:
            return one
    return None


def _some(pairs: Sequence[Direction]) -> str:
    more = f" ... {len(pairs)} in all" if len(pairs) > 12 else ""
    return ", ".join(map(str, pairs[:12])) + more
