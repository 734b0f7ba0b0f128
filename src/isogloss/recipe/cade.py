"""A step that asks which words mean something else in one text than in another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from isogloss.encode.word_vectors import write_word_vectors
from isogloss.errors import CorpusError
from isogloss.files import atomic_write, fingerprint
from isogloss.recipe.step import FILES, Step, Workplace
from isogloss.recipe.word_alignment import corpus_words
from isogloss.registry import register
from isogloss.score import Score, Scores, bootstrap_mean
from isogloss.settings import Settings
from isogloss.space.compass import Slice, Training, cade, meaning_shift, train_compass
from isogloss.space.linear import fit
from isogloss.space.normalise import USUAL, normalise

Sentences = list[list[str]]
Texts = dict[str, Sentences]
Exchange = dict[str, str]
DEALT = "sentences dealt anew"


class Source(Settings):
    """Where a slice's sentences come from.

    Attributes:
        text: a corpus.
        language: whose texts; the pivot's by default.
    """

    text: str
    language: str | None = None


@register("step", "cade.v1")
class ChangeOfMeaning(Step):
    """Shift of the words that slices share, by vectors trained against one compass.

    Every slice is compared with the first. Two controls go with it: the shift that there is by
    chance, where all sentences are dealt anew to slices of these sizes; and words that exchange
    their places in the other slices, whose shift must be found. The baseline, slices trained apart
    and turned onto the first by the words they share, has the same controls.

    The run's folder has the shifts, largest first, `files/<step>/<first>-<slice>.tsv`, and each
    slice's vectors, `<slice>.npz`, all of one space.

    Attributes:
        slices: name to text and language, two at least.
        width: of the vectors.
        window: words on either side that may be context.
        epochs: passes over the text.
        least: times that a word must occur in a slice.
        sample: share of the text over which words are thinned out, 0 to keep all.
        planted: pairs of words of like frequency that exchange their places for the control;
            fewer where slices share too few words.
    """

    alone: ClassVar[bool] = True
    slices: dict[str, Source] = Field(min_length=2)
    width: int = Field(default=100, ge=1)
    window: int = Field(default=5, ge=1)
    epochs: int = Field(default=5, ge=1)
    least: int = Field(default=5, ge=1)
    sample: float = Field(default=1e-3, ge=0)
    planted: int = Field(default=10, ge=1)

    def needs(self) -> dict[str, str]:
        """The texts."""
        return {f"slices.{name}.text": source.text for name, source in self.slices.items()}

    def key_settings(self) -> dict[str, Any]:
        """Settings without the names of texts, which are inputs."""
        languages = [(name, source.language) for name, source in self.slices.items()]
        return {**super().key_settings(), "slices": languages}

    def run(self, place: Workplace) -> None:
        """Train on the slices as they are, dealt anew, and with words exchanged."""
        texts, tags = {}, {}
        for name, source in self.slices.items():
            corpus = place.texts[source.text]
            tags[name] = str(corpus.resolve([source.language or place.pivot])[0])
            texts[name] = corpus_words(corpus, tags[name])
        first, *others = texts
        pairs = {name: self._exchange(texts[first], texts[name], name, place) for name in others}
        planted = {name: exchanged(text, pairs.get(name, {})) for name, text in texts.items()}
        training = Training(
            width=self.width, window=self.window, epochs=self.epochs, min_count=self.least,
            sample=self.sample, seed=place.seed,
        )  # fmt: skip
        advance, rows = place.start(f"{self.name}: train", 6), Scores()
        for method, train in (("compass", cade), ("trained apart", trained_apart)):
            made, by_chance, control = [], [], []
            for each in (texts, dealt(texts, place.seed), planted):
                slices = train(each, training)
                advance(1)
                if each is texts and method == "compass":
                    self._keep(slices, texts, place)
                shifts = {name: meaning_shift(slices[first], slices[name]) for name in others}
                made.append(shifts)
            plain, by_chance, control = made
            for name in others:
                where = {
                    "language": tags[name], "pivot": tags[first], "seed": place.seed,
                    "dataset": f"{first}-{name}",
                    "corpus_fingerprint": fingerprint(
                        *(place.texts[self.slices[x].text].fingerprint for x in (first, name))
                    ),
                }  # fmt: skip
                same = {word for word, _ in plain[name]}
                for way, found in ((method, plain), (f"{method}, {DEALT}", by_chance)):
                    values = np.array([shift for word, shift in found[name] if word in same])
                    rows += [_score("meaning_shift", values, "words", way, where)]
                values = planted_found(control[name], pairs[name])
                rows += [_score("planted_shift", values, "planted words", method, where)]
        place.write(rows)

    def _exchange(self, a: Sentences, b: Sentences, name: str, place: Workplace) -> Exchange:
        """Words for words, both ways, drawn at random among neighbours by frequency."""
        shared = shared_words(a, b, self.least)
        if len(shared) < 4:
            raise CorpusError(
                f"{name} shares {len(shared)} words with the first slice that occur {self.least} "
                "times in both; 4 are needed",
                remedy="set a smaller `least`, or give more text",
            )
        count = min(self.planted, len(shared) // 4)
        drawn = np.random.default_rng(place.seed).permutation(len(shared) // 2)[:count]
        place.notes.append(
            f"{self.name}, {name}: {len(shared)} words shared with the first slice; as a control "
            f"{2 * count} of them exchange their places"
        )
        both = [(shared[2 * i], shared[2 * i + 1]) for i in drawn]
        return dict(both) | {y: x for x, y in both}

    def _keep(self, slices: Mapping[str, Slice], texts: Texts, place: Workplace) -> None:
        """Vectors of the slices, and the shifts of their words from the first."""
        first, *others = slices
        counts = {name: Counter(w for one in text for w in one) for name, text in texts.items()}
        folder = place.folder / FILES
        for name, one in slices.items():
            write_word_vectors(folder / f"{name}.npz", one.words, one.vectors)
        for name in others:
            with atomic_write(folder / f"{first}-{name}.tsv") as file:
                file.write(f"word\tshift\ttimes in {first}\ttimes in {name}\n")
                file.writelines(
                    f"{word}\t{shift:.6f}\t{counts[first][word]}\t{counts[name][word]}\n"
                    for word, shift in meaning_shift(slices[first], slices[name])
                )


def trained_apart(texts: Mapping[str, Sentences], training: Training) -> dict[str, Slice]:
    """The baseline of `cade`: skip-gram on each slice alone, turned onto the first by Procrustes.

    Raises:
        CorpusError: a slice where too few words occur often enough.
        VectorError: a slice that shares fewer than 2 words with the first.
    """
    made: dict[str, Slice] = {}
    for name, text in texts.items():
        alone = train_compass([text], training)
        x = normalise(alone.vectors, USUAL).apply(alone.vectors)
        if made:
            first = next(iter(made.values()))
            at = {word: i for i, word in enumerate(first.words)}
            rows = np.array([(i, at[w]) for i, w in enumerate(alone.words) if w in at]).reshape(
                -1, 2
            )
            turn = fit("procrustes", source=x[rows[:, 0]], target=first.vectors[rows[:, 1]])
            x = turn.apply(x)
        made[name] = Slice(alone.words, x, {})
    return made


def shared_words(a: Sentences, b: Sentences, least: int) -> list[str]:
    """Words that occur often enough in both, by their falling number in the poorer one."""
    ours, theirs = (Counter(word for one in text for word in one) for text in (a, b))
    both = {word: min(n, theirs[word]) for word, n in ours.items()}
    return sorted((w for w, n in both.items() if n >= least), key=lambda w: (-both[w], w))


def exchanged(text: Sentences, words: Exchange) -> Sentences:
    """A text with words in the places of others."""
    return [[words.get(word, word) for word in one] for one in text]


def dealt(texts: Mapping[str, Sentences], seed: int) -> Texts:
    """All sentences dealt to slices of the same sizes at random."""
    pool = [one for text in texts.values() for one in text]
    order = iter(np.random.default_rng(seed).permutation(len(pool)))
    return {name: [pool[next(order)] for _ in text] for name, text in texts.items()}


def planted_found(shifts: list[tuple[str, float]], words: Exchange) -> np.ndarray:
    """Of each exchanged word the share of the others that shifted less; its mean is the AUC."""
    others = np.sort([shift for word, shift in shifts if word not in words])
    asked = np.array([shift for word, shift in shifts if word in words])
    return np.searchsorted(others, asked) / len(others)


def _score(
    measure: str, values: np.ndarray, items: str, method: str, where: Mapping[str, Any]
) -> Score:
    [found] = bootstrap_mean(values, seed=where["seed"])
    return Score(
        measure=measure, value=found.value, low=found.low, high=found.high, n=len(values),
        interval=f"bootstrap over {items}", settings={"method": method}, **where,
    )  # fmt: skip
