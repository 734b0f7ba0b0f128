"""Answers to questions, as stretches of a text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from isogloss.errors import CorpusError
from isogloss.registry import register
from isogloss.task.contracts import Cut, Guess, Piece, Tally
from isogloss.task.examples import ANSWERS, Examples
from isogloss.task.tasks.tag import IN_STRETCHES, in_stretches, stretches
from isogloss.train.batch import UNKNOWN

if TYPE_CHECKING:
    from isogloss.task.cutting import Cutter, Tokens

NO_ANSWER = "no answer"
SPAN = "span"
_Spot = tuple[int, int] | None
"""Tokens of a context from and to, the last one included; None for no answer."""


class _Span(NamedTuple):
    """A stretch of a context in characters, and the logit of it."""

    start: int
    end: int
    worth: float


@register("task", "answers.v1")
@dataclass(frozen=True, kw_only=True)
class AnswersTask:
    """Where in a context the answer to a question begins and ends.

    The question, the model's own special tokens and a stretch of the context are read at once; a
    context over the window is read in stretches that overlap by half. A stretch that does not have
    the whole answer is taught that there is none, which the first token of the question stands for.
    Of all stretches the pair of a beginning and an end with the largest sum of logits is taken, and
    its text is cut out of the context. Where the likeliest beginnings and ends make no pair, all of
    the stretch are paired. That there is no answer is told only by what was taught it: where the
    least that a stretch thinks of none is more than the best pair, plus `threshold`.

    A gold answer is widened to whole tokens; of several the first is learned.

    Source: Devlin et al. (2019), BERT, sections 4.2 and 4.3, and its script for SQuAD.

    Attributes:
        question: tokens of a question that are read, never more than half of the window.
        longest: tokens of an answer that may be told.
        best: beginnings and ends of a stretch that are paired.
        threshold: how much better none must be than the best answer; fit it on a `dev`.
        factor: of the head's learning rate, over that of the model.
    """

    shape: ClassVar = ANSWERS
    measures: ClassVar = ("f1", "exact")
    question: int = 64
    longest: int = 30
    best: int = 20
    threshold: float = 0.0
    factor: float = 10.0

    def classes(self, examples: Sequence[Examples]) -> dict[str, list[str]]:
        """Whether there may be no answer."""
        told = [row for one in examples for row in one.column("answers") if row is not None]
        if not any(told):
            raise CorpusError(
                "no question has an answer", file=examples[0].source or None,
                remedy="give some to learn from",
            )  # fmt: skip
        return {"answer": [SPAN] if all(told) else [SPAN, NO_ANSWER]}

    def cut(self, examples: Examples, cutter: Cutter, classes: Mapping[str, Sequence[str]]) -> Cut:
        """Pieces of a question and a stretch of its context each."""
        columns = (examples.column(name) for name in ("question", "context"))
        asked, contexts = (cutter.texts([text or "" for text in column]) for column in columns)
        spots, widened = _spots(examples, contexts)
        most = max(1, min(self.question, (cutter.longest - len(cutter.between)) // 2))
        pieces, truncated = [], 0
        for row, (question, context) in enumerate(zip(asked, contexts, strict=True)):
            if not (len(question.ids) and len(context.ids)):
                continue
            truncated += len(question.ids) > most
            before = np.concatenate([question.ids[:most], cutter.between])
            for at in stretches(len(context.ids), cutter.longest - len(before)):
                pieces.append(_piece(row, before, context, at, spots[row]))
        there = {piece.example for piece in pieces}
        return Cut(
            pieces, {"no question or no context": len(examples) - len(there)}, truncated,
            {"widened at the answer to whole tokens": widened,
             IN_STRETCHES: in_stretches(pieces)},
        )  # fmt: skip

    def head(self, classes: Mapping[str, Sequence[str]], seed: int) -> Any:
        """`answer_span.v1` of training."""
        from isogloss.train.objectives.answer_span import AnswerSpan

        return AnswerSpan(factor=self.factor, seed=seed)

    def join(
        self, examples: Examples, pieces: Sequence[Piece], found: Sequence[Any],
        classes: Mapping[str, Sequence[str]],
    ) -> list[Guess | None]:  # fmt: skip
        """The best span of all stretches, or none; how sure: its share among the best of them."""
        told: list[Guess | None] = [None] * len(examples)
        contexts = examples.column("context")
        both = zip(pieces, found, strict=True)
        for row, group in itertools.groupby(both, lambda one: one[0].example):
            spans, nulls = [], []
            for piece, logits in group:
                spans += _spans(piece, np.asarray(logits, np.float64), self.longest, self.best)
                nulls.append(float(np.sum(logits[0])))
            none = min(nulls) if NO_ANSWER in classes["answer"] else -np.inf
            told[row] = self._guess(contexts[row], spans, none)
        return told

    def _guess(self, context: str, spans: Sequence[_Span], none: float) -> Guess:
        worth: dict[tuple[int, int], float] = {}
        for one in spans:  # stretches overlap
            at = _trimmed(context, one.start, one.end)
            if at[0] < at[1]:
                worth[at] = max(one.worth, worth.get(at, -np.inf))
        best = max(worth, key=lambda at: worth[at], default=None)
        ranked = sorted([none, *worth.values()], reverse=True)[: self.best]
        if best is None or none - worth[best] > self.threshold:
            return Guess([], _share(none, ranked))
        start, end = best
        answer = {"text": context[start:end], "start": start}
        return Guess([answer], _share(worth[best], ranked))

    def score(self, gold: Examples, told: Sequence[Any]) -> dict[str, Tally]:
        """Exact match and F1 of words, after the normalisation of the language."""
        from isogloss.task.metrics.answers import answer_scores

        true = [one and [answer["text"] for answer in one] for one in gold.column("answers")]
        guess = [None if one is None else one[0]["text"] if one else "" for one in told]
        found = answer_scores(true, guess, gold.language)
        return {name: found[name] for name in self.measures}


def _spots(examples: Examples, contexts: Sequence[Tokens]) -> tuple[list[_Spot | bool], int]:
    """The tokens of each gold answer, False where it is not known, and how many were widened.

    Raises:
        CorpusError: an answer that is not in the context.
    """
    made: list[_Spot | bool] = []
    widened = 0
    columns = (examples.column(name) for name in ("context", "answers"))
    for row, (text, answers) in enumerate(zip(*columns, strict=True)):
        if not answers:
            made.append(False if answers is None else None)
            continue
        answer, start = answers[0]["text"], answers[0]["start"]
        end = start + len(answer)
        if start < 0 or not answer.strip() or (text or "")[start:end] != answer:
            raise CorpusError(
                f"the answer {answer!r} of example {examples.ids[row]!r} of "
                f"{examples.language} is not at character {start} of its context",
                file=examples.source or None, remedy="count characters from 0, as code points",
            )  # fmt: skip
        start, end = _trimmed(text, start, end)
        spans = contexts[row].spans
        inside = np.flatnonzero((spans[:, 0] < end) & (spans[:, 1] > start))
        made.append((int(inside[0]), int(inside[-1])) if len(inside) else False)
        widened += bool(len(inside)) and _trimmed(
            text, int(spans[inside[0], 0]), int(spans[inside[-1], 1])
        ) != (start, end)
    return made, widened


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A stretch without white space at its ends, which some tokens begin with."""
    inside = text[start:end]
    start += len(inside) - len(inside.lstrip())
    return start, start + len(inside.strip())


