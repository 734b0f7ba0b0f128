"""A step that makes or reads word vectors of every language, for steps that work on words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from isogloss.encode.protocol import Encoder
from isogloss.encode.word_vectors import WordVectors, read_word_vectors, write_word_vectors
from isogloss.errors import CorpusError, UnknownLanguage, UsageError
from isogloss.files import sha256_file
from isogloss.language import read_language, resolve
from isogloss.match.word_alignment import mean_words
from isogloss.measure.languages import layer_numbers
from isogloss.recipe.spaces import LIMIT, read_side, told
from isogloss.recipe.step import FILES, Step, Workplace
from isogloss.recipe.word_alignment import corpus_words
from isogloss.registry import register
from isogloss.score import Scores
from isogloss.space.compass import Training, train_compass

SENTENCES = 1024  # whose token vectors are in memory together


@register("step", "word_vectors.v1")
class MakeWordVectors(Step):
    """Word vectors of the pivot and of every language, for later steps and to keep.

    They lie in the run's folder, `files/<step>/<language>.npz`, most frequent words first.

    Attributes:
        text: whose words get vectors, in lower case.
        source: `model`, the mean of a word's tokens over all its places in the text; `skipgram`,
            trained on each language's own sentences; `files`, vectors that are there already.
        model: `teacher`, or the name of a step that made a model.
        layer: of the model; the last by default.
        least: times that a word must occur in the text.
        width: of skip-gram vectors.
        epochs: of skip-gram.
        files: language to file, of any format that `read_word_vectors` knows.
        limit: words of a language; rarer ones are left out and counted.
    """

    text: str | None = None
    source: Literal["model", "skipgram", "files"] = "model"
    model: str = "teacher"
    layer: int | None = None
    least: int = Field(default=1, ge=1)
    width: int = Field(default=100, ge=1)
    epochs: int = Field(default=5, ge=1)
    files: dict[str, str] = Field(default={})
    limit: int = Field(default=LIMIT, ge=2)

    @field_validator("files")
    @classmethod
    def _there(cls, files: dict[str, str]) -> dict[str, str]:
        if absent := [file for file in files.values() if not Path(file).is_file()]:
            raise ValueError(f"there is no file {', '.join(absent)}")
        return files

    @model_validator(mode="after")
    def _one_source(self) -> MakeWordVectors:
        of_files = self.source == "files"
        if bool(self.files) != of_files or (self.text is None) != of_files:
            raise ValueError(
                "source 'files' needs `files` and no text; any other needs a text and no `files`"
            )
        return self

    def needs(self) -> dict[str, str]:
        """The text and the model, where vectors come from them."""
        wanted = {"text": self.text, "model": self.model if self.source == "model" else None}
        return {field: name for field, name in wanted.items() if name}

    def key_settings(self) -> dict[str, Any]:
        """Settings with the content of files."""
        content = {tag: sha256_file(file) for tag, file in self.files.items()}
        return {**super().key_settings(), "files": content}

    def run(self, place: Workplace) -> None:
        """Make or read, and write, language by language."""
        tags = [place.pivot, *place.languages]
        files = self._files(tags)
        advance = place.start(f"{self.name}: word vectors", len(tags))
        for tag in tags:
            if self.source == "files":
                words, array = self._read(files[tag], place)
            else:
                words, array = self._make(tag, place)
            if len(words) > self.limit:
                rarer = len(words) - self.limit
                place.notes.append(f"{self.name}, {tag}: {rarer:,} rarer words left out")
            file = place.folder / FILES / f"{tag}.npz"
            write_word_vectors(file, words[: self.limit], array[: self.limit])
            advance(1)
        place.write(Scores())

    def _read(self, file: str, place: Workplace) -> tuple[Sequence[str], np.ndarray]:
        side = read_side(file, limit=self.limit)
        place.notes.append(f"{self.name}: {told(side)}")
        return side.words, side.array

    def _make(self, tag: str, place: Workplace) -> tuple[Sequence[str], np.ndarray]:
        corpus = place.texts[str(self.text)]
        sentences = corpus_words(corpus, tag)
        if self.source == "skipgram":
            training = Training(
                width=self.width, epochs=self.epochs, min_count=self.least, seed=place.seed
            )
            made = train_compass([sentences], training)
            return made.words, made.vectors
        encoder = place.encoder(self.model)
        [layer] = layer_numbers(encoder, "last" if self.layer is None else (self.layer,))
        words, array = mean_occurrences(encoder, sentences, layer=layer, least=self.least)
        counts = Counter(word for sentence in sentences for word in sentence)
        often = sum(n >= self.least for n in counts.values())
        if len(words) < 2:
            raise CorpusError(
                f"{often} words of {tag} occur {self.least} times, {len(words)} of them have a "
                "vector; 2 are needed",
                file=corpus.source, remedy="set a smaller `least`, or give more text",
            )  # fmt: skip
        left = {
            f"that occur less than {self.least} times": len(counts) - often,
            "without a token": often - len(words),
        }
        place.notes += [
            f"{self.name}, {tag}: {n:,} words {why} left out" for why, n in left.items() if n
        ]
        return words, array

    def _files(self, tags: list[str]) -> dict[str, str]:
        """The file of each language of the run.

        Raises:
            UsageError: a language without one.
        """
        there = {read_language(tag): file for tag, file in self.files.items()}
        found, missing = {}, []
        for tag in tags:
            try:
                [language] = resolve([tag], there)
            except UnknownLanguage:
                missing.append(tag)
            else:
                found[tag] = there[language]
        if self.files and missing:
            raise UsageError(
                f"{self.name}: no file of word vectors for {', '.join(missing)}",
                remedy="name one in `files`, or leave the language out of the recipe",
            )
        return found


def read_made(place: Workplace, step: str) -> dict[str, WordVectors]:
    """The word vectors that a step left, by language, the pivot first."""
    folder = place.done[step] / FILES
    return {
        tag: read_word_vectors(folder / f"{tag}.npz") for tag in (place.pivot, *place.languages)
    }


def mean_occurrences(
    encoder: Encoder, sentences: Sequence[Sequence[str]], *, layer: int, least: int = 1
) -> tuple[list[str], np.ndarray]:
    """Words by falling frequency and the mean of each one's vectors in all its sentences `[n, d]`.

    Words that occur less often, and those without a token, are not among them.
    """
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word, n in counts.most_common() if n >= least]
    at = {word: i for i, word in enumerate(words)}
    times, total = np.zeros(len(words)), None
    for start in range(0, len(sentences), SENTENCES):
        part = sentences[start : start + SENTENCES]
        made = mean_words(encoder.encode_words(part, layers=[layer])[layer])
        asked = zip(made.sentences, made.words, strict=True)
        rows = np.array([at.get(part[i][j], -1) for i, j in asked], np.int64)
        kept = rows >= 0
        if total is None:
            total = np.zeros((len(words), made.array.shape[1]), np.float32)
        np.add.at(total, rows[kept], made.array[kept])
        times += np.bincount(rows[kept], minlength=len(words))
    if total is None:
        return [], np.empty((0, 0), np.float32)
    there = (times > 0) & total.any(1)
    array = total[there] / times[there, None].astype(np.float32)
    return [word for word, keep in zip(words, there, strict=True) if keep], array
