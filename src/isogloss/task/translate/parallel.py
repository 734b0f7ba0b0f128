"""Translation word by word, by what n-way text shows of words: a floor without a dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from isogloss.corpus import read_corpus
from isogloss.errors import UsageError
from isogloss.files import fingerprint
from isogloss.language import read_language
from isogloss.language.segment import words
from isogloss.match.translation_table import sharpen, translation_tables
from isogloss.registry import register
from isogloss.task.translate.check import Check
from isogloss.task.translate.contract import Told, check_texts, pair
from isogloss.task.translate.lexicon import exchanged
from isogloss.train.transforms.switch import Phrases, phrases

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LONGEST = 60
"""Words of a sentence that are aligned."""


@register("translator", "parallel.v1")
class ParallelTranslator:
    """Each word by the one that IBM Model 1 holds likeliest in both directions.

    e(f) = argmax t(e|f) t(f|e), learned once a direction. Words that the text lacks stay as they
    are and are counted, and so do markers, numbers and punctuation; order and endings are those of
    the source.

    When to prefer it: where there is n-way text and nothing else, or where a translation must have
    a known fault. With a dictionary take `lexicon.v1`.

    Args:
        text: n-way text, as `read_corpus` takes it.
        languages: that are read; all by default.
        network: allow the network for `hf:` names.

    Attributes:
        told: of each text of the last call, `word` and `word not in the dictionary`.

    Raises:
        CorpusError: text that cannot be read.

    Source: Brown et al. (1993), The Mathematics of Statistical Machine Translation, section 4.2,
    for the model of words; there is none of their order here.
    """

    batch = 1000
    # Words that it lacks stay in their language and script: a known fault, which `told` counts.
    check = Check(wrong=1, copied=1, known=frozenset())

    def __init__(self, text: str, languages: Sequence[str] = (), *, network: bool = False) -> None:
        self.name = "words of parallel text"
        self.told: list[Told] = []
        self.calls = 0
        self._corpus = read_corpus(text, languages=list(languages) or None, network=network)
        self._tables: dict[tuple[str, str], Phrases] = {}
        self.fingerprint = fingerprint("parallel.v1", self._corpus.fingerprint)

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """See `Translator`.

        Raises:
            UsageError: the text lacks one of the languages, or has no row of both.
        """
        direction = pair(source, target)
        check_texts(texts)
        made, self.told = exchanged(texts, self._table(direction), direction)
        self.calls += 1
        return made

    def _table(self, direction: tuple[str, str]) -> Phrases:
        if direction not in self._tables:
            there = [str(tag) for tag in self._corpus.languages]
            if lacking := [tag for tag in direction if tag not in there]:
                raise UsageError(
                    f"{self._corpus.source} has no {lacking[0]}",
                    remedy=f"it has {', '.join(there)}",
                )
            for one, entries in self._entries(direction).items():
                script = read_language(one[0]).script
                self._tables[one] = phrases(entries, script, lower=True)
        return self._tables[direction]

    def _entries(self, direction: tuple[str, str]) -> dict[tuple[str, str], list[tuple[str, str]]]:
        """Each word with its likeliest translation, where it has one, in both directions."""
        sides = [_lines(self._corpus.texts(tag), tag) for tag in direction]
        both = [(f, e) for f, e in zip(*sides, strict=True) if f and e]
        if not both:
            raise UsageError(
                f"{self._corpus.source} has no row of both {direction[0]} and {direction[1]}",
                remedy="give text with translations of them",
            )
        known: tuple[dict[str, int], dict[str, int]] = ({}, {})
        ids = [
            [np.array([at.setdefault(word, len(at)) for word in one[side]]) for one in both]
            for side, at in enumerate(known)
        ]
        there, back = translation_tables(ids[0], ids[1], (len(known[0]), len(known[1])))
        names = [list(side) for side in known]
        return {
            direction: _likeliest(sharpen(there, back), names[0], names[1]),
            direction[::-1]: _likeliest(sharpen(back, there), names[1], names[0]),
        }


def _likeliest(
    table: csr_matrix, words: Sequence[str], others: Sequence[str]
) -> list[tuple[str, str]]:
    """Of each row that has any the word of its largest cell."""
    made = []
    for row, word in enumerate(words):
        begin, end = table.indptr[row : row + 2]
        if begin < end:
            made.append(
                (word, others[table.indices[begin + int(np.argmax(table.data[begin:end]))]])
            )
    return made


def _lines(texts: Sequence[str | None], tag: str) -> list[list[str]]:
    script = read_language(tag).script
    return [words((text or "").lower(), script)[:LONGEST] for text in texts]