def _piece(row: int, before: np.ndarray, context: Tokens, at: slice, spot: _Spot | bool) -> Piece:
    """A question and a stretch of its context; `from` and `to` are characters of the context."""
    size = at.stop - at.start
    columns = {
        "asked": np.repeat([0, 1], [len(before), size]),
        "from": np.concatenate([np.full(len(before), UNKNOWN), context.spans[at, 0]]),
        "to": np.concatenate([np.full(len(before), UNKNOWN), context.spans[at, 1]]),
    }
    places = (UNKNOWN, UNKNOWN) if spot is False else (0, 0)
    if isinstance(spot, tuple) and at.start <= spot[0] and spot[1] < at.stop:
        places = tuple(one - at.start + len(before) for one in spot)
    begin, end = (np.array(place, np.int64) for place in places)
    ids = np.concatenate([before, context.ids[at]])
    return Piece(row, ids, columns, {"begin": begin, "end": end})


def _spans(piece: Piece, logits: np.ndarray, longest: int, best: int) -> Iterator[_Span]:
    """The spans between the likeliest beginnings and ends of a stretch `[t, 2]`.

    Where these make no pair, the likeliest of all that begin and end in it.
    """
    asked = np.flatnonzero(piece.tokens["asked"] == 1)
    likely = [asked[np.argsort(-logits[asked, side], kind="stable")[:best]] for side in (0, 1)]
    pairs = _pairs(*likely, longest) or _pairs(asked, asked, longest)
    worth = [float(logits[first, 0] + logits[last, 1]) for first, last in pairs]
    for at in np.argsort(np.negative(worth), kind="stable")[: best**2]:
        first, last = pairs[at]
        yield _Span(int(piece.tokens["from"][first]), int(piece.tokens["to"][last]), worth[at])


def _pairs(begins: np.ndarray, ends: np.ndarray, longest: int) -> list[tuple[int, int]]:
    return [(one, other) for one, other in itertools.product(begins, ends)
            if 0 <= other - one < longest]  # fmt: skip


def _share(worth: float, ranked: Sequence[float]) -> float:
    """Of one sum of logits among some."""
    if not np.isfinite(worth):
        return 0.0
    return float(1 / np.exp(np.array(ranked) - worth).sum())
