"""Which of several texts follows a text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isogloss.errors import CorpusError
from isogloss.registry import register
from isogloss.task.contracts import Cut, Guess, Piece, Tally
from isogloss.task.examples import CHOICES, Examples
from isogloss.task.tasks.classify import fitted
from isogloss.train.batch import UNKNOWN

if TYPE_CHECKING:
    from isogloss.task.cutting import Cutter


@register("task", "choices.v1")
@dataclass(frozen=True, kw_only=True)
class ChooseTask:
    """The right one of several choices, by a head over the text read with each of them.

    Text and choice are read at once with the model's own special tokens between them; the shares
    are a softmax over the choices of an example, of which there may be any number. What is too long
    is cut at its end, the longer of the two first. A model with a language head of its own tells
    choices without being taught, see `task.choosing`.

    Attributes:
        factor: of the head's learning rate, over that of the model.
    """

    shape: ClassVar = CHOICES
    measures: ClassVar = ("accuracy",)
    factor: float = 10.0

    def check(self, gold: Examples) -> None:
        """Refuse a label that is the place of no choice: it could only be told wrong."""
        readable(gold)

    def classes(self, examples: Sequence[Examples]) -> dict[str, list[str]]:
        """None: what is told is a place among the choices of an example."""
        return {}

    def cut(self, examples: Examples, cutter: Cutter, classes: Mapping[str, Sequence[str]]) -> Cut:
        """A piece an example, with a text for each choice."""
        rows, dropped = readable(examples)
        texts, choices = examples.column("text"), examples.column("choices")
        labels, between = examples.column("label"), cutter.between
        heads = cutter.texts([texts[row] for row in rows])
        tails = iter(cutter.texts([one for row in rows for one in choices[row]]))
        pieces, truncated, room = [], 0, cutter.longest - len(between)
        for row, head in zip(rows, heads, strict=True):
            own = [next(tails).ids for _ in choices[row]]
            sides = [fitted(head.ids, tail, room) for tail in own]
            truncated += any(len(head.ids) + len(tail) > room for tail in own)
            first, *more = (np.concatenate([one, between, other]) for one, other in sides)
            label = UNKNOWN if labels[row] is None else labels[row]
            told = {"label": np.array(label), "choices": np.array(len(own))}
            pieces.append(Piece(row, first, row=told, more=more))
        return Cut(pieces, dropped, truncated)

    def head(self, classes: Mapping[str, Sequence[str]], seed: int) -> Any:
        """`choose.v1` of training."""
        from isogloss.train.objectives.choose import Choose

        return Choose(factor=self.factor, seed=seed)

    def join(
        self, examples: Examples, pieces: Sequence[Piece], found: Sequence[Any],
        classes: Mapping[str, Sequence[str]],
    ) -> list[Guess | None]:  # fmt: skip
        """The place of the likeliest choice of each example."""
        told: list[Guess | None] = [None] * len(examples)
        for piece, shares in zip(pieces, found, strict=True):
            told[piece.example] = Guess(int(np.argmax(shares)), shares)
        return told

    def score(self, gold: Examples, told: Sequence[Any]) -> dict[str, Tally]:
        """The share of examples whose right choice is told."""
        from isogloss.task.metrics.labels import accuracy

        return {"accuracy": accuracy(gold.column("label"), told)}


def readable(examples: Examples) -> tuple[list[int], dict[str, int]]:
    """Rows that have a text and two choices or more, and the others by reason.

    Raises:
        CorpusError: a label is the place of no choice.
    """
    rows, dropped = [], Counter[str]()
    columns = (examples.column(name) for name in ("text", "choices", "label"))
    for row, (text, choices, label) in enumerate(zip(*columns, strict=True)):
        count = len(choices or ())
        if label is not None and not 0 <= label < count:
            raise CorpusError(
                f"example {examples.ids[row]!r} of {examples.language} has the label {label} and "
                f"{count} choices, counted from 0",
                file=examples.source or None, remedy="give the place of the right choice",
            )  # fmt: skip
        if text is None or count < 2:
            dropped["no text" if text is None else "fewer than two choices"] += 1
        elif not all((one or "").strip() for one in choices):
            dropped["a choice without text"] += 1
        else:
            rows.append(row)
    return rows, dict(dropped)
