"""The step that measures how often a head, trained beside a model, tells a text's label."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, FilePath

from isogloss.errors import TrainingError
from isogloss.files import sha256_file
from isogloss.language import resolve
from isogloss.measure.measured import item_key
from isogloss.recipe.step import FILES, Step, Workplace
from isogloss.registry import register
from isogloss.score import Score, Scores, bootstrap_mean

MEASURE = "label_accuracy"


@register("step", "label_accuracy.v1")
class LabelAccuracy(Step):
    """The share of texts whose label a head of `classify.v1` tells, in each language of a text.

    The head may have been trained beside another model than the one that is measured, as where
    modules of another language have taken the place of those that it was trained with.

    Attributes:
        model: `teacher`, or an earlier step that made a model.
        head: the step `train.v1` with the objective `classify.v1`.
        lesson: which of its heads, counted from 1.
        text: the corpus.
        labels: a TSV with a header, a row id and its label a line; other rows are not measured.
        key: the column of ids.
        value: the column of labels.
        languages: of the run, that are measured, the pivot too only if it is named; all of them
            and the pivot by default.
        stage: written beside each score: before, after, or nothing.
    """

    alone: ClassVar[bool] = True
    model: str
    head: str
    lesson: int = Field(default=1, ge=1)
    text: str
    labels: FilePath
    key: str = "id"
    value: str = "label"
    languages: tuple[str, ...] | None = Field(default=None, min_length=1)
    stage: Literal["before", "after"] | None = None

    def needs(self) -> dict[str, str]:
        """The model, the step that has the head, and the text."""
        return {"model": self.model, "head": self.head, "text": self.text}

    def key_settings(self) -> dict[str, Any]:
        """The labels by their content."""
        return {**super().key_settings(), "labels": sha256_file(self.labels)}

    def check(self, earlier: Mapping[str, Step]) -> list[str]:
        """`head` must be a step that trains."""
        step = earlier.get(self.head)
        return [] if step is None or step.use == "train.v1" else [
            f"head: {step.name!r} is a {step.use}, not a train.v1"
        ]  # fmt: skip

    def run(self, place: Workplace) -> None:
        """Encode the labelled rows and ask the head.

        Raises:
            TrainingError: the step left no such head, or no row has a label that it tells.
        """
        from isogloss.train.mixtures.labelled import read_labels

        weights, names = self._head(place)
        known = read_labels(self.labels, self.key, self.value)
        number = {name: i for i, name in enumerate(names)}
        corpus, encoder = place.texts[self.text], place.encoder(self.model)
        tags = [place.pivot, *place.languages]
        if self.languages:
            tags = [str(tag) for tag in resolve(list(self.languages), list(corpus.languages))]
        rows: list[Score] = []
        items: dict[str, np.ndarray] = {}
        for tag in tags:
            texts = corpus.texts(tag)
            there = [i for i, text in enumerate(texts)
                     if text is not None and known.get(corpus.ids[i]) in number]  # fmt: skip
            if len(there) < 2:
                raise TrainingError(
                    f"{self.text}: fewer than 2 rows of {tag} have a label that the head tells",
                    remedy="check that the ids are those of the text",
                )
            read = encoder.encode([texts[i] for i in there], language=tag)
            told = next(reversed(read.values())).array @ weights["weight"].T + weights["bias"]
            gold = np.array([number[known[corpus.ids[i]]] for i in there])
            right = (told.argmax(1) == gold).astype(float)
            interval = bootstrap_mean(right, seed=place.seed)[0]
            rows.append(
                Score(
                    measure=MEASURE, value=interval.value, low=interval.low, high=interval.high,
                    interval="bootstrap over texts", n=len(there), language=tag, stage=self.stage,
                    system=encoder.name, dataset=corpus.name, seed=place.seed,
                    dropped={"no label or no text": len(texts) - len(there)},
                    settings={"majority": float(np.bincount(gold).max() / len(gold))},
                )
            )  # fmt: skip
            items[item_key(rows[-1])] = right
        place.write(Scores(rows), items)

    def _head(self, place: Workplace) -> tuple[dict[str, np.ndarray], list[str]]:
        from safetensors.numpy import load_file

        folder = place.done[self.head] / FILES / "heads" / str(self.lesson)
        file = folder / "head.json"
        about = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        if about.get("reads") != "vectors":
            raise TrainingError(
                f"{self.head} left no head {self.lesson} that reads vectors",
                remedy="name a train.v1 with the objective classify.v1",
            )
        return load_file(folder / "head.safetensors"), about["classes"]
