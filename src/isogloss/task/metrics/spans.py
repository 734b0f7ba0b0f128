"""Spans from tags, their scores, and what is wrong with tags that spell no spans.

A tag is `O`, or a prefix and a kind: `B-PER`. The ways to read a row of tags:

- `lenient`: as conlleval and seqeval's default read it, which finds a span in any row: one begins
  at B and S, at I and E after O, E or S, and wherever the kind changes.
- `bio`, `iob1`, `bioes`: as seqeval's strict mode reads them; what is not valid is no span.
- `raw`: tags are kinds without a prefix, and a span is as long as its kind stays the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from isogloss.errors import CorpusError, UsageError
from isogloss.task.contracts import Tally
from isogloss.task.metrics.sums import checked, prf, share

Scheme = Literal["lenient", "bio", "iob1", "bioes", "raw"]
NO_KIND = "_"  # of a tag that is a prefix alone


class Span(NamedTuple):
    """Tokens `start` to `end`, counted from 0 and without `end`, that are a `kind`."""

    kind: str
    start: int
    end: int


class Fault(NamedTuple):
    """A tag that its neighbours do not allow; `position` counts from 0."""

    position: int
    tag: str
    reason: str


class _Rules(NamedTuple):
    """How two neighbouring tags read, as pairs of prefixes.

    `starts` and `ends` hold pairs of one kind and of two; `goes_on` are of one kind.
    """

    prefixes: str
    starts: tuple[Collection[str], Collection[str]]
    goes_on: Collection[str]
    ends: tuple[Collection[str], Collection[str]]


def _pairs(before: str, after: str) -> set[str]:
    return {a + b for a in before for b in after}


_RULES: Mapping[str, _Rules] = {
    "lenient": _Rules(
        "OBIES",
        (_pairs("OBIES", "BS") | _pairs("OES", "IE"), _pairs("OBIES", "BIES")),
        _pairs("BI", "IE"),
        (_pairs("BIES", "OBIES"), _pairs("BIES", "OBIES")),
    ),
    "bio": _Rules(
        "OBI",
        (_pairs("OBI", "B"), _pairs("OBI", "B")),
        _pairs("BI", "I"),
        (_pairs("BI", "OBI"), _pairs("BI", "OBI")),
    ),
    # A B that does not part two spans of one kind is not valid here, and starts and ends nothing.
    "iob1": _Rules(
        "OBI",
        (_pairs("OB", "I") | _pairs("BI", "B"), _pairs("OBI", "I")),
        _pairs("BI", "I"),
        (_pairs("BI", "OB"), _pairs("BI", "OI") | {"IB"}),
    ),
    "bioes": _Rules(
        "OBIES",
        (_pairs("OBIES", "BS"), _pairs("OBIES", "BS")),
        _pairs("BI", "IE"),
        (_pairs("ES", "OBIES"), _pairs("ES", "OBIES")),
    ),
}  # fmt: skip
_OUTSIDE = ("O", NO_KIND)


def spans(tags: Sequence[str], scheme: Scheme = "lenient") -> list[Span]:
    """The spans that a row of tags spells, in order.

    Args:
        tags: one a token.
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
    parts = [_parts(tag, at, scheme, rules.prefixes) for at, tag in enumerate(tags)]
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
            found.append(Span(parts[at][1], at, end))
        before, at = parts[end - 1], end
    return found


def tags_of(spans: Sequence[Span], length: int, scheme: Scheme = "bio") -> list[str]:
    """Tags that spell these spans, so that `spans` of them gives them back.

    Args:
        spans: without overlap.
        length: how many tokens there are.
        scheme: `lenient` is written as `bio`.

    Raises:
        UsageError: spans that overlap or lie outside, or an unknown scheme.
    """
    if scheme not in ("lenient", "raw"):
        _rules(scheme)
    tags, last = ["O"] * length, None
    for span in sorted(spans, key=lambda one: one.start):
        if not (last.end if last else 0) <= span.start < span.end <= length:
            raise UsageError(
                f"the {span.kind} from {span.start} to {span.end} overlaps with another span, is "
                f"empty, or lies outside of {length} tokens"
            )
        close = last is not None and (last.end, last.kind) == (span.start, span.kind)
        tags[span.start : span.end] = _spelled(span, scheme, close)
        last = span
    return tags


