"""One label a text, or a pair of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isogloss.errors import CorpusError
from isogloss.registry import register
from isogloss.task.contracts import Cut, Guess, Piece, Tally
from isogloss.task.examples import TEXT, Examples
from isogloss.train.batch import UNKNOWN

if TYPE_CHECKING:
    from isogloss.task.cutting import Cutter


@register("task", "classify.v1")
@dataclass(frozen=True, kw_only=True)
class ClassifyTask:
    """Which of some classes a text has, or a text beside a second one.

    A linear head over the mean of the last states; two texts are read at once with the model's own
    special tokens between them. A text that is too long is cut at its end, the longer of two first.

    Source: as in Devlin et al. (2019), BERT, section 4.1, over means instead of the first state.

    Attributes:
        factor: of the head's learning rate, over that of the model.
    """

    shape: ClassVar = TEXT
    measures: ClassVar = ("accuracy", "macro_f1")
    factor: float = 10.0

    def classes(self, examples: Sequence[Examples]) -> dict[str, list[str]]:
        """The labels of training data in the order of their names."""
        found = {label for one in examples for label in one.column("label")} - {None}
        if len(found) < 2:
            raise CorpusError(
                f"{len(found)} kind of label", file=examples[0].source or None,
                remedy="give examples of at least two",
            )  # fmt: skip
        return {"label": sorted(found)}

    def cut(self, examples: Examples, cutter: Cutter, classes: Mapping[str, Sequence[str]]) -> Cut:
        """A piece an example."""
        number = {name: place for place, name in enumerate(classes["label"])}
        labels = numbered(examples, "label", number)
        first = cutter.texts([text or "" for text in examples.column("text")])
        others = examples.column("second")
        second = cutter.texts([text or "" for text in others]) if any(others) else None
        pieces, truncated = [], 0
        for row, label in enumerate(labels):
            if not len(first[row].ids):
                continue
            ids = [first[row].ids]
            if second is not None:
                ids = [*fitted(ids[0], second[row].ids, cutter.longest - len(cutter.between))]
                ids.insert(1, cutter.between)
            whole = np.concatenate(ids)
            full = len(first[row].ids) + (len(second[row].ids) if second else 0)
            truncated += full > cutter.longest - (len(cutter.between) if second else 0)
            pieces.append(Piece(row, whole[: cutter.longest], row={"label": np.array(label)}))
        return Cut(pieces, {"no text": len(examples) - len(pieces)}, truncated)

    def head(self, classes: Mapping[str, Sequence[str]], seed: int) -> Any:
        """`classify.v1` of training."""
        from isogloss.train.objectives.classify import Classify

        return Classify(classes=len(classes["label"]), factor=self.factor, seed=seed)

    def join(
        self, examples: Examples, pieces: Sequence[Piece], found: Sequence[Any],
        classes: Mapping[str, Sequence[str]],
    ) -> list[Guess | None]:  # fmt: skip
        """The likeliest label of each text."""
        told: list[Guess | None] = [None] * len(examples)
        for piece, shares in zip(pieces, found, strict=True):
            told[piece.example] = Guess(classes["label"][int(np.argmax(shares))], shares)
        return told

    def score(self, gold: Examples, told: Sequence[Any]) -> dict[str, Tally]:
        """Accuracy and macro F1."""
        from isogloss.task.metrics.labels import accuracy, macro_f1

        labels = gold.column("label")
        return {"accuracy": accuracy(labels, told), "macro_f1": macro_f1(labels, told)}


def numbered(examples: Examples, column: str, number: Mapping[str, int]) -> list[int]:
    """The number of the label of each row, `UNKNOWN` where there is none.

    Raises:
        CorpusError: a label that training has not seen.
    """
    labels = examples.column(column)
    if new := sorted({label for label in labels if label is not None} - set(number)):
        row = next(i for i, label in enumerate(labels) if label == new[0])
        raise CorpusError(
            f"example {examples.ids[row]!r} of {examples.language} has the label {new[0]!r}, which "
            f"is none of {', '.join(number)}",
            file=examples.source or None,
            remedy="spell labels alike in all languages, or train on text that has it",
        )
    return [UNKNOWN if label is None else number[label] for label in labels]


def fitted(first: np.ndarray, second: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Two texts of together at most `longest` tokens, cut from the end of the longer one."""
    over = len(first) + len(second) - longest
    if over <= 0:
        return first, second
    least = min(len(first), len(second), longest // 2)
    if len(first) > len(second):
        return first[: longest - least], second[:least]
    return first[:least], second[: longest - least]
