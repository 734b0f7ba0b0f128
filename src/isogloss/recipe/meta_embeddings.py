"""A step that makes one set of word vectors of several."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from pydantic import Field

from isogloss.encode.word_vectors import WordVectors, write_word_vectors
from isogloss.recipe.induction import Induction, Side
from isogloss.recipe.step import FILES, Workplace
from isogloss.recipe.word_vectors import read_made
from isogloss.registry import register
from isogloss.score import Scores
from isogloss.space.meta_embeddings import meta_embeddings
from isogloss.space.normalise import USUAL, normalise


@register("step", "meta_embeddings.v1")
class MakeMetaEmbeddings(Induction):
    """Sets of word vectors turned into one space, filled up and averaged, beside each set alone.

    Each language is asked of the pivot: in each set alone, in the meta-embeddings of that set's
    own words, so that questions and candidates are the same, and in those of all words, with and
    without what is filled in. They lie in the run's folder, `files/<step>/<language>.npz`.

    Attributes:
        sources: steps that made word vectors, of one width; all are turned onto the first.
        neighbours: of which a word that a set lacks is made.
    """

    sources: tuple[str, ...] = Field(min_length=2)
    neighbours: int = Field(default=10, ge=1)

    def needs(self) -> dict[str, str]:
        """The text and the sets."""
        return {"text": self.text, **{f"sources.{i}": x for i, x in enumerate(self.sources)}}

    def key_settings(self) -> dict[str, Any]:
        """Settings without the names of the sets, which are inputs."""
        return {k: v for k, v in super().key_settings().items() if k != "sources"}

    def run(self, place: Workplace) -> None:
        """Make, write, and ask."""
        tags = [place.pivot, *place.languages]
        sets = {name: marked(read_made(place, name)) for name in self.sources}
        advance = place.start(f"{self.name}: one space", 1)
        given = {name: (side.words, side.array) for name, side in sets.items()}
        made = meta_embeddings(given, neighbours=self.neighbours)
        plain = meta_embeddings(given, fill=False)
        advance(1)
        for name, counts in made.counts.items():
            told = ", ".join(f"{n:,} {what}" for what, n in counts.items())
            place.notes.append(f"{self.name}: words of {name}: {told}")
        alone = {  # each through what all go through first, so that only the mean differs
            name: Side(side.words, normalise(side.array, USUAL).apply(side.array))
            for name, side in sets.items()
        }
        meta, unfilled = (
            {tag: unmarked(Side(one.words, one.vectors), tag) for tag in tags}
            for one in (made, plain)
        )
        for tag, side in meta.items():
            write_word_vectors(place.folder / FILES / f"{tag}.npz", side.words, side.array)
        rows = Scores()
        advance = place.start(f"{self.name}: lexicon induction", len(place.languages))
        for tag in place.languages:
            both = (tag, place.pivot)
            ways = {}
            for name, side in alone.items():
                x, y = (unmarked(side, one) for one in both)
                ways[name] = x, y
                ways[f"meta, words of {name}"] = (
                    among(meta[tag], set(x.words)), among(meta[place.pivot], set(y.words)),
                )  # fmt: skip
            ways["meta, nothing filled"] = unfilled[tag], unfilled[place.pivot]
            ways["meta"] = meta[tag], meta[place.pivot]
            where = {"language": tag, "pivot": place.pivot, "direction": f"{tag}>{place.pivot}"}
            rows += self.ask(place, self.entries(place, *both), ways, **where)
            advance(1)
        self.finish(place, rows)


def marked(spelt: Mapping[str, WordVectors]) -> Side:
    """The words of all languages, each behind its tag: those of two languages are two words."""
    words = [f"{tag} {word}" for tag, side in spelt.items() for word in side.words]
    return Side(words, np.concatenate([side.array for side in spelt.values()]))


def unmarked(side: Side, tag: str) -> Side:
    """The words of one language, without its tag."""
    kept = [i for i, word in enumerate(side.words) if word.startswith(f"{tag} ")]
    return Side([side.words[i].removeprefix(f"{tag} ") for i in kept], side.array[kept])


def among(side: Side, words: Collection[str]) -> Side:
    """These words only."""
    kept = [i for i, word in enumerate(side.words) if word in words]
    return Side([side.words[i] for i in kept], side.array[kept])
