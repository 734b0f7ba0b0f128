"""Labels carried by marks around the spans, which a translator carries along."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from isogloss.errors import CorpusError, UsageError
from isogloss.language import read_language
from isogloss.language.segment import tokens
from isogloss.registry import register
from isogloss.task.projection.contract import Labelled, Projected, join
from isogloss.task.spans import Span

Translate = Callable[[Sequence[str], str, str], Sequence[str]]
"""Texts, the language they are in and the language wanted, to as many translations."""
Segment = Callable[[str, str], list[str]]
"""A text and its script to words that hold every character that is not a space."""
Fallback = Callable[[Sequence[Labelled], Sequence[Sequence[str]]], Projected]
"""Sentences and the words of their translations to projected spans, such as `aligned`."""


class Marks(NamedTuple):
    """What stands before and after a span; `{}` in both is replaced by letters of its own."""

    before: str
    after: str


STYLES = {"xml": Marks("<{}>", "</{}>"), "brackets": Marks("[", "]")}


class Found(NamedTuple):
    """What was read of a marked translation.

    Attributes:
        text: without marks.
        places: first character and the one after the last of each marked stretch, by its letters;
            stretches of marks without letters are numbered from 0 as they come.
        fault: why it cannot be used; then there are no places.
    """

    text: str
    places: dict[str, tuple[int, int]]
    fault: str | None = None


@register("projection", "markers.v1")
def markers(
    source: Sequence[Labelled],
    target: Sequence[Sequence[str]] | None = None,
    *,
    translate: Translate,
    languages: tuple[str, str],
    style: str | Marks = "xml",
    fallback: Fallback | None = None,
    segment: Segment = tokens,
) -> Projected:
    """Spans that a translator was given between marks, and gave back between marks.

    A translation whose marks are lost, doubled or crossed is not used. Marks with letters say which
    span is which; after those without, such as brackets, which many translators keep better, the
    stretches are told apart by how like they are to translations of the spans alone. Prefer it
    where the translator keeps marks; it costs some quality of the translation.

    Args:
        source: n sentences with their spans; those without are translated as they are.
        target: words of translations without marks, for the fallback; made where it needs them.
        translate: the translator.
        languages: of the source and of the translations.
        style: `xml`, `brackets`, or marks of one's own.
        fallback: what is done with sentences whose marks do not come back; left out without one.
        segment: of the translation.

    Raises:
        UsageError: an unknown style, or marks of which one alone has `{}`.
        CorpusError: a translator that gives another number of texts.

    Source: Chen, Jiang, Ritter and Xu (2023), Frustratingly Easy Label Projection for Cross-lingual
    Transfer (EasyProject), section 3.
    """
    marks = marks_of(style)
    scripts = [read_language(language).script for language in languages]
    counts = Counter({"spans of the source": sum(len(one.spans) for one in source)})
    spoiled = {
        i for i, one in enumerate(source)
        if one.spans and read_marks(join(one.words, scripts[0]), marks, None).fault
    }  # fmt: skip
    if spoiled:
        counts["sentences whose own text has such marks"] += len(spoiled)
    asked = [i for i in range(len(source)) if i not in spoiled]
    texts = [mark(source[i], marks, scripts[0]) for i in asked]
    made: list[Labelled | None] = [None] * len(source)
    read = {
        i: read_marks(text, marks, len(source[i].spans))
        for i, text in zip(asked, _translated(translate, texts, languages), strict=True)
    }
    names = _names(source, read, marks, translate, languages, scripts[0])
    for i, found in read.items():
        fault = found.fault
        if not fault:
            made[i], fault = _spans(found, names[i], segment(found.text, scripts[1]))
        if fault:
            counts[f"translations not used: {fault}"] += 1
    failed = [i for i, one in enumerate(made) if one is None]
    counts["spans projected"] = sum(len(one.spans) for one in made if one is not None)
    if failed and fallback is not None:
        plain = [join(source[i].words, scripts[0]) for i in failed]
        words = (
            [segment(text, scripts[1]) for text in _translated(translate, plain, languages)]
            if target is None
            else [target[i] for i in failed]
        )
        other = fallback([source[i] for i in failed], words)
        for i, one in zip(failed, other.sentences, strict=True):
            made[i] = one
        counts["spans projected"] += other.counts.get("spans projected", 0)
        counts["sentences given to the fallback"] = len(failed)
        counts.update({f"fallback: {why}": n for why, n in other.counts.items()
                       if why not in ("spans of the source", "spans projected")})  # fmt: skip
    elif failed:
        counts["sentences left out: marks did not come back"] = len(failed)
    return Projected(made, dict(counts))


def mark(sentence: Labelled, marks: Marks, script: str = "Latn") -> str:
    """The text of a sentence with marks around its spans, the first of which is `a`."""
    words, at = [], 0
    for number, span in sorted(enumerate(sentence.spans), key=lambda one: one[1]):
        words += list(sentence.words[at : span.first])
        words += [marks.before.format(letters(number)),
                  join(sentence.words[span.first : span.stop], script),
                  marks.after.format(letters(number))]  # fmt: skip
        at = span.stop
    return join([*words, *sentence.words[at:]], script)


def read_marks(text: str, marks: Marks, wanted: int | None) -> Found:
    """The stretches between marks, and the text without these.

    Marks are read in any case, in full width, and with spaces in them. Where a mark had a space on
    either side, one is left; where it had none, as before an ending, what stood around it touches.

    Args:
        text: with marks.
        marks: what they are.
        wanted: number of spans that there must be; None where any mark at all is a fault.
    """
    pieces, events = _events(text, marks)
    if fault := _fault(pieces, events, marks, wanted):
        return Found(text, {}, fault)
    made, places = pieces[0].rstrip() if events else pieces[0], {}
    for at, (side, key) in enumerate(events):
        piece, last = pieces[at + 1], at == len(events) - 1
        apart = pieces[at] != pieces[at].rstrip() or piece != piece.lstrip()
        made += " " if apart and made and not (last and not piece.strip()) else ""
        if side == "before":
            places[key or str(len(places))] = (len(made), len(made) + len(piece.strip()))
        made += piece.strip()
    return Found(made, places)


def letters(number: int) -> str:
    """0 is `a`, 25 `z`, 26 `aa`."""
    rest, last = divmod(number, 26)
    return (letters(rest - 1) if rest else "") + chr(ord("a") + last)


def marks_of(style: str | Marks) -> Marks:
    """The marks of a style by its name, or those that are given.

    Raises:
        UsageError: an unknown style, or marks of which one alone has `{}`.
    """
    marks = STYLES.get(style) if isinstance(style, str) else Marks(*style)
    if marks is None:
        raise UsageError(f"there are no marks {style!r}", remedy=f"one of {', '.join(STYLES)}")
    if ("{}" in marks.before) != ("{}" in marks.after) or not all(marks):
        raise UsageError(f"{marks} do not fit together", remedy="put {} in both or in neither")
    return marks


def _pattern(template: str, group: str) -> str:
    parts = [_loose(part) for part in template.split("{}", 1)]
    return rf"\s*(?P<{group}>[a-z]+)\s*".join(parts)


def _loose(part: str) -> str:
    wide = [re.escape(c) + "|" + chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else re.escape(c)
            for c in part]  # fmt: skip
    return r"\s*".join(f"(?:{one})" for one in wide)


def _events(text: str, marks: Marks) -> tuple[list[str], list[tuple[str, str]]]:
    """Stretches around marks, one more than there are, and which mark each is."""
    found = re.compile(
        f"(?P<after>{_pattern(marks.after, 'end')})|(?P<before>{_pattern(marks.before, 'start')})",
        re.IGNORECASE,
    )
    pieces, events, at = [], [], 0
    for match in found.finditer(text):
        groups = match.groupdict()
        key = (groups.get("start") or groups.get("end") or "").lower()
        side = "after" if groups["after"] is not None else "before"
        if marks.before == marks.after:  # the first of two opens
            side = "before" if sum(k == key for _, k in events) % 2 == 0 else "after"
        events.append((side, key))
        pieces.append(text[at : match.start()])
        at = match.end()
    return [*pieces, text[at:]], events


def _fault(
    pieces: Sequence[str], events: Sequence[tuple[str, str]], marks: Marks, wanted: int | None
) -> str | None:
    if wanted is None:
        return "it has marks of its own" if events else None
    if not "".join(pieces).strip():
        return "nothing came back"
    named = "{}" in marks.before
    expected = Counter((side, letters(n) if named else "")
                       for side in marks._fields for n in range(wanted))  # fmt: skip
    known = Counter(events)
    if expected - known:
        return "a mark was lost"
    if known - expected:
        return "a mark came twice, or one that was not given"
    for at in range(0, len(events), 2):
        (side, key), (other, same) = events[at : at + 2]
        if (side, other) != ("before", "after") or key != same:
            return "marks crossed"
        if not pieces[at + 1].strip():
            return "nothing stood between marks"
    return None


def _translated(
    translate: Translate, texts: Sequence[str], languages: tuple[str, str]
) -> list[str]:
    made = list(translate(texts, *languages)) if texts else []
    if len(made) != len(texts):
        raise CorpusError(
            f"the translator gave {len(made)} texts for {len(texts)}",
            remedy="it must give one translation a text, in the same order",
        )
    return [text or "" for text in made]


def _names(
    source: Sequence[Labelled],
    read: dict[int, Found],
    marks: Marks,
    translate: Translate,
    languages: tuple[str, str],
    script: str,
) -> dict[int, dict[str, str]]:
    """The label of each marked stretch of the translations that can be used."""
    if "{}" in marks.before:
        return {i: {letters(n): span.kind for n, span in enumerate(source[i].spans)} for i in read}
    names, unsure = {}, []
    for i, found in read.items():
        own = [span.kind for span in source[i].spans]
        names[i] = dict(zip(map(str, range(len(own))), own, strict=True))
        if not found.fault and len(set(own)) > 1:
            unsure.append(i)
    texts = [join(source[i].words[s.first : s.stop], script)
             for i in unsure for s in source[i].spans]  # fmt: skip
    alone = iter(_translated(translate, texts, languages))
    for i in unsure:
        own = [next(alone) for _ in source[i].spans]
        names[i] = _matched(read[i], own, [span.kind for span in source[i].spans])
    return names


def _matched(found: Found, alone: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    from scipy.optimize import linear_sum_assignment

    stretches = [found.text[first:stop].lower() for first, stop in found.places.values()]
    like = np.array([
        [SequenceMatcher(None, stretch, own.lower(), autojunk=False).ratio() for own in alone]
        for stretch in stretches
    ])  # fmt: skip
    rows, columns = linear_sum_assignment(-like)
    keys = list(found.places)
    return {keys[row]: names[column] for row, column in zip(rows, columns, strict=True)}


def _spans(
    found: Found, names: dict[str, str], words: list[str]
) -> tuple[Labelled | None, str | None]:
    """The words of a translation that marked stretches touch; or why they cannot be told."""
    text = "".join(found.text.split())
    if "".join(words) != text:
        raise CorpusError(
            "the words of a translation are not its characters",
            remedy="segment must keep every character that is not a space",
        )
    stops = list(accumulate(map(len, words)))
    spans = []
    for key, place in found.places.items():
        first, stop = (len("".join(found.text[:at].split())) for at in place)
        spans.append(
            Span(bisect_right(stops, first), bisect_right(stops, stop - 1) + 1, names[key])
        )
    spans.sort()
    if any(a.stop > b.first for a, b in pairwise(spans)):
        return None, "two spans in one word"
    return Labelled(words, spans), None
