"""Which class a word is of, such as the language it came from: by a list, else by its letters."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from isogloss.errors import UsageError
from isogloss.score import Interval, bootstrap_mean
from isogloss.task.probe import chosen_strength, fit

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LONGEST = 4
"""Letters of the longest stretch of a word that is looked at."""
PARTS = 5
"""One word in so many is held out to tell how often a class is guessed right."""
LEAST = 4 * PARTS
"""Words without which nothing is learned."""


@dataclass(frozen=True)
class WordClasses:
    """A word's class: the one that the list has for it, else the likeliest by its letters.

    p(c | w) = softmax(W x + b), x the stretches of up to four letters that w has, its ends marked,
    as a vector of length 1. A word of which the list has two classes is guessed too. What stands
    around a word is not looked at, but that the first word of a sentence has a capital tells
    nothing.

    Attributes:
        known: words of one class, as they are written and in lower case.
        names: of the classes, by number.
        stretches: the row of each in `weights`.
        weights: `[d + 1, classes]`, the last row that of the constant.
        right: share of held-out words that were guessed right, by one that had not seen them.
        held_out: how many.
        commonest: share of them that are of the class which most other words are of.
        seconds: that learning took.
    """

    known: Mapping[str, str]
    names: Sequence[str]
    stretches: Mapping[str, int]
    weights: np.ndarray
    right: Interval
    held_out: int
    commonest: float
    seconds: float
    _guessed: dict[str, str] = field(default_factory=dict, repr=False)

    def __call__(self, words: Sequence[str]) -> list[str]:
        """The class of each word of a sentence."""
        plain = [word if at else word.lower() for at, word in enumerate(words)]
        new = [one for one in dict.fromkeys(plain) if one not in self._guessed]
        if new:
            shares = features(new, self.stretches) @ self.weights[:-1] + self.weights[-1]  # [n, c]
            best = [self.names[at] for at in shares.argmax(1)]
            self._guessed.update(zip(new, best, strict=True))
        return [
            self.known.get(word) or self.known.get(word.lower()) or self._guessed[one]
            for word, one in zip(words, plain, strict=True)
        ]

    def told(self) -> str:
        """In a sentence how far its guesses are to be believed."""
        low, high = f"{self.right.low:.3f}", f"{self.right.high:.3f}"
        return (
            f"of {self.held_out} held-out words of the list {self.right.value:.3f} [{low}, {high}] "
            f"are guessed right from the others, {self.commonest:.3f} by the commonest class; "
            f"words of the list are not guessed"
        )


def learn_classes(entries: Sequence[tuple[str, str]], *, seed: int = 0) -> WordClasses:
    """Learn from words with their classes, each pair once.

    A multinomial regression over stretches of letters, its strength chosen by folds of the words
    that it learns from. How good it is tells one that has not seen a fifth of the words; the one
    that is used has learned from all. It has no word's neighbours and no translations, so that a
    list is enough. With labelled sentences a tagger of the suite's `tag.v1` is better.

    Args:
        entries: words and classes.
        seed: of what is held out, and of the folds.

    Raises:
        UsageError: a single class, or too few words.

    Source: Micallef et al. (2024) believe the list where it has one class, as here; of other words
    they ask a CRF that also reads their translations and what stands before them, which this does
    not.
    """
    start = time.perf_counter()
    names = sorted({kind for _, kind in entries})
    words, own = [word for word, _ in entries], [word.lower() for word, _ in entries]
    if len(names) < 2 or len(set(own)) < LEAST:
        raise UsageError(
            f"{len(set(own))} words of {len(names)} classes are too few to learn classes from",
            remedy=f"give {LEAST} words or more, of two classes or more, or decide=listed",
        )
    y = np.array([names.index(kind) for _, kind in entries])  # [n]
    out = _held_out(own, seed)  # [n]
    stretches = _stretches(words)
    x = features(words, stretches)  # [n, d]
    seen = [word for word, away in zip(own, out, strict=True) if not away]
    strength = chosen_strength(x[~out], y[~out], seen, len(names), seed)
    tried = fit(x[~out], y[~out], len(names), strength)
    right = (x[out] @ tried[:-1] + tried[-1]).argmax(1) == y[out]  # [held out]
    return WordClasses(
        _known(entries), names, stretches, fit(x, y, len(names), strength),
        bootstrap_mean(right.astype(float), seed=seed)[0], int(out.sum()),
        float((y[out] == np.bincount(y[~out]).argmax()).mean()), time.perf_counter() - start,
    )  # fmt: skip


def features(words: Sequence[str], stretches: Mapping[str, int]) -> csr_array:
    """`[n, d]`: 1 / sqrt(k) where a word of k stretches has one; unknown ones count in k alone."""
    from scipy.sparse import csr_array

    rows, columns, values = [], [], []
    for at, word in enumerate(words):
        own = _of(word)
        there = [stretches[one] for one in own if one in stretches]
        rows += [at] * len(there)
        columns += there
        values += [len(own) ** -0.5] * len(there)
    return csr_array((values, (rows, columns)), shape=(len(words), len(stretches)))


def _of(word: str) -> set[str]:
    """The stretches of a word, and whether it has a capital."""
    whole = f"<{word.lower()}>"
    found = {whole[at : at + n] for n in range(1, LONGEST + 1) for at in range(len(whole) - n + 1)}
    return found | ({"a capital"} if word != word.lower() else set())


def _stretches(words: Sequence[str]) -> dict[str, int]:
    """Those of two words or more, which alone can tell of a third, by number."""
    counts = Counter(one for word in words for one in _of(word))
    return {one: at for at, one in enumerate(sorted(o for o, n in counts.items() if n > 1))}


def _held_out(words: Sequence[str], seed: int) -> np.ndarray:
    """`[n]` whether a word is held out, in every case that it is written in."""
    each = sorted(set(words))
    drawn = np.random.default_rng(seed).permutation(len(each)) % PARTS == 0
    away = dict(zip(each, drawn, strict=True))
    return np.array([away[word] for word in words])


def _known(entries: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Words of one class, and in lower case those that the list has in capitals alone."""
    written: dict[str, set[str]] = {}
    lowered: dict[str, set[str]] = {}
    for word, kind in entries:
        written.setdefault(word, set()).add(kind)
        lowered.setdefault(word.lower(), set()).add(kind)
    return {word: next(iter(every)) for word, every in (lowered | written).items()
            if len(every) == 1}  # fmt: skip
