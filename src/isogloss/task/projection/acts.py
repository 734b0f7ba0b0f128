"""What is done with words of a class, as people name it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from isogloss.corpus.lexicon import read_lexicon
from isogloss.corpus.text_files import read_lines
from isogloss.errors import CorpusError, UsageError
from isogloss.language import read_language
from isogloss.task.projection.conditional import (
    Act,
    by_dictionary,
    by_letters,
    maltese_to_arabic,
)

LEAVE = "leave"
_PLAIN = ("maltese_to_arabic", LEAVE)
_OF = {"letters": "FILE", "lexicon": "FILE", "translate": "LANGUAGE"}
_ALL = ", ".join([*_PLAIN, *(f"{name}:{what}" for name, what in _OF.items())])


def parse_act(text: str) -> tuple[str, str]:
    """`letters:FILE`, `lexicon:FILE`, `translate:LANGUAGE`, `maltese_to_arabic` or `leave`, parted.

    Raises:
        UsageError: another name, or a name without what it needs.
    """
    name, _, rest = text.partition(":")
    if name in _PLAIN and not rest:
        return name, ""
    if name in _OF and rest:
        return name, rest
    if name in _OF:
        raise UsageError(f"{text!r} names no {_OF[name].lower()}", remedy=f"{name}:{_OF[name]}")
    raise UsageError(f"{text!r} is nothing that is done with words", remedy=f"one of {_ALL}")


def act_files(acts: Mapping[str, str]) -> dict[str, Path]:
    """The file of each class whose act reads one."""
    parted = {kind: parse_act(text) for kind, text in acts.items()}
    return {kind: Path(rest) for kind, (name, rest) in parted.items() if _OF.get(name) == "FILE"}


def read_acts(
    acts: Mapping[str, str], translate: Callable[[Sequence[str], str], list[str]]
) -> dict[str, Act]:
    """What is done with the words of each class that are not left.

    Args:
        acts: by class, see `parse_act`.
        translate: words, and the canonical tag of the language they are put into.

    Raises:
        UsageError: no such act.
        UnknownLanguage: no such language to translate into.
        CorpusError: a file that is not there, or not a table.
    """
    made: dict[str, Act] = {}
    for kind, text in acts.items():
        name, rest = parse_act(text)
        if name == "maltese_to_arabic":
            made[kind] = maltese_to_arabic
        elif name == "letters":
            made[kind] = by_letters(read_letters(rest))
        elif name == "lexicon":
            made[kind] = by_dictionary(dictionary(rest))
        elif name == "translate":
            tag = str(read_language(rest))
            made[kind] = lambda words, into=tag: list(translate(words, into))
    return made


def dictionary(path: str | Path) -> dict[str, str]:
    """The first translation of each word of a dictionary."""
    found: dict[str, str] = {}
    for word, other in read_lexicon(path).entries:
        found.setdefault(word, other)
    return found


def read_letters(path: str | Path) -> dict[str, str]:
    """Letters with those that stand for them: a line each with a tab, nothing behind it if none do.

    Raises:
        CorpusError: a line without a tab or without letters before it, or letters twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(read_lines(Path(path)), 1):
        if not line.strip():
            continue
        own, *others = (re.sub(r"\s", "", cell) for cell in line.split("\t"))
        if len(others) != 1 or not own:
            raise CorpusError(
                "is not letters, a tab, and those that stand for them", file=path, line=number,
                remedy="such as `sh`, a tab, `ш`",
            )  # fmt: skip
        if own.lower() in found:
            raise CorpusError(
                f"{own!r} stands in the table twice", file=path, line=number,
                remedy="give each letter or group of letters one line; case does not matter",
            )  # fmt: skip
        found[own.lower()] = others[0]
    if not found:
        raise CorpusError("has no letters", file=path, remedy="write letters, a tab, and others")
    return found
