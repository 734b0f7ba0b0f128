"""What every projection takes and gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from isogloss.errors import CorpusError
from isogloss.language.segment import UNSPACED
from isogloss.task.spans import Span


class Labelled(NamedTuple):
    """Words of a sentence and spans of them, none of which share a word."""

    words: Sequence[str]
    spans: Sequence[Span]


class Projected(NamedTuple):
    """What a projection made of n sentences.

    Attributes:
        sentences: the translation with its spans; None where the sentence is left out.
        counts: what happened, by reason: `spans projected`, and each way that one was lost.
    """

    sentences: list[Labelled | None]
    counts: Mapping[str, int]


def placed(
    one: Labelled,
    words: Sequence[str],
    places: Sequence[tuple[int, int] | None],
    lost: str,
    counts: Counter[str],
) -> Labelled | None:
    """A translation with the spans of a sentence where they were found.

    Args:
        one: the sentence.
        words: its translation.
        places: of each span, its first word and the one after its last; None where it has none.
        lost: `example` gives None where a span has no place, `span` leaves that one out.
        counts: what happened is added to it.
    """
    pairs = zip(one.spans, places, strict=True)
    kept = [Span(*place, span.kind) for span, place in pairs if place]
    counts["spans of the source"] += len(one.spans)
    counts["spans lost: no place"] += len(one.spans) - len(kept)
    if len(kept) < len(one.spans) and lost == "example":
        counts["sentences left out: a span was lost"] += 1
        return None
    counts["spans projected"] += len(kept)
    return Labelled(words, sorted(kept))


def join(words: Sequence[str], script: str = "Latn") -> str:
    """Words as a text: with spaces, but where the script writes none."""
    return ("" if script in UNSPACED else " ").join(words)


def check_lengths(source: Sequence, target: Sequence) -> None:
    """Raise a `CorpusError` where sentences and translations are not as many."""
    if len(source) != len(target):
        raise CorpusError(
            f"{len(source)} sentences and {len(target)} translations",
            remedy="give one translation a sentence, in the same order",
        )
