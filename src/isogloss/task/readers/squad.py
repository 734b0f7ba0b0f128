"""SQuAD JSON: articles of paragraphs with questions, and answers by where they begin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from isogloss.corpus.spec import Spec
from isogloss.corpus.text_files import byte_blocks
from isogloss.errors import CorpusError, UsageError
from isogloss.registry import register
from isogloss.task.examples import Shape
from isogloss.task.readers.found import Found, ending, one_file
from isogloss.task.readers.records import one_answer

OPTIONS, NAMES_COLUMNS = ("articles",), False


def accepts(spec: Spec, shape: Shape) -> int:
    """For questions with answers: surely for `.json`."""
    return 3 if "answers" in shape.columns and ending(spec) == ".json" else 0


@register("examples", "squad.v1")
def read(spec: Spec, shape: Shape) -> Found:
    """Read version 1.1 or 2.0; `?articles=1-30,41` reads some articles, numbered as they stand.

    A question that `is_impossible` has no answer; its `plausible_answers` are not read.

    Raises:
        CorpusError: not JSON, not of this shape, or an answerable question without an answer, with
            file and id; answers that do not stand where they say are found by `checks.checked`.

    Source: Rajpurkar et al. (2016), SQuAD; Rajpurkar et al. (2018), Know What You Don't Know.
    """
    columns: dict[str, list[Any]] = {
        name: [] for name in ("id", "context", "question", "title", "answers")
    }
    for row in _questions(spec, _articles(spec)):
        for name, value in row.items():
            columns[name].append(value)
    if not columns["id"]:
        raise CorpusError("has no question", file=spec.text, remedy="check the file and ?articles=")
    return Found(columns)


def _articles(spec: Spec) -> list[tuple[int, Any]]:
    """The articles that are asked for, with their numbers from 1."""
    try:
        told = json.loads(b"".join(byte_blocks(one_file(spec))).decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise CorpusError(
            f"is not UTF-8: byte 0x{error.object[error.start]:02x}", file=spec.text, line=line,
            remedy="convert it, for example with: iconv -f latin1 -t utf-8",
        ) from None  # fmt: skip
    except json.JSONDecodeError as error:
        raise CorpusError(
            f"is not JSON: {error.msg}", file=spec.text, line=error.lineno,
            remedy="fetch or write the file again",
        ) from None  # fmt: skip
    except RecursionError:
        raise _shape(spec, "the file is nested too deeply") from None
    articles = told.get("data") if isinstance(told, dict) else None
    if not isinstance(articles, list):
        raise _shape(spec, "there is no list called data")
    numbered = list(enumerate(articles, 1))
    if (said := spec.options.get("articles")) is None:
        return numbered
    wanted = _numbers(said, spec)
    if beyond := sorted(wanted - {number for number, _ in numbered}):
        raise CorpusError(
            f"has {len(articles)} articles, none of number {beyond[0]}", file=spec.text,
            remedy="correct ?articles=",
        )  # fmt: skip
    spec.note(f"{len(wanted)} of {len(articles)} articles were read: {said}")
    return [(number, article) for number, article in numbered if number in wanted]


def _numbers(said: str, spec: Spec) -> set[int]:
    """The numbers in text such as `1-30,41`."""
    found: set[int] = set()
    for part in said.split(","):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
            raise UsageError(
                f"{spec.text}: articles={said} means nothing",
                remedy="write numbers from 1, such as articles=1-30,41",
            )
        found.update(range(int(first), int(last) + 1))
    return found


def _shape(spec: Spec, message: str) -> CorpusError:
    return CorpusError(
        message, file=spec.text,
        remedy='SQuAD is {"data": [{"title": ..., "paragraphs": [{"context": ..., "qas": [{"id": '
        '..., "question": ..., "answers": [{"text": ..., "answer_start": ...}]}]}]}]}',
    )  # fmt: skip


def _questions(spec: Spec, articles: list[tuple[int, Any]]) -> Iterator[dict[str, Any]]:
    for number, article in articles:
        where = f"article {number}"
        title = article.get("title") if isinstance(article, dict) else None
        for at, paragraph in enumerate(_list(spec, article, "paragraphs", where), 1):
            here = f"{where}, paragraph {at}"
            questions = _list(spec, paragraph, "qas", here)
            context = _text(spec, paragraph, "context", here)
            for place, question in enumerate(questions, 1):
                named = f"{here}, question {place}"
                if not isinstance(question, dict):
                    raise _shape(spec, f"{named} is no object")
                one = question.get("id")
                one = str(one) if isinstance(one, str | int) else f"{number}.{at}.{place}"
                asked = _text(spec, question, "question", named)
                yield {
                    "id": one, "context": context, "question": asked,
                    "title": title if isinstance(title, str) and title else None,
                    "answers": _answers(spec, question, one),
                }  # fmt: skip


def _answers(spec: Spec, question: dict[str, Any], one: str) -> list[dict[str, Any]] | None:
    impossible, told = question.get("is_impossible"), question.get("answers")
    if impossible:
        return []
    if told is None:
        return None
    if not isinstance(told, list):
        raise _shape(spec, f"{one!r}: answers are no list")
    if not told and impossible is False:
        raise CorpusError(
            f"{one!r} is said to have an answer, and has none", file=spec.text,
            remedy="add the answer, or say is_impossible",
        )  # fmt: skip
    try:
        return [one_answer(answer) for answer in told]
    except ValueError as error:
        raise _shape(spec, f"{one!r}: answers {error}") from None


def _list(spec: Spec, holder: Any, key: str, where: str) -> list[Any]:
    found = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(found, list):
        raise _shape(spec, f"{where} has no list called {key}")
    return found


def _text(spec: Spec, holder: Any, key: str, where: str) -> str:
    found = holder.get(key)
    if not isinstance(found, str):
        raise _shape(spec, f"{where} has no text called {key}")
    return found
