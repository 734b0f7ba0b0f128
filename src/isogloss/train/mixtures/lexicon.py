"""Word pairs of a lexicon, of many languages in one batch, none of which is another's synonym."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from isogloss.errors import TrainingError
from isogloss.registry import register
from isogloss.settings import Count, NotNegative
from isogloss.train.batch import Texts, stack_texts
from isogloss.train.material import Material
from isogloss.vocabulary.sampling import shares

Words = Mapping[str, Sequence[str | None]]
"""By language a word a row, None where there is none."""


@dataclass
class LexiconPairs:
    """Rows of two words that mean the same, each in a language of its own.

    A row's language l is drawn by p_l = n_l^alpha / sum_k n_k^alpha, n_l the entries it has, then
    one of its entries, and the other word is the pivot's, or by chance of any other language of
    the entry. Two entries that share a word of a language, such as `abandon` and `abandoned` with
    one translation, or that both share one with a third, are never in the same batch: a word would
    be the negative of its own translation. A batch has fewer rows where no others are found.

    Attributes:
        words: by language, each as it is written.
        tokens: by language, ids of the same.
        pivot: the language that has a word in every row, unless `any_pair`.
        size: rows in a batch.
        alpha: 1 draws languages as there are entries of them, 0 evenly.
        any_pair: whether the other word may be of any language.
        numbers: of the languages, in the column `language`.

    Raises:
        TrainingError: fewer than two entries with two languages.
    """

    words: Words
    tokens: Mapping[str, Sequence[np.ndarray | None]]
    pivot: str
    size: int = 128
    alpha: float = 0.3
    any_pair: bool = False
    numbers: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = range(len(next(iter(self.words.values()))))
        self._has = [
            [tag for tag in self.words if self.tokens[tag][row] is not None] for row in rows
        ]
        self._entries = {
            tag: np.array([row for row in rows if self._partners(row, tag)], np.int64)
            for tag in self.words
            if self.any_pair or tag != self.pivot
        }
        self._entries = {tag: found for tag, found in self._entries.items() if len(found)}
        if len(set().union(*map(set, self._entries.values()))) < 2:
            raise TrainingError(
                f"fewer than 2 entries have a word of {self.pivot} and one of another language"
            )
        self._rows: dict[tuple[str, str], list[int]] = {}
        for row in rows:
            for key in self._keys(row):
                self._rows.setdefault(key, []).append(row)
        self._shares = shares({tag: len(found) for tag, found in self._entries.items()}, self.alpha)

    def batch(self, seed: int, step: int) -> Texts:
        """Pairs of words as two views; which side a language is on is left to chance."""
        rng = np.random.default_rng([seed, step])
        counts = rng.multinomial(self.size, list(self._shares.values()))
        taken: set[tuple[str, str]] = set()
        pairs: list[tuple[str, str, int]] = []
        for tag, count in zip(self._shares, counts, strict=True):
            wanted = len(pairs) + int(count)
            for row in rng.permutation(self._entries[tag]):
                if len(pairs) == wanted:
                    break
                if taken & self._keys(row):
                    continue
                taken |= self._related(row)
                sides = [str(rng.choice(self._partners(row, tag))), tag]
                left, right = sides if rng.random() < 0.5 else sides[::-1]
                pairs.append((left, right, int(row)))
        views = [[self.tokens[pair[side]][pair[2]] for pair in pairs] for side in (0, 1)]
        languages = [[pair[side] for pair in pairs] for side in (0, 1)]
        there = [[ids for ids in view if ids is not None] for view in views]
        return stack_texts(there, languages, self.numbers)

    def _partners(self, row: int, tag: str) -> list[str]:
        """The languages that a word of an entry may stand beside."""
        if tag not in self._has[row]:
            return []
        return [
            other
            for other in self._has[row]
            if other != tag and (self.any_pair or other == self.pivot)
        ]

    def _related(self, row: int) -> set[tuple[str, str]]:
        """Words of all entries that share one with an entry, its own among them."""
        near = {other for key in self._keys(row) for other in self._rows[key]}
        return set().union(*(self._keys(other) for other in near))

    def _keys(self, row: int) -> set[tuple[str, str]]:
        return {(tag, str(self.words[tag][row]).casefold()) for tag in self._has[row]}


@register("mixture", "lexicon.v1")
def lexicon(
    material: Material,
    *,
    text: str,
    batch: Count = 128,
    alpha: NotNegative = 0.3,
    any_pair: bool = False,
    longest: Count = 16,
) -> LexiconPairs:
    """Word pairs of a text of words, read alone, as two views.

    Texts of pairs such as `en-ak.tsv.gz?eng=1&aka=2` are lexicons, and so are n-way ones. For
    `attract.v1`, `multi_similarity.v1` and `contrast_views.v1`; against `parallel.v1` a batch holds
    pairs of many languages, and no two entries that share a word.
    Source: Green, Ponzetto and Glavaš (2022), Massively Multilingual Lexical Specialization of
    Multilingual Transformers: words of 50 languages in isolation, paired by BabelNet's senses.

    Args:
        material: of the run.
        text: the corpus of words.
        batch: rows in a batch.
        alpha: of p_l ~ n_l^alpha, by which a row's language is drawn.
        any_pair: pairs of any two languages of an entry; else the pivot is one of them.
        longest: entries of more tokens are left out and told.

    Raises:
        TrainingError: fewer than two entries with two languages.
    """
    corpus = material.corpus(text)
    words = {str(tag): corpus.texts(tag) for tag in corpus.languages}
    tokens = material.columns_of(text, longest)
    return LexiconPairs(
        words, tokens, material.pivot, size=batch, alpha=alpha, any_pair=any_pair,
        numbers=material.numbers,
    )  # fmt: skip
