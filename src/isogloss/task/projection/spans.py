"""Spans of words, as tags write them, and what every projection takes and gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from isogloss.errors import CorpusError
from isogloss.language.segment import UNSPACED

_PREFIXES = {"B": "B", "I": "I", "E": "E", "L": "E", "S": "S", "U": "S"}  # BIO, BIOES, BILOU
_ENDS = ("E", "S")


class Span(NamedTuple):
    """Some words of a sentence and what they are.

    Attributes:
        first: the first word, from 0.
        stop: the word after the last.
        name: the label.
    """

    first: int
    stop: int
    name: str


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


def read_spans(tags: Sequence[str], counts: Counter[str] | None = None) -> list[Span]:
    """The spans of BIO, BIOES or BILOU tags, by the rules of conlleval.

    An inside tag that follows no span of its name begins one.

    Args:
        tags: one a word.
        counts: such beginnings are added to it.

    Raises:
        CorpusError: a tag that is neither `O` nor a prefix, a hyphen and a name.

    Source: Tjong Kim Sang and Buchholz (2000), conlleval; Ramshaw and Marcus (1995).
    """
    found: list[Span] = []
    before, name, first = "O", "", 0
    for i, tag in enumerate([*tags, "O"]):
        prefix, new = _parts(tag, i)
        begins = prefix != "O" and (prefix in "BS" or before in ("O", *_ENDS) or new != name)
        if before != "O" and (prefix == "O" or begins):
            found.append(Span(first, i, name))
        if begins:
            first = i
            if prefix not in "BS" and counts is not None:
                counts["spans of the source without a beginning tag"] += 1
        before, name = prefix, new
    return found


def write_tags(spans: Sequence[Span], length: int) -> list[str]:
    """The BIO tags of spans `[length]`.

    Raises:
        CorpusError: a span outside the sentence, without a word, or two with a word in common.
    """
    tags = ["O"] * length
    for span in spans:
        if not 0 <= span.first < span.stop <= length:
            raise CorpusError(f"{span} lies outside a sentence of {length} words")
        if any(tag != "O" for tag in tags[span.first : span.stop]):
            raise CorpusError(f"{span} has a word in common with another span")
        tags[span.first : span.stop] = [f"I-{span.name}"] * (span.stop - span.first)
        tags[span.first] = f"B-{span.name}"
    return tags


def are_spans(tags: Sequence[Sequence[str]]) -> bool:
    """Whether all tags are such as `read_spans` reads."""
    return all(tag == "O" or _cut(tag) is not None for tag in {t for one in tags for t in one})


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


def _cut(tag: str) -> tuple[str, str] | None:
    prefix, hyphen, name = tag.partition("-")
    return (_PREFIXES[prefix], name) if hyphen and name and prefix in _PREFIXES else None


def _parts(tag: str, at: int) -> tuple[str, str]:
    found = ("O", "") if tag == "O" else _cut(tag)
    if found is None:
        raise CorpusError(
            f"the tag {tag!r} of word {at + 1} is no tag of spans",
            remedy="write O, or a prefix such as B- or I- and a name: B-PER",
        )
    return found