def faults(tags: Sequence[str], scheme: Scheme = "bio") -> list[Fault]:
    """Tags that do not belong where they stand; none in `raw` and `lenient`.

    `bio`: I continues a B or an I of its kind. `iob1`: B stands only after a B or an I of its kind.
    `bioes`: I and E continue, and B and I are continued by an I or an E of their kind.

    Raises:
        UsageError: an unknown scheme.
        CorpusError: a tag that the scheme does not have.
    """
    if scheme in ("raw", "lenient"):
        return []
    rules = _rules(scheme)
    parts = [_parts(tag, at, scheme, rules.prefixes) for at, tag in enumerate(tags)]
    found, before = [], _OUTSIDE
    for at, (this, after) in enumerate(zip(parts, [*parts, _OUTSIDE][1:], strict=True)):
        continues = before[0] in "BI" and _alike(before, this)
        continued = after[0] in "IE" and _alike(this, after)
        if this[0] in ("B" if scheme == "iob1" else "IE") and not continues:
            what = "parts it from" if scheme == "iob1" else "continues"
            found.append(Fault(at, tags[at], f"{this[0]} {what} nothing of its kind"))
        elif scheme == "bioes" and this[0] in "BI" and not continued:
            found.append(Fault(at, tags[at], f"{this[0]} is not continued"))
        before = this
    return found


def repair(tags: Sequence[str], scheme: Scheme = "bio") -> list[str]:
    """Valid tags for the spans that a lenient reader finds; valid tags stay as they are.

    Raises:
        UsageError: an unknown scheme.
        CorpusError: a tag that the scheme does not have.
    """
    return tags_of(spans(tags), len(tags), scheme) if faults(tags, scheme) else list(tags)


def valid_rows(
    rows: Sequence[Sequence[str]],
    scheme: Scheme = "bio",
    *,
    repaired: bool = False,
    file: str | Path | None = None,
    lines: Sequence[int] | None = None,
) -> tuple[list[list[str]], dict[str, int]]:
    """Rows of valid tags, and how many tags were at fault, by reason.

    Args:
        rows: the tags of each example.
        scheme: what they are written in.
        repaired: make rows valid that are not; without it they are refused.
        file: where they are from.
        lines: the line of the first tag of each row, where each tag has a line.

    Raises:
        UsageError: an unknown scheme.
        CorpusError: a tag that the scheme does not have, or one at fault if rows are not repaired.
    """
    found = [(row, fault) for row, tags in enumerate(rows) for fault in faults(tags, scheme)]
    if found and not repaired:
        row, fault = found[0]
        raise CorpusError(
            f"{fault.tag!r}, tag {fault.position + 1} of example {row + 1}, is not valid {scheme}: "
            f"{fault.reason}; {len(found)} tags of {len({at for at, _ in found})} examples are not",
            file=file, line=lines[row] + fault.position if lines else None,
            remedy="correct the tags, name their scheme, or have them repaired",
        )  # fmt: skip
    wrong = {row for row, _ in found}
    made = [repair(tags, scheme) if row in wrong else list(tags) for row, tags in enumerate(rows)]
    return made, dict(Counter(fault.reason for _, fault in found))


def span_scores(
    gold: Sequence[Sequence[str]],
    told: Sequence[Sequence[str] | None],
    scheme: Scheme = "lenient",
    kind: str | None = None,
) -> dict[str, Tally]:
    """Micro `f1`, `precision` and `recall` of spans whose kind and both ends are right.

    0 where there is nothing to divide by, as in seqeval. An example without a prediction has no
    spans told.

    Args:
        gold: the tags of each example.
        told: as many tags of each example, or None.
        scheme: how both are read.
        kind: only spans of it.

    Raises:
        UsageError: unequal lengths, no example, gold tags that are unknown, an unknown scheme.
        CorpusError: a tag that the scheme does not have.

    Source: seqeval 1.2.2, `f1_score`, by default for `lenient` and with `mode="strict"` else.
    """
    read, guessed = _read(gold, told, scheme)
    return scores_of_spans(read, guessed, kind, {"scheme": scheme})


