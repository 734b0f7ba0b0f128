"""Words of parallel text, and which of them translate each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from isogloss.errors import CorpusError
from isogloss.language import read_language
from isogloss.language.segment import words
from isogloss.match.translation_table import sharpen, translation_tables

if TYPE_CHECKING:
    from isogloss.corpus.records import Corpus

LEAST = 0.1  # probability under which a pair of words is no entry
LONGEST = 60  # words of a sentence that are aligned


class Words(NamedTuple):
    """One side of parallel text.

    Attributes:
        lines: per row its lower-cased words; empty where the row is missing.
        names: words by falling frequency.
        counts: `[n]` how often each occurs.
    """

    lines: list[list[str]]
    names: list[str]
    counts: np.ndarray


def read_words(corpus: Corpus, languages: Sequence[str]) -> Words:
    """The lower-cased words of some languages, one language's rows after the other's."""
    lines = []
    for language in languages:
        script = read_language(language).script
        lines += [words((text or "").lower(), script) for text in corpus.texts(language)]
    counts = Counter(word for line in lines for word in line)
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return Words(lines, ordered, np.array([counts[word] for word in ordered]))


def aligned_words(corpus: Corpus, pivot: str, language: str) -> list[tuple[str, str, float]]:
    """Pivot words, words of the language, and how often they are expected to stand for each other.

    Raises:
        CorpusError: no row that both have.
    """
    sides = [read_words(corpus, [lang]) for lang in (language, pivot)]
    both = [i for i, pair in enumerate(zip(*(s.lines for s in sides), strict=True)) if all(pair)]
    if not both:
        raise CorpusError(
            f"no row has both {language} and {pivot}", file=corpus.source,
            remedy="give parallel text",
        )  # fmt: skip
    at = [{word: i for i, word in enumerate(side.names)} for side in sides]
    ids = [
        [np.array([known[w] for w in side.lines[i][:LONGEST]]) for i in both]
        for known, side in zip(at, sides, strict=True)
    ]
    table = sharpen(*translation_tables(*ids, (len(at[0]), len(at[1])))).tocoo()
    kept = table.data >= LEAST
    rows, columns = table.row[kept], table.col[kept]
    expected = table.data[kept] * sides[0].counts[rows]
    return [
        (sides[1].names[e], sides[0].names[f], float(n))
        for f, e, n in zip(rows, columns, expected, strict=True)
    ]
