"""What a translator is, and what is known of its work besides the translations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from isogloss.errors import TranslatorError, UsageError
from isogloss.language import read_language

BATCH = 64
_BREAK = re.compile(r"(\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])")

Told = Mapping[str, int]
"""What became of one text, counted by reason: `{"truncated": 1}`."""


class Translator(Protocol):
    """Texts of one language in, their translations out.

    A translator may also have `batch`, the most texts that a call should be given (`BATCH` without
    it); `calls`, the runs, requests or commands so far (without it, one a call of `translate`);
    `told`, what became of each text of the last call; and `check`, how much of its faults is let
    through by `cached`, where they are known.

    Attributes:
        name: for people.
        fingerprint: 16 hex digits; equal ones translate alike.
    """

    name: str
    fingerprint: str

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """One translation a text, in order.

        Args:
            texts: any texts.
            source: canonical tag of their language.
            target: canonical tag of the language to translate into.

        Raises:
            TranslatorError: it cannot be done.
        """
        ...


class Spent(NamedTuple):
    """What translations cost.

    Attributes:
        texts: that were translated, each of them once.
        characters: in them.
        calls: runs, requests or commands that made the translations; shares of one where only
            some of its texts were asked for again.
        seconds: that those took.
        hits: texts of which the translation was there already; calls and seconds are those of the
            time when it was made.
    """

    texts: int = 0
    characters: int = 0
    calls: float = 0.0
    seconds: float = 0.0
    hits: int = 0

    def and_(self, other: Spent) -> Spent:
        """Both together."""
        return Spent(*(a + b for a, b in zip(self, other, strict=True)))


def told_of(translator: Any, count: int) -> list[Told]:
    """What became of each text of the last call, as far as the translator tells."""
    told: list[Told] = list(getattr(translator, "told", ()))
    return told if len(told) == count else [{} for _ in range(count)]


def odd_of(translator: Any, count: int, source: str, target: str) -> list[str]:
    """A sentence with all that a translator told of the last call; none where it told nothing."""
    found = sum(map(Counter, told_of(translator, count)), Counter())
    told = ", ".join(f"{n:,} {why}" for why, n in found.items())
    return [f"{count:,} texts translated from {source} into {target}: {told}"] if told else []


def calls_of(translator: Any) -> int | None:
    """Calls so far, if the translator counts them."""
    return getattr(translator, "calls", None)


def batch_of(translator: Any) -> int:
    """The most texts that a call should be given."""
    return int(getattr(translator, "batch", BATCH))


def pair(source: str, target: str) -> tuple[str, str]:
    """The canonical tags of a direction.

    Raises:
        UsageError: from a language into itself.
    """
    tags = str(read_language(source)), str(read_language(target))
    if tags[0] == tags[1]:
        raise UsageError(
            f"a translation from {tags[0]} into itself", remedy="name two different languages"
        )
    return tags


def check_texts(texts: Sequence[str]) -> None:
    """Refuse what is no text.

    Raises:
        UsageError: something else than a string, or half a character, with its place.
    """
    if isinstance(texts, str):
        raise UsageError("one text, where a list of texts is expected", remedy="give [text]")
    for row, text in enumerate(texts, 1):
        if not isinstance(text, str):
            raise UsageError(
                f"text {row} is {type(text).__name__}, not a string",
                remedy="leave missing texts out",
            )
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UsageError(
                f"text {row} has half a character at {error.start}: {text[:60]!r}",
                remedy="the file was read in another encoding than it is in; repair it",
            ) from None


def check_count(name: str, texts: Sequence[str], made: Sequence[str]) -> None:
    """Refuse another number of translations than of texts.

    Raises:
        TranslatorError: too many or too few, with the first text and its translation.
    """
    if len(made) == len(texts):
        return
    first = f"; the first, {texts[0][:80]!r}, became {made[0][:80]!r}" if texts and made else ""
    raise TranslatorError(
        f"{name} gave {len(made)} translations of {len(texts)} texts{first}",
        remedy="it must give one translation a text, in order, and an empty one where it has none",
    )


def cut_lines(texts: Sequence[str]) -> tuple[list[list[str]], list[str]]:
    """Texts at their line breaks: parts of each, breaks included, and the lines with something."""
    parts = [_BREAK.split(text) for text in texts]  # text, break, text, break, ... text
    return parts, [line for part in parts for line in part[::2] if line.strip()]


def join_lines(parts: Sequence[Sequence[str]], lines: Sequence[str]) -> list[str]:
    """The texts again, with other lines in the place of those that `cut_lines` gave."""
    following = iter(lines)
    return [
        "".join(
            next(following) if at % 2 == 0 and one.strip() else one for at, one in enumerate(part)
        )
        for part in parts
    ]
