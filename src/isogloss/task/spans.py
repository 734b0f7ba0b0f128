"""Spans of words and the tags that spell them.

A tag is `O`, or a prefix and a kind: `B-PER`. The ways to read a row of tags:

- `lenient`: as conlleval and seqeval's default read it, which finds a span in any row: one begins
  at B and S, at I and E after O, E or S, and wherever the kind changes. L is read as E, U as S.
- `bio`, `iob1`, `bioes`: as seqeval's strict mode reads them; what is not valid is no span.
- `bilou`: as `bioes`, with L for E and U for S.
- `raw`: tags are kinds without a prefix, and a span is as long as its kind stays the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from isogloss.errors import CorpusError, UsageError

Scheme = Literal["lenient", "bio", "iob1", "bioes", "bilou", "raw"]
NO_KIND = "_"  # of a tag that is a prefix alone
_TAG = re.compile(r"O|[BIESLU]-.+", re.DOTALL)
_LETTERS = {"lenient": "OBIESLU", "bio": "OBI", "iob1": "OBI", "bioes": "OBIES", "bilou": "OBILU"}
BEGIN = "BSU"
"""The prefixes that begin a span wherever they stand."""
_READ_AS = {"L": "E", "U": "S"}


class Span(NamedTuple):
    """Words `first` to `stop`, counted from 0 and without `stop`, that are a `kind`."""

    first: int
    stop: int
    kind: str


class _Rules(NamedTuple):
    """How two neighbouring tags read, as pairs of prefixes.

    `starts` and `ends` hold pairs of one kind and of two; `goes_on` are of one kind.
    """

    starts: tuple[Collection[str], Collection[str]]
    goes_on: Collection[str]
    ends: tuple[Collection[str], Collection[str]]


def _pairs(before: str, after: str) -> set[str]:
    return {a + b for a in before for b in after}


_RULES: dict[str, _Rules] = {
    "lenient": _Rules(
        (_pairs("OBIES", "BS") | _pairs("OES", "IE"), _pairs("OBIES", "BIES")),
        _pairs("BI", "IE"),
        (_pairs("BIES", "OBIES"), _pairs("BIES", "OBIES")),
    ),
    "bio": _Rules(
        (_pairs("OBI", "B"), _pairs("OBI", "B")),
        _pairs("BI", "I"),
        (_pairs("BI", "OBI"), _pairs("BI", "OBI")),
    ),
    # A B that does not part two spans of one kind is not valid here, and starts and ends nothing.
    "iob1": _Rules(
        (_pairs("OB", "I") | _pairs("BI", "B"), _pairs("OBI", "I")),
        _pairs("BI", "I"),
        (_pairs("BI", "OB"), _pairs("BI", "OI") | {"IB"}),
    ),
    "bioes": _Rules(
        (_pairs("OBIES", "BS"), _pairs("OBIES", "BS")),
        _pairs("BI", "IE"),
        (_pairs("ES", "OBIES"), _pairs("ES", "OBIES")),
    ),
}
_RULES["bilou"] = _RULES["bioes"]
_OUTSIDE = ("O", NO_KIND)


def spans(tags: Sequence[str], scheme: Scheme = "lenient") -> list[Span]:
    """The spans that a row of tags spells, in order.

    Args:
        tags: one a word.
        scheme: how to read them; see the top of this file.

    Raises:
        UsageError: an unknown scheme.
        CorpusError: a tag that the scheme does not have.

    Source: Tjong Kim Sang and Buchholz (2000), CoNLL-2000, and its conlleval; seqeval 1.2.2,
    `get_entities` and `scheme`.
    """
    if scheme == "raw":
        return _runs(tags)
    rules = _rules(scheme)
    parts = [_parts(tag, at, scheme) for at, tag in enumerate(tags)]
    parts.append(_OUTSIDE)
    found, at, before = [], 0, _OUTSIDE
    while at < len(tags):
        if not _among(before, parts[at], rules.starts):
            before, at = parts[at], at + 1
            continue
        end = at + 1
        while _alike(parts[end - 1], parts[end]) and _both(parts, end) in rules.goes_on:
            end += 1
        if _among(parts[end - 1], parts[end], rules.ends):
            found.append(Span(at, end, parts[at][1]))
        before, at = parts[end - 1], end
    return found


def tags_of(spans: Sequence[Span], length: int, scheme: Scheme = "bio") -> list[str]:
    """Tags that spell these spans, so that `spans` of them gives them back.

    Args:
        spans: without overlap.
        length: how many words there are.
        scheme: `lenient` is written as `bio`.

    Raises:
        UsageError: spans that overlap or lie outside, or an unknown scheme.
    """
    if scheme not in ("lenient", "raw"):
        _rules(scheme)
    tags, last = ["O"] * length, None
    for span in sorted(spans):
        if not (last.stop if last else 0) <= span.first < span.stop <= length:
            raise UsageError(
                f"the {span.kind} from {span.first} to {span.stop} overlaps with another span, is "
                f"empty, or lies outside of {length} words"
            )
        close = last is not None and (last.stop, last.kind) == (span.first, span.kind)
        tags[span.first : span.stop] = _spelled(span, scheme, close)
        last = span
    return tags


def repair(tags: Sequence[str], scheme: Scheme = "bio") -> list[str]:
    """Valid tags for the spans that a lenient reader finds; valid tags stay as they are.

    Raises:
        UsageError: an unknown scheme.
        CorpusError: a tag that no scheme has.
    """
    return list(tags) if scheme in ("raw", "lenient") else tags_of(spans(tags), len(tags), scheme)


def retyped(tags: Sequence[str], kinds: Mapping[str, str], scheme: Scheme) -> list[str]:
    """The same spans of other kinds; those whose kind becomes `O` are none any more.

    Raises:
        UsageError: an unknown scheme.
        CorpusError: a tag that no scheme has.
    """
    named = (one._replace(kind=kinds.get(one.kind, one.kind)) for one in spans(tags))
    return tags_of([one for one in named if one.kind != "O"], len(tags), scheme)


def are_spans(rows: Iterable[Sequence[str] | None]) -> bool:
    """Whether all tags are `O`, or a prefix, a hyphen and a kind."""
    return all(_TAG.fullmatch(tag) for tag in {tag for row in rows for tag in row or ()})


def scheme_of(rows: Sequence[Sequence[str] | None]) -> Scheme | None:
    """What rows of tags are written in: `bio`, `bioes` or `bilou`, by the prefixes they have.

    None where the tags are of another kind, such as parts of speech, or there is nothing but `O`.
    """
    letters = {tag[0] for row in rows for tag in row or () if tag and tag != "O"}
    if not letters or not are_spans(rows):
        return None
    return "bilou" if letters & set("LU") else "bioes" if letters & set("ES") else "bio"


def _rules(scheme: str) -> _Rules:
    if scheme not in _RULES:
        raise UsageError(
            f"there is no tagging scheme {scheme!r}", remedy=f"it is {', '.join(_RULES)} or raw"
        )
    return _RULES[scheme]


def _parts(tag: str, at: int, scheme: str) -> tuple[str, str]:
    """The prefix and the kind of a tag; L and U as E and S."""
    prefix, _, kind = tag.partition("-")
    letters = _LETTERS[scheme]
    if len(prefix) != 1 or prefix not in letters or (prefix == "O" and tag != "O"):
        raise CorpusError(
            f"{tag!r}, tag {at + 1} of its example, is none of the scheme {scheme}",
            remedy=f"tags are O or {', '.join(p + '-KIND' for p in letters if p != 'O')}; kinds "
            "without a prefix are read as raw",
        )
    return _READ_AS.get(prefix, prefix), kind or NO_KIND


def _alike(one: tuple[str, str], other: tuple[str, str]) -> bool:
    return one[1] == other[1]


def _both(parts: Sequence[tuple[str, str]], at: int) -> str:
    return parts[at - 1][0] + parts[at][0]


def _among(
    before: tuple[str, str], after: tuple[str, str], pairs: tuple[Collection[str], Collection[str]]
) -> bool:
    """Whether two neighbours are such a pair, of one kind or of two."""
    return before[0] + after[0] in pairs[0 if _alike(before, after) else 1]


def _runs(tags: Sequence[str]) -> list[Span]:
    found: list[Span] = []
    for at, tag in enumerate(tags):
        if tag == "O":
            continue
        if found and (found[-1].stop, found[-1].kind) == (at, tag):
            found[-1] = found[-1]._replace(stop=at + 1)
        else:
            found.append(Span(at, at + 1, tag))
    return found


def _spelled(span: Span, scheme: str, close: bool) -> list[str]:
    """The tags of one span; `close` if one of its kind ends where it begins."""
    inside = span.stop - span.first
    if scheme == "raw":
        if close:
            raise UsageError(
                f"two spans of {span.kind} meet at {span.first}, which raw tags cannot tell apart",
                remedy="write them as bio",
            )
        return [span.kind] * inside
    if scheme in ("bioes", "bilou"):
        last, lone = "ES" if scheme == "bioes" else "LU"
        prefixes = lone if inside == 1 else "B" + "I" * (inside - 2) + last
    else:
        prefixes = ("I" if scheme == "iob1" and not close else "B") + "I" * (inside - 1)
    kind = "" if span.kind == NO_KIND else f"-{span.kind}"
    return [prefix + kind for prefix in prefixes]
