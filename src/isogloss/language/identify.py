"""Which language a text is in, by its letters in a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

LONGEST = 3  # letters in a row


@dataclass(frozen=True, eq=False)
class Identifier:
    """Tells the languages it has learned apart, and knows no others.

    The language l that makes sum over the n-grams g of a text of log p(g | l) largest, where
    p(g | l) = (count of g in l + 1) / (n-grams of its length in l + kinds of them in all).
    Each text gets the tag of the likeliest; one without letters that of the first language.

    Attributes:
        languages: canonical tags.
        counts: of each language, n-grams and how often they stand in its text.
        totals: of each language, n-grams by their length, and kinds of them in all languages.
    """

    languages: Sequence[str]
    counts: Sequence[Mapping[str, int]]
    totals: Sequence[Mapping[int, int]]

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """The tag of each text."""
        return [self._told(text) for text in texts]

    def _told(self, text: str) -> str:
        found = ngrams(text)
        likely = [
            sum(n * log((own.get(g, 0) + 1) / total[len(g)]) for g, n in found.items())
            for own, total in zip(self.counts, self.totals, strict=True)
        ]
        return self.languages[likely.index(max(likely))]


def learn_identifier(texts: Mapping[str, Sequence[str]]) -> Identifier:
    """An identifier of the languages that the texts are in.

    Prefer a model of many languages where the texts may be in another one than these: this one
    will call it the nearest that it knows.

    Args:
        texts: by canonical tag.

    Source: Dunning (1994), Statistical Identification of Language; the n-grams of words with their
    ends as in Cavnar and Trenkle (1994), N-Gram-Based Text Categorization. Both from memory.
    """
    counts = [sum(map(ngrams, some), Counter()) for some in texts.values()]
    kinds = Counter(len(g) for g in set().union(*counts))
    totals = []
    for own in counts:
        total = Counter(kinds)
        for g, n in own.items():
            total[len(g)] += n
        totals.append(dict(total))
    return Identifier(tuple(texts), tuple(map(dict, counts)), tuple(totals))


def ngrams(text: str) -> Counter[str]:
    """Letters in a row, one to three, of words with a space on either side; no digits or marks."""
    found = Counter[str]()
    for word in text.casefold().split():
        if any(map(str.isalpha, word)):
            put = f" {word} "
            found.update(put[at : at + n] for n in range(1, LONGEST + 1)
                         for at in range(len(put) - n + 1))  # fmt: skip
    return found