def span_scores_by_kind(
    gold: Sequence[Sequence[str]], told: Sequence[Sequence[str] | None], scheme: Scheme = "lenient"
) -> dict[str, dict[str, Tally]]:
    """`span_scores` of each kind that gold or told spans have, by kind in alphabetical order.

    Raises:
        UsageError: as `span_scores`.
        CorpusError: as `span_scores`.
    """
    read, guessed = _read(gold, told, scheme)
    kinds = sorted({span.kind for row in (*read, *guessed) for span in row or ()})
    return {one: scores_of_spans(read, guessed, one, {"scheme": scheme}) for one in kinds}


def scores_of_spans(
    gold: Sequence[Collection[Span]],
    told: Sequence[Collection[Span] | None],
    kind: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> dict[str, Tally]:
    """`span_scores` of spans that are already read, or that no tags can spell, such as nested ones.

    Raises:
        UsageError: unequal lengths, no example, or gold spans that are unknown.
    """
    checked(gold, told)
    counts: list[tuple[int, int, int]] = []
    for one, other in zip(gold, told, strict=True):
        true = {span for span in one if kind in (None, span.kind)}
        guess = {span for span in other or () if kind in (None, span.kind)}
        counts.append((len(true & guess), len(guess), len(true)))
    return prf(counts, {**(settings or {}), **({"kind": kind} if kind else {})})


def token_accuracy(gold: Sequence[Sequence[str]], told: Sequence[Sequence[str] | None]) -> Tally:
    """Tokens with the right tag over tokens, of all examples together.

    Raises:
        UsageError: unequal lengths, no example, or gold tags that are unknown.
    """
    _same_tokens(gold, told)
    right = [
        0 if other is None else sum(a == b for a, b in zip(one, other, strict=True))
        for one, other in zip(gold, told, strict=True)
    ]
    return share(right, [len(one) for one in gold])


def _read(
    gold: Sequence[Sequence[str]], told: Sequence[Sequence[str] | None], scheme: Scheme
) -> tuple[list[list[Span]], list[list[Span] | None]]:
    _same_tokens(gold, told)
    return (
        [spans(one, scheme) for one in gold],
        [None if one is None else spans(one, scheme) for one in told],
    )


def _same_tokens(gold: Sequence[Sequence[str]], told: Sequence[Sequence[str] | None]) -> None:
    checked(gold, told)
    for row, (one, other) in enumerate(zip(gold, told, strict=True), 1):
        if other is not None and len(one) != len(other):
            raise UsageError(
                f"example {row} has {len(one)} gold tags and {len(other)} told ones",
                remedy="tell one tag a token, O where a token was cut off",
            )


def _rules(scheme: str) -> _Rules:
    if scheme not in _RULES:
        raise UsageError(
            f"there is no tagging scheme {scheme!r}", remedy=f"it is {', '.join(_RULES)} or raw"
        )
    return _RULES[scheme]


def _parts(tag: str, at: int, scheme: str, prefixes: str) -> tuple[str, str]:
    """The prefix and the kind of a tag."""
    prefix, _, kind = tag.partition("-")
    if len(prefix) != 1 or prefix not in prefixes or (prefix == "O" and tag != "O"):
        raise CorpusError(
            f"{tag!r}, tag {at + 1} of its example, is none of the scheme {scheme}",
            remedy=f"tags are O or {', '.join(p + '-KIND' for p in prefixes if p != 'O')}; kinds "
            "without a prefix are read as raw",
        )
    return prefix, kind or NO_KIND


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
        if found and (found[-1].end, found[-1].kind) == (at, tag):
            found[-1] = found[-1]._replace(end=at + 1)
        else:
            found.append(Span(tag, at, at + 1))
    return found


def _spelled(span: Span, scheme: str, close: bool) -> list[str]:
    """The tags of one span; `close` if one of its kind ends where it begins."""
    inside = span.end - span.start
    if scheme == "raw":
        if close:
            raise UsageError(
                f"two spans of {span.kind} meet at {span.start}, which raw tags cannot tell apart",
                remedy="write them as bio",
            )
        return [span.kind] * inside
    if scheme == "bioes":
        prefixes = "S" if inside == 1 else "B" + "I" * (inside - 2) + "E"
    else:
        prefixes = ("I" if scheme == "iob1" and not close else "B") + "I" * (inside - 1)
    kind = "" if span.kind == NO_KIND else f"-{span.kind}"
    return [prefix + kind for prefix in prefixes]
