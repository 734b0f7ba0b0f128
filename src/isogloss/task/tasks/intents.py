"""An intent of a text and slots among its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from isogloss.registry import register
from isogloss.task.contracts import Cut, Guess, Piece, Tally
from isogloss.task.examples import INTENTS, Examples
from isogloss.task.tasks.classify import ClassifyTask, numbered
from isogloss.task.tasks.tag import EntityTask

if TYPE_CHECKING:
    from isogloss.task.cutting import Cutter

_LABELS, _TAGS = ClassifyTask(), EntityTask()


@register("task", "intents.v1")
@dataclass(frozen=True, kw_only=True)
class IntentsTask:
    """What somebody wants, and with what: a class of a text and tags of its words in BIO.

    Both are learned at once, by the heads of `classify.v1` and `tag.v1` on one body. Of a text over
    the window every stretch is taught the intent, and the mean of what they tell is told.

    Source: Chen, Zhuo and Wang (2019), BERT for Joint Intent Classification and Slot Filling.

    Attributes:
        factor: of the heads' learning rate, over that of the model.
    """

    shape: ClassVar = INTENTS
    measures: ClassVar = ("exact", "intent_accuracy", "slot_f1")
    factor: float = 10.0

    def classes(self, examples: Sequence[Examples]) -> dict[str, list[str]]:
        """Intents and tags of training data in the order of their names."""
        return {**_LABELS.classes(examples), **_TAGS.classes(examples)}

    def check(self, gold: Examples) -> None:
        """Refuse tags that spell no span."""
        _TAGS.check(gold)

    def cut(self, examples: Examples, cutter: Cutter, classes: Mapping[str, Sequence[str]]) -> Cut:
        """Stretches of texts, with the intent and the tags of words."""
        number = {name: place for place, name in enumerate(classes["label"])}
        labels = [np.array(label) for label in numbered(examples, "label", number)]
        cut = _TAGS.cut(examples, cutter, classes)
        pieces = [piece._replace(row={"label": labels[piece.example]}) for piece in cut.pieces]
        return cut._replace(pieces=pieces)

    def head(self, classes: Mapping[str, Sequence[str]], seed: int) -> Any:
        """`intents.v1` of training."""
        from isogloss.train.objectives.intents import Intents

        return Intents(
            classes=len(classes["label"]), tags=len(classes["tag"]), factor=self.factor, seed=seed
        )

    def join(
        self, examples: Examples, pieces: Sequence[Piece], found: Sequence[Any],
        classes: Mapping[str, Sequence[str]],
    ) -> list[Guess | None]:  # fmt: skip
        """The likeliest intent and tags; how sure: the shares of the intent."""
        words = _TAGS.join(examples, pieces, [one["tag"] for one in found], classes)
        shares: dict[int, list[np.ndarray]] = {}
        for piece, one in zip(pieces, found, strict=True):
            shares.setdefault(piece.example, []).append(one["label"])
        told: list[Guess | None] = [None] * len(examples)
        for row, every in shares.items():
            mean, tags = np.mean(every, axis=0), words[row]
            assert tags is not None
            label = classes["label"][int(mean.argmax())]
            told[row] = Guess({"tags": tags.value, "label": label}, mean)
        return told

    def score(self, gold: Examples, told: Sequence[Any]) -> dict[str, Tally]:
        """Both right, the intent right, and F1 of slots as in seqeval."""
        from isogloss.task.metrics.labels import accuracy
        from isogloss.task.metrics.spans import span_scores

        labels, tags = gold.column("label"), gold.column("tags")
        both = list(zip(labels, map(_row, tags), strict=True))
        label = [one and one["label"] for one in told]
        slots = [one and one["tags"] for one in told]
        whole = [one and (one["label"], _row(one["tags"])) for one in told]
        return {
            "exact": accuracy(both, whole),
            "intent_accuracy": accuracy(labels, label),
            "slot_f1": span_scores(tags, slots)["f1"],
        }


def _row(tags: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if tags is None else tuple(tags)
