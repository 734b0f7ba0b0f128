"""The step of ZeTT that trains a hypernetwork on a model; `replace_vocabulary.v1` uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field, field_validator

from isogloss.encode import encode_cached
from isogloss.errors import UsageError
from isogloss.match.neighbours import unit
from isogloss.recipe.step import FILES, Step, Workplace
from isogloss.recipe.warm_up import train_warmed_up
from isogloss.registry import register
from isogloss.score import Scores

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from isogloss.encode.folder import ModelFolder

NAME = "hypernetwork"


@register("step", "hypernetwork.v1")
class TrainHypernetwork(Step):
    """Train a hypernetwork that predicts the model's token rows, a head's too, for any tokenizer.

    Texts of all the run's languages are cut by a tokenizer drawn anew each step, the frozen model
    reads them through predicted rows, and its sentence vectors are pulled to those that it gives of
    the same texts cut by its own tokenizer. It is left in `files/<step>/hypernetwork`.

    Attributes:
        text: the corpus; it needs no parallel rows.
        steps: optimiser steps.
        warm_up: steps before, on the model's own tokens alone; of use without `residual`.
        batch: texts in a batch.
        queue: texts that a tokenizer is drawn from.
        vocabulary: least and largest size of drawn tokenizers.
        layers: of the hypernetwork.
        heads: of its attention; they divide the model's width.
        residual: predict what to add to the mean of a token's pieces, or the whole row.
        lexical: weight of the loss that keeps shared tokens at their rows.
        learning_rate: its peak.
        clip: largest gradient norm.
        longest: longer texts, in tokens of the model's own, are not trained on; they are counted.
        threads: CPU threads, a setting because sums depend on it.
        checkpoint_every: steps between checkpoints.

    Source: Minixhofer, Ponti and Vulić (2024), Zero-Shot Tokenizer Transfer, section 3.
    """

    together: ClassVar[bool] = True
    text: str
    steps: int = Field(default=200, ge=1)
    warm_up: int = Field(default=0, ge=0)
    batch: int = Field(default=64, ge=2)
    queue: int = Field(default=1024, ge=2)
    vocabulary: tuple[int, int] = (2_000, 30_000)
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=6, ge=1)
    residual: bool = True
    lexical: float = Field(default=0.5, ge=0)
    learning_rate: float = Field(default=3e-3, gt=0)
    clip: float = Field(default=1.0, ge=0)
    longest: int = Field(default=64, ge=4)
    threads: int = Field(default=2, ge=1)
    checkpoint_every: int = Field(default=50, ge=1)

    @field_validator("vocabulary")
    @classmethod
    def _rising(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 1 <= value[0] <= value[1]:
            raise ValueError("must be the least size, then the largest")
        return value

    def needs(self) -> dict[str, str]:
        """The model and the text."""
        return {"teacher": "teacher", "text": self.text}

    def key_settings(self) -> dict[str, Any]:
        """All but how often a checkpoint is written."""
        return {k: v for k, v in super().key_settings().items() if k != "checkpoint_every"}

    def run(self, place: Workplace) -> None:
        """Warm up, train, save."""
        from isogloss.encode.resolve import find_model
        from isogloss.train.contracts import Lesson
        from isogloss.train.mixtures.sampled_tokenizers import OwnTokens, SampledTokenizers
        from isogloss.train.objectives.distil import Distil
        from isogloss.train.objectives.lexical import Lexical
        from isogloss.train.parameters.hypernetwork import HypernetworkParameters
        from isogloss.vocabulary.surgery import columns, open_model
        from isogloss.vocabulary.trim import untruncated

        opened = open_model(find_model(place.encoder("teacher").name))
        folder, tokenizer = opened.folder, untruncated(opened.tokenizer)
        texts, languages, vectors = self._lessons(place, folder, tokenizer)
        parameters: Any = HypernetworkParameters(
            folder.body, tokenizer, place.seed, columns(opened), layers=self.layers,
            heads=self.heads, residual=self.residual,
        )  # fmt: skip
        mixture = SampledTokenizers(
            texts, languages, vectors, tokenizer, parameters.table, size=self.batch,
            queue=self.queue, vocabulary=self.vocabulary, longest=2 * self.longest,
        )  # fmt: skip
        objectives = [(1.0, Distil()), (self.lexical, Lexical())]
        trained = train_warmed_up(
            self, place, parameters, lambda: OwnTokens(parameters.table),
            [Lesson(mixture, objectives)], warmup=0.1,
        )  # fmt: skip
        model = place.encoder("teacher")
        about = {
            "model": model.name, "model_fingerprint": model.fingerprint, "texts": len(texts),
            "steps": trained.steps, "tokens_by_language": trained.read, "log": trained.log,
            "settings": self.key_settings(),
        }  # fmt: skip
        (place.folder / FILES).mkdir(exist_ok=True)
        parameters.save(place.folder / FILES / NAME, about)
        place.write(Scores())

    def _lessons(
        self, place: Workplace, folder: ModelFolder, tokenizer: Tokenizer
    ) -> tuple[list[str], list[str], np.ndarray]:
        """Texts, the language of each, and the model's vectors `[n, d]` of them."""
        from isogloss.encode.cache import cache_root

        corpus, encoder = place.texts[self.text], place.encoder("teacher")
        tags = [place.pivot, *place.languages]
        advance = place.start("the model reads the text", len(tags))
        texts: list[str] = []
        languages: list[str] = []
        vectors: list[np.ndarray] = []
        for tag in tags:
            column = [t.lower() if t and folder.lower else t for t in corpus.texts(tag)]
            kept, long = _short(column, tokenizer, self.longest)
            if long:
                place.notes.append(
                    f"{long} rows of {tag} over {self.longest} tokens were not trained on"
                )
            if kept:
                read = encode_cached(
                    encoder, kept, language=tag, pooling="mean", strict=place.strict,
                    cache=cache_root(),
                )  # fmt: skip
                found = next(iter(read.values()))
                texts += [kept[i] for i in found.rows]
                languages += [tag] * len(found.rows)
                vectors.append(unit(found.array))
            advance(1)
        if not vectors:
            raise UsageError(f"{self.text}: no row has {self.longest} tokens or fewer")
        return texts, languages, np.concatenate(vectors).astype(np.float32)


def _short(column: list[str | None], tokenizer: Tokenizer, longest: int) -> tuple[list[str], int]:
    """The texts of at most so many tokens, and how many have more."""
    there = [text for text in column if text and text.strip()]
    sizes = [len(one.ids) for one in tokenizer.encode_batch_fast(there, add_special_tokens=False)]
    kept = [text for text, size in zip(there, sizes, strict=True) if 0 < size <= longest]
    return kept, sum(size > longest for size in sizes)
