"""Pixel-Fallback: train a network that reads, as pixels, the words a tokenizer does not cover."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from isogloss import registry
from isogloss.corpus.records import Corpus
from isogloss.encode.fallback_words import Rule
from isogloss.encode.pixels import Drawing, seen_by
from isogloss.errors import ModelError, TrainingError
from isogloss.recipe.step import Step, Workplace
from isogloss.recipe.warm_up import train_warmed_up
from isogloss.registry import register
from isogloss.score import Scores

_UNCOVERED = "say by words = { scripts = [...] } or { pieces = ... } which words are not covered"


@register("step", "pixel_fallback.v1")
class PixelFallback(Step):
    """Words that the model's tokenizer does not cover become one input row each, drawn and read.

    The network is trained on parallel text toward the model's own vectors of the pivot. It begins
    with a warm-up that costs little, since the model has no part in it: each word is pulled toward
    the mean row of its translations, found by IBM Model 1 in the same text. What is saved is the
    model as it was, with the network beside it.

    Attributes:
        text: the parallel corpus.
        words: which words are not covered: `pieces`, `scripts`, `letters`.
        drawn: `pixels`, or `bytes` for the same network over the bytes of words.
        drawing: sizes of patches and letters.
        fonts: files and folders to draw with; by default of the system's those that the text needs.
        freeze: leave the model's own weights as they are.
        width: of the network's hidden states.
        layers: of its transformer.
        heads: of each attention.
        tuning_rows: the last rows of the text, kept out of training to watch it; by default a
            twentieth, at most 300.
        warm_up: steps before, on words alone, toward the rows of their translations.
        steps: optimiser steps.
        batch: sentences in a batch.
        views: languages in a batch beside the pivot.
        learning_rate: its peak.
        clip: largest gradient norm.
        objectives: registered objectives and their weights.
        longest: longer rows, in tokens and drawn words, are not trained on; they are counted.
        threads: CPU threads, a setting because sums depend on it.
        checkpoint_every: steps between checkpoints.
        keep: leave the model in the run's `files/<step>/model`.

    Source: Lotz, Salesky, Rust and Elliott (2025), Overcoming Vocabulary Constraints with
    Pixel-level Fallback. The warm-up is not theirs; it is that of Pinter, Guthrie and Eisenstein
    (2017), MIMICK, with rows that word alignment gives.
    """

    together: ClassVar[bool] = True
    text: str
    words: Rule = Rule()
    drawn: Literal["pixels", "bytes"] = "pixels"
    drawing: Drawing = Drawing()
    fonts: tuple[str, ...] | None = Field(default=None, min_length=1)
    freeze: bool = True
    width: int = Field(default=384, ge=2)
    layers: int = Field(default=1, ge=1)
    heads: int = Field(default=6, ge=1)
    tuning_rows: int | None = Field(default=None, ge=2)
    warm_up: int = Field(default=200, ge=0)
    steps: int = Field(default=100, ge=1)
    batch: int = Field(default=64, ge=2)
    views: int = Field(default=1, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    clip: float = Field(default=1.0, ge=0)
    objectives: dict[str, float] = Field(default={"contrast.v1": 1.0, "distil.v1": 1.0})
    longest: int = Field(default=64, ge=1)
    threads: int = Field(default=2, ge=1)
    checkpoint_every: int = Field(default=100, ge=1)
    keep: bool = False

    @model_validator(mode="after")
    def _fitting(self) -> PixelFallback:
        if self.width % self.heads:
            raise ValueError("heads must divide width")
        if self.drawn == "bytes" and (self.fonts or self.drawing != Drawing()):
            raise ValueError("fonts and drawing are settings of pixels")
        return self

    def needs(self) -> dict[str, str]:
        """The teacher and the text."""
        return {"teacher": "teacher", "text": self.text}

    def key_settings(self) -> dict[str, Any]:
        """All but how often a checkpoint is written, and what draws here."""
        kept = {k: v for k, v in super().key_settings().items() if k != "checkpoint_every"}
        return {**kept, "seen_by": seen_by(self.drawn, self.fonts)}

    def run(self, place: Workplace) -> None:
        """Draw, train, check and save."""
        from isogloss.encode.resolve import find_model
        from isogloss.files import write_json
        from isogloss.recipe.steps import pivot_vectors, watch
        from isogloss.train.contracts import Lesson
        from isogloss.train.mixtures.parallel import ParallelViews
        from isogloss.train.parameters.pixel_fallback import PixelFallbackParameters

        corpus = place.texts[self.text].keep([place.pivot, *place.languages])
        held = self.tuning_rows or min(300, max(2, len(corpus) // 20))
        train_text, tuning = corpus.split(held)
        teacher = place.encoder("teacher")
        folder = find_model(teacher.name)
        if folder.kind != "transformer.v1":
            raise ModelError("a fallback stands beside a transformer", file=folder.path)
        targets = pivot_vectors(teacher, train_text, place)
        parameters: Any = PixelFallbackParameters(
            folder, self.words, self._renderer(train_text, place), place.seed, self.freeze,
            width=self.width, layers=self.layers, heads=self.heads,
        )  # fmt: skip
        tokens = self._tokens(parameters, train_text, place)
        first = parameters.tokenizer.first
        pivot_changes = not self.freeze or any(
            (ids >= first).any() for ids in tokens[place.pivot] if ids is not None
        )
        mixture = ParallelViews(
            tokens, targets, place.pivot, size=self.batch, views=self.views + 1, drop=0.0,
            with_pivot=pivot_changes,
        )  # fmt: skip
        objectives = [(w, registry.get("objective", name)()) for name, w in self.objectives.items()]
        trained = train_warmed_up(
            self, place, parameters, lambda: self._words(parameters, train_text, place),
            [Lesson(mixture, objectives)],
        )  # fmt: skip
        about = {
            "parameters": "pixel_fallback.v1", "drawn": self.drawn, "objectives": self.objectives,
            "steps": trained.steps, "sentences": len(train_text), "tuning_sentences": len(tuning),
            "final_loss": trained.final_loss, "tokens_by_language": trained.read,
            "log": trained.log, "words": len(parameters.tokenizer.words),
            "teacher": teacher.name, "teacher_fingerprint": teacher.fingerprint,
        }  # fmt: skip
        model = place.folder / "model"
        model.mkdir()
        parameters.save(model, about)
        if self.keep:
            place.keep_model()
        place.done[self.name] = place.folder
        watched = watch(place.encoder(self.name), tuning, place)
        place.encoders.pop(self.name)
        write_json(place.folder / "training.json", {**about, "tuning_p1": watched})
        place.write(Scores())

    def _renderer(self, corpus: Corpus, place: Workplace) -> Any:
        from isogloss.encode.pixels import Pixels, make_renderer

        if self.drawn == "bytes":
            return make_renderer("bytes", ())
        texts = (t for tag in corpus.languages for t in corpus.texts(tag) if t is not None)
        made = make_renderer("pixels", texts, fonts=self.fonts, **self.drawing.model_dump())
        if isinstance(made, Pixels):
            fonts = ", ".join(font.path.name for font in made.fonts)
            place.notes += [f"{self.name}: words are drawn with {fonts}", *made.notes]
        return made

    def _tokens(self, parameters: Any, corpus: Corpus, place: Workplace) -> dict[str, Any]:
        """Ids of every row; what is covered, drawn and left out is told for each language."""
        tokens: dict[str, Any] = {}
        for tag in map(str, corpus.languages):
            texts = corpus.texts(tag)
            there = [text for text in texts if text is not None]
            tokens[tag] = parameters.read(texts, self.longest)
            left = len(there) - sum(ids is not None for ids in tokens[tag])
            told = f"{self.name}: {tag}: {parameters.tokenizer.coverage(there)}"
            if left:
                told += f"; {left} rows are empty or over {self.longest} tokens: not trained on"
            place.notes.append(told)
        if not parameters.tokenizer.words:
            raise TrainingError(
                "no word of the text is drawn, so there is nothing to learn", remedy=_UNCOVERED
            )
        return tokens

    def _words(self, parameters: Any, corpus: Corpus, place: Workplace) -> Any:
        """The drawn words that have translations, and the rows of these."""
        from isogloss.recipe.students import translated_rows
        from isogloss.train.mixtures.word_rows import WordRows

        tokenizer = parameters.tokenizer
        own = tokenizer.reader().tokenizer
        table = parameters.module.body.get_input_embeddings().weight.detach().numpy()
        cut = {
            str(tag): [None if t is None else tokenizer.cut(t) for t in corpus.texts(tag)]
            for tag in corpus.languages
        }
        gold: dict[str, list[np.ndarray]] = {}
        for tag in place.languages:
            met = {w for s in cut[tag] if s for w in s if w in tokenizer.words}
            found = translated_rows(sorted(met), cut[tag], cut[place.pivot], own, table)
            for word, row in found.items():
                gold.setdefault(word, []).append(row)
        if len(gold) < 2:
            raise TrainingError(
                "fewer than 2 words to draw have translations in this text",
                remedy=f"give more text, or set warm_up = 0; or {_UNCOVERED}",
            )
        numbers = np.array([tokenizer.words[word] for word in gold], np.int64)
        rows = np.stack([np.mean(rows, axis=0) for rows in gold.values()]).astype(np.float32)
        place.notes.append(
            f"{self.name}: {len(gold):,} of {len(tokenizer.words):,} drawn words begin toward the "
            "rows of their translations"
        )
        return WordRows(numbers, rows)


def told_of(encoder: Any, corpus: Corpus, languages: list[str]) -> list[str]:
    """What a model with a fallback has to tell of the words of a text."""
    if not hasattr(encoder, "coverage"):
        return []
    return [
        f"{encoder.name} reads {corpus.name}, {tag}: {encoder.coverage(corpus.texts(tag))}"
        for tag in languages
    ]
