"""What is wrong with rows of labelled examples, whatever file they come from."""

from __future__ import annotations

from typing import Any

from isogloss.corpus.spec import Spec
from isogloss.errors import CorpusError
from isogloss.task.examples import Shape
from isogloss.task.readers.found import Found, one_of
from isogloss.task.spans import repair, scheme_of

OPTIONS = ("invalid", "missing")
_MAY_BE_BLANK = ("title", "surface")


def checked(found: Found, shape: Shape, spec: Spec) -> tuple[dict[str, list[Any]], list[bool]]:
    """The columns, repaired where that was asked for, and which rows stay.

    `?missing=refuse` (the default), `drop` or `keep` says what to do without a label, `none` that a
    text of any number of labels has none where they are missing, as a table cannot say it, and
    `?invalid=refuse` or `repair` with tags of spans that cannot follow each other and with answers
    that do not stand where they say.

    Raises:
        CorpusError: an id twice, words without tags, an invalid sequence of tags, an answer that is
            not there, or a label that is missing, with file and line.
    """
    _ids(found, spec)
    stays = _texts(found, shape, spec)
    _labels(found, shape, spec, stays)
    columns = dict(found.columns)
    if "words" in columns:
        _words(found, shape, spec)
        if "tags" in columns:
            columns["tags"] = _tags(found, spec)
    if "answers" in columns and "context" in columns:
        columns["answers"] = _answers(found, spec, stays)
    return columns, stays


def _fail(
    found: Found, spec: Spec, row: int, message: str, remedy: str, word: int | None = None
) -> CorpusError:
    line, ids = found.line(row, word), found.columns.get("id")
    if line is None:
        message = f"{ids[row]!r}: {message}" if ids else f"example {row + 1}: {message}"
    return CorpusError(message, file=spec.text, line=line, remedy=remedy)


def _ids(found: Found, spec: Spec) -> None:
    seen: dict[str, int] = {}
    for row, one in enumerate(found.columns.get("id", ())):
        if not str(one or "").strip():
            raise _fail(found, spec, row, "has no id", "give every example an id of its own")
        first = seen.setdefault(one, row)
        if first != row:
            where = f"line {found.line(first)}" if found.lines else f"example {first + 1}"
            raise _fail(
                found, spec, row, f"the id {one!r} occurs twice, first at {where}",
                "give every example an id of its own",
            )  # fmt: skip


def _texts(found: Found, shape: Shape, spec: Spec) -> list[bool]:
    """Rows that have every text they need."""
    needed = [n for n in shape.columns if n not in (*shape.labels, *_MAY_BE_BLANK)]
    given = [found.columns[n] for n in needed if n in found.columns]
    given = [column for column in given if any(value is not None for value in column)]
    rows = len(next(iter(found.columns.values()), ()))
    stays = [not any(_blank(column[row]) for column in given) for row in range(rows)]
    if lost := stays.count(False):
        spec.drop("without text", lost)
    return stays


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value == []


def _labels(found: Found, shape: Shape, spec: Spec, stays: list[bool]) -> None:
    several = "labels" in shape.labels
    said = one_of(spec, "missing", ("refuse", "drop", "keep", *(("none",) if several else ())))
    if said == "none":
        found.columns["labels"] = [one or [] for one in found.columns["labels"]]
    if said in ("keep", "none"):
        return
    lost = 0
    for row in range(len(stays)):
        absent = [n for n in shape.labels if found.columns.get(n, [None] * len(stays))[row] is None]
        if not absent or not stays[row]:
            continue
        if said == "refuse":
            raise _fail(
                found, spec, row, f"has no {', '.join(absent)}",
                "add it, or say ?missing=drop to leave such examples out, or ?missing=keep for "
                "examples to be labelled"
                + (", or ?missing=none if they are to have none" if several else ""),
            )  # fmt: skip
        stays[row] = False
        lost += 1
    if lost:
        spec.drop("without a label", lost)


def _words(found: Found, shape: Shape, spec: Spec) -> None:
    lists = [n for n in shape.labels if shape.columns[n].startswith("list") and n in found.columns]
    for row, words in enumerate(found.columns["words"]):
        for at, word in enumerate(words or ()):
            if not isinstance(word, str) or not word.strip():
                raise _fail(found, spec, row, f"word {at + 1} is empty", "remove or fill it", at)
        for name in lists:
            told = found.columns[name][row]
            if told is not None and len(told) != len(words or ()):
                raise _fail(
                    found, spec, row, f"has {len(words or ())} words and {len(told)} {name}",
                    "give each word one",
                )  # fmt: skip


def _tags(found: Found, spec: Spec) -> list[Any]:
    """Tags of spans in valid order; other tags as they are."""
    tags = found.columns["tags"]
    refused = one_of(spec, "invalid", ("refuse", "repair")) == "refuse"
    scheme = scheme_of(tags)
    if scheme is None:
        return tags
    made, changed, sentences = [], 0, 0
    for row, one in enumerate(tags):
        valid = one if one is None else repair(one, scheme)
        wrong = [at for at in range(len(one or ())) if one[at] != valid[at]]
        if wrong and refused:
            at = wrong[0]
            raise _fail(
                found, spec, row,
                f"{one[at]} (word {at + 1}) cannot stand after {one[at - 1] if at else 'nothing'}"
                + (f" and before {one[at + 1]}" if at + 1 < len(one) else ""),
                f"correct it, or say ?invalid=repair to read {one[at]} as {valid[at]} there and "
                "count such tags", at,
            )  # fmt: skip
        made.append(valid)
        changed, sentences = changed + len(wrong), sentences + bool(wrong)
    if changed:
        spec.note(f"{changed} invalid tags in {sentences} sentences were repaired")
    return made


def _answers(found: Found, spec: Spec, stays: list[bool]) -> list[Any]:
    """Answers that stand where they say."""
    repair = one_of(spec, "invalid", ("refuse", "repair")) == "repair"
    made, moved, lost = [], 0, 0
    for row, answers in enumerate(found.columns["answers"]):
        context, kept = found.columns["context"][row] or "", []
        for answer in answers or ():
            text, start = answer["text"], answer["start"]
            if text and start >= 0 and context.startswith(text, start):
                kept.append(answer)
                continue
            place = nearest(context, text, start)
            if not repair:
                raise _fail(found, spec, row, *_wrong_span(context, text, start, place))
            moved += place is not None
            kept += [] if place is None else [{"text": text, "start": place}]
        if answers and not kept and stays[row]:
            stays[row] = False
            lost += 1
        made.append(answers if answers is None else kept)
    if moved:
        spec.note(f"{moved} answers did not stand where they said and were moved to where they do")
    if lost:
        spec.drop("with an answer that is not in the text", lost)
    return made


def nearest(context: str, text: str, start: int) -> int | None:
    """Where `text` stands in `context`, as near to `start` as can be."""
    places: list[int] = []
    at = context.find(text) if text else -1
    while at >= 0:
        places.append(at)
        at = context.find(text, at + 1)
    return min(places, key=lambda place: abs(place - start)) if places else None


def _wrong_span(context: str, text: str, start: int, place: int | None) -> tuple[str, str]:
    end = start + len(text)
    outside = start < 0 or end > len(context)
    there = f"outside the text of {len(context)}" if outside else repr(context[start:end])
    message = f"the answer {text!r} is said to be characters {start} to {end}: {there}"
    if place is None:
        return message, "it is nowhere in the text: correct it, or ?invalid=repair leaves it out"
    return message, (
        f"it stands at {place}; count code points from 0, not bytes, or say ?invalid=repair to "
        "move such answers and count them"
    )
