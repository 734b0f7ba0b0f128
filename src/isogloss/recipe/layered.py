"""What steps share that measure a model on a text, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from isogloss.encode import encode_cached
from isogloss.encode.vectors import Vectors
from isogloss.measure.languages import layer_numbers
from isogloss.recipe.step import Step, Workplace


class Layered(Step):
    """Base of such steps.

    Attributes:
        model: `teacher`, or the name of a step that made a model.
        text: the corpus.
        layers: `all`, `last` or a list of layers.
        stage: written beside each score: before, after, or nothing.
    """

    model: str = "teacher"
    text: str
    layers: Literal["all", "last"] | tuple[int, ...] = "last"
    stage: Literal["before", "after"] | None = None

    def needs(self) -> dict[str, str]:
        """The model and the text."""
        return {"model": self.model, "text": self.text}

    def numbers(self, place: Workplace) -> list[int]:
        """The layers that are measured."""
        return layer_numbers(place.encoder(self.model), self.layers)

    def about(self, place: Workplace) -> dict[str, Any]:
        """Columns of every row."""
        encoder, corpus = place.encoder(self.model), place.texts[self.text]
        return {
            "system": encoder.name, "dataset": corpus.name, "seed": place.seed,
            "stage": self.stage,
            "model_fingerprint": encoder.fingerprint, "corpus_fingerprint": corpus.fingerprint,
        }  # fmt: skip


class Pooled(Layered):
    """Base of steps that measure sentence vectors.

    Attributes:
        pooling: how token vectors become one; the model's own way by default.
    """

    pooling: str | None = None

    def read(
        self, place: Workplace, texts: list[str | None], language: str, layers: list[int]
    ) -> dict[int, Vectors]:
        """Vectors of texts at these layers, from the cache where they lie there."""
        from isogloss.encode.cache import cache_root

        return encode_cached(
            place.encoder(self.model), texts, language=language, layers=layers,
            pooling=self.pooling, strict=place.strict, cache=cache_root(),
        )  # fmt: skip

    def by_layer(self, place: Workplace) -> Iterator[tuple[int, dict[str, Vectors]]]:
        """Each layer with the vectors of the pivot and all languages, which are in memory alone."""
        corpus, layers = place.texts[self.text], self.numbers(place)
        tags = [place.pivot, *place.languages]
        advance = place.start(f"{self.name}: read", len(tags))
        for tag in tags:  # one pass for all layers; what the cache keeps is read again below
            self.read(place, corpus.texts(tag), tag, layers)
            advance(1)
        for layer in layers:
            yield (
                layer,
                {tag: self.read(place, corpus.texts(tag), tag, [layer])[layer] for tag in tags},
            )

    def about(self, place: Workplace) -> dict[str, Any]:
        """Columns of every row."""
        pooling = self.pooling or place.encoder(self.model).pooling
        return {**super().about(place), "pooling": pooling}
