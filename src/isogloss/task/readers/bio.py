"""Tags of spans, B-PER I-PER O: which sequences are valid, and what an invalid one means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

_TAG = re.compile(r"O|[BIESLU]-.+", re.DOTALL)
_OPENS, _CLOSES = "BSU", "ESLU"


class Span(NamedTuple):
    """Words from `first` up to `end`, which is not part of it, are one entity."""

    first: int
    end: int
    type: str


def scheme_of(sequences: Iterable[Sequence[str] | None]) -> str | None:
    """The letters of first, inner, last and lone words: `BIIB` (BIO), `BIES` or `BILU`.

    None where the tags are of another kind, such as parts of speech, or there is nothing but `O`.
    """
    tags = {tag for sequence in sequences for tag in sequence or ()}
    letters = {tag[0] for tag in tags if tag != "O"}
    if not letters or not all(_TAG.fullmatch(tag) for tag in tags):
        return None
    return "BILU" if letters & set("LU") else "BIES" if letters & set("ES") else "BIIB"


def spans(tags: Sequence[str]) -> list[Span]:
    """The entities of a sequence, valid or not.

    An entity begins at B or S, after E, S or O, and where the type changes: what conlleval does.

    Source: Tjong Kim Sang and Buchholz (2000), Introduction to the CoNLL-2000 Shared Task.
    """
    found: list[Span] = []
    before = "O"
    for at, tag in enumerate(tags):
        if tag != "O":
            begins = before == "O" or tag[0] in _OPENS or before[0] in _CLOSES
            if begins or tag[2:] != before[2:]:
                found.append(Span(at, at + 1, tag[2:]))
            else:
                found[-1] = found[-1]._replace(end=at + 1)
        before = tag
    return found


def encoded(entities: Iterable[Span], length: int, scheme: str = "BIIB") -> list[str]:
    """The tags of some entities in a sentence of `length` words; `scheme` as `scheme_of`."""
    first, inner, last, lone = scheme
    tags = ["O"] * length
    for one in entities:
        for at in range(one.first, one.end):
            tags[at] = f"{inner}-{one.type}"
        tags[one.end - 1] = f"{last}-{one.type}"
        tags[one.first] = f"{lone if one.end - one.first == 1 else first}-{one.type}"
    return tags


def repaired(tags: Sequence[str], scheme: str) -> list[str]:
    """The valid sequence with the same entities; a valid one is its own."""
    return encoded(spans(tags), len(tags), scheme)


def retyped(tags: Sequence[str], types: Mapping[str, str], scheme: str) -> list[str]:
    """The same entities with other types; those whose type becomes `O` are none any more."""
    kept = [one._replace(type=types.get(one.type, one.type)) for one in spans(tags)]
    return encoded([one for one in kept if one.type != "O"], len(tags), scheme)
