"""A step that clusters the words of two languages into concepts and seeks each one's partner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from isogloss.corpus.records import Corpus
from isogloss.encode.protocol import Encoder
from isogloss.match.clusters import kmeans, tree
from isogloss.match.translation_table import sharpen, translation_tables
from isogloss.match.word_means import word_means
from isogloss.measure.concepts import concept_alignment, concept_overlap
from isogloss.recipe.layered import Layered
from isogloss.recipe.step import Workplace
from isogloss.recipe.word_alignment import corpus_text, corpus_words
from isogloss.registry import register
from isogloss.score import Score, Scores

Entries = set[tuple[str, str]]
Kind = Literal["table", "entries"]
LIKELY = 0.1  # share of a word's translations from which one is an entry


class Words(NamedTuple):
    """The words of a language in context.

    Attributes:
        language: canonical tag.
        words: `[n]` in lower case, one an occurrence.
        vectors: layer to `[n, d]`, the mean of each one's tokens.
    """

    language: str
    words: list[str]
    vectors: dict[int, np.ndarray]


@register("step", "concepts.v1")
class Concepts(Layered):
    """Do the clusters of one language's words in context have partners in another's?

    Each language is clustered alone for `concept_alignment`, to the pivot and back, and together
    with the pivot, as many words of each, for `concept_overlap`.

    Attributes:
        clusters: concepts of one language, and of a language and the pivot together.
        clustering: `kmeans`, or `tree` for a few thousand words.
        dictionary: `table`, the likely translations that sentence pairs show; `entries`, the pairs
            of which both sides are one word.
        dictionary_text: where it comes from; the measured text by default.
        theta: share of words from which two concepts are aligned.
        size: concepts whose sizes differ by a larger share are no partners.
        least: concepts of fewer different words are left out of the alignment.
        overlap: share of words from which a language has a part in a concept.
    """

    clusters: int = Field(default=100, ge=2)
    clustering: Literal["kmeans", "tree"] = "kmeans"
    dictionary: Kind = "table"
    dictionary_text: str | None = None
    theta: float = Field(default=0.8, gt=0, le=1)
    size: float | None = Field(default=0.4, ge=0, lt=1)
    least: int = Field(default=1, ge=1)
    overlap: float = Field(default=0.3, gt=0, le=0.5)

    def needs(self) -> dict[str, str]:
        """The model and the texts."""
        return {**super().needs(), "dictionary_text": self.dictionary_text or self.text}

    def run(self, place: Workplace) -> None:
        """Cluster and seek partners, language by language."""
        encoder, corpus = place.encoder(self.model), place.texts[self.text]
        layers = self.numbers(place)
        pivot = words_in_context(encoder, corpus, place.pivot, layers)
        labels = {layer: self._cluster(pivot.vectors[layer], place.seed) for layer in layers}
        advance = place.start(f"{self.name}: cluster words", len(place.languages))
        rows = []
        for tag in place.languages:
            entries = self._entries(place, tag)
            asked = words_in_context(encoder, corpus, tag, layers)
            for layer in layers:
                own = self._cluster(asked.vectors[layer], place.seed)
                sides = [(own, asked.words), (labels[layer], pivot.words)]
                about = {"language": tag, "pivot": place.pivot, "layer": layer, "seed": place.seed}
                rows += [
                    self._aligned(*sides, entries, direction=f"{tag}>{place.pivot}", **about),
                    self._aligned(
                        *sides[::-1], {(b, a) for a, b in entries},
                        direction=f"{place.pivot}>{tag}", **about,
                    ),
                    self._overlap(asked, pivot, **about),
                ]  # fmt: skip
            advance(1)
        place.write(Scores(rows).having(**self.about(place)))

    def _cluster(self, vectors: np.ndarray, seed: int) -> np.ndarray:
        if self.clustering == "tree":
            return tree(vectors, self.clusters)
        return kmeans(vectors, self.clusters, seed=seed)

    def _entries(self, place: Workplace, language: str) -> Entries:
        text = place.texts[self.dictionary_text or self.text]
        found = text_entries(text, language, place.pivot, self.dictionary)
        place.notes.append(
            f"{self.name}: the dictionary of {language} and {place.pivot} has {len(found)} entries"
        )
        return found

    def _aligned(self, source, target, entries: Entries, **where) -> Score:
        return concept_alignment(
            source, target, entries, theta=self.theta, size=self.size, least=self.least, **where
        ).score

    def _overlap(self, one: Words, other: Words, *, layer: int, seed: int, **where) -> Score:
        """As many words of each language, drawn at random, in clusters of both together."""
        n = min(len(one.words), len(other.words))
        rng = np.random.default_rng(seed)
        drawn = [
            side.vectors[layer][np.sort(rng.permutation(len(side.words))[:n])]
            for side in (one, other)
        ]
        labels = self._cluster(np.concatenate(drawn), seed)
        languages = [one.language] * n + [other.language] * n
        return concept_overlap(
            labels, languages, theta=self.overlap, seed=seed, layer=layer, **where
        )


def words_in_context(encoder: Encoder, corpus: Corpus, language: str, layers: list[int]) -> Words:
    """Every word of a language's sentences that has a token."""
    sentences = corpus_words(corpus, language)
    made = word_means(encoder, sentences, layers=layers)
    spoken = made[layers[0]]
    found = [sentences[i][j] for i, j in zip(spoken.sentences, spoken.words, strict=True)]
    return Words(language, found, {layer: one.array for layer, one in made.items()})


def text_entries(corpus: Corpus, source: str, target: str, kind: Kind) -> Entries:
    """A dictionary of two languages of a text, by `likely_entries` or `one_word_entries`."""
    text = corpus_text(corpus, source, target)
    sides = [[[w.lower() for w in one] for one in side] for side in (text.source, text.target)]
    return one_word_entries(*sides) if kind == "entries" else likely_entries(*sides)


def one_word_entries(source: Sequence[list[str]], target: Sequence[list[str]]) -> Entries:
    """Pairs of which both sides are one word."""
    return {(x[0], y[0]) for x, y in zip(source, target, strict=True) if len(x) == len(y) == 1}


def likely_entries(source: Sequence[list[str]], target: Sequence[list[str]]) -> Entries:
    """Translations that are likely in both directions by the words that sentence pairs share."""
    vocabularies = [sorted({word for one in side for word in one}) for side in (source, target)]
    places = [{word: i for i, word in enumerate(words)} for words in vocabularies]
    ids = [
        [np.array([at[word] for word in one], np.int64) for one in side]
        for side, at in zip((source, target), places, strict=True)
    ]
    sizes = (len(vocabularies[0]), len(vocabularies[1]))
    table = sharpen(*translation_tables(*ids, sizes)).tocoo()
    kept = table.data >= LIKELY
    return {
        (vocabularies[0][i], vocabularies[1][j])
        for i, j in zip(table.row[kept], table.col[kept], strict=True)
    }
