"""Any number of labels a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isogloss.errors import CorpusError
from isogloss.registry import register
from isogloss.task.contracts import Cut, Guess, Piece, Tally
from isogloss.task.examples import TEXTS, Examples
from isogloss.train.batch import UNKNOWN

if TYPE_CHECKING:
    from isogloss.task.cutting import Cutter


@register("task", "texts.v1")
@dataclass(frozen=True, kw_only=True)
class TextsTask:
    """Which of some labels a text has, each told by itself: none, some or all.

    A text that is too long is cut at its end.

    Source: Nam et al. (2014), Large-scale Multi-label Text Classification, section 3, for the loss;
    Devlin et al. (2019), BERT, section 4.1, for the model.

    Attributes:
        threshold: how likely a label must be to be told.
        factor: of the head's learning rate, over that of the model.
    """

    shape: ClassVar = TEXTS
    measures: ClassVar = ("micro_f1", "macro_f1", "exact")
    threshold: float = 0.5
    factor: float = 10.0

    def classes(self, examples: Sequence[Examples]) -> dict[str, list[str]]:
        """The labels of training data in the order of their names."""
        rows = (row for one in examples for row in one.column("labels") if row)
        found = {label for row in rows for label in row}
        if not found:
            raise CorpusError(
                "no text has a label", file=examples[0].source or None,
                remedy="give examples of at least one",
            )  # fmt: skip
        return {"labels": sorted(found)}

    def cut(self, examples: Examples, cutter: Cutter, classes: Mapping[str, Sequence[str]]) -> Cut:
        """A piece an example."""
        labels = _numbered(examples, classes["labels"])
        read = cutter.texts([text or "" for text in examples.column("text")])
        pieces = [
            Piece(row, one.ids[: cutter.longest], row={"labels": labels[row]})
            for row, one in enumerate(read)
            if len(one.ids)
        ]
        truncated = sum(len(one.ids) > cutter.longest for one in read)
        return Cut(pieces, {"no text": len(examples) - len(pieces)}, truncated)

    def head(self, classes: Mapping[str, Sequence[str]], seed: int) -> Any:
        """`labels.v1` of training."""
        from isogloss.train.objectives.labels import Labels

        return Labels(classes=len(classes["labels"]), factor=self.factor, seed=seed)

    def join(
        self, examples: Examples, pieces: Sequence[Piece], found: Sequence[Any],
        classes: Mapping[str, Sequence[str]],
    ) -> list[Guess | None]:  # fmt: skip
        """The labels of each text that are likelier than the threshold, in their order."""
        told: list[Guess | None] = [None] * len(examples)
        names = np.array(classes["labels"])
        for piece, likely in zip(pieces, found, strict=True):
            there = names[np.asarray(likely) > self.threshold].tolist()
            told[piece.example] = Guess(there, np.stack([1 - likely, likely], 1))
        return told

    def score(self, gold: Examples, told: Sequence[Any]) -> dict[str, Tally]:
        """F1 of all labels together, its mean over labels, and texts with all of theirs right."""
        from isogloss.task.metrics.labels import macro_f1_of_sets, micro_f1_of_sets, same_sets

        labels = gold.column("labels")
        return {
            "micro_f1": micro_f1_of_sets(labels, told),
            "macro_f1": macro_f1_of_sets(labels, told),
            "exact": same_sets(labels, told),
        }


def _numbered(examples: Examples, names: Sequence[str]) -> np.ndarray:
    """Which labels each row has `[n, labels]`, 0 or 1, `UNKNOWN` where that is not known.

    Raises:
        CorpusError: a label that training has not seen.
    """
    made = np.zeros((len(examples), len(names)), np.int64)
    number = {name: place for place, name in enumerate(names)}
    for row, labels in enumerate(examples.column("labels")):
        if labels is None:
            made[row] = UNKNOWN
            continue
        if new := sorted(set(labels) - set(number)):
            raise CorpusError(
                f"example {examples.ids[row]!r} of {examples.language} has the label {new[0]!r}, "
                f"which is none of {', '.join(names)}", file=examples.source or None,
                remedy="spell labels alike in all languages, or train on text that has it",
            )  # fmt: skip
        made[row, [number[label] for label in labels]] = 1
    return made
