"""What steps share that ask word vectors for the translations that a text knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from isogloss.errors import CorpusError
from isogloss.match.lexicon import Dictionary, dictionary_rows, induce
from isogloss.match.neighbours import unit
from isogloss.recipe.concepts import Entries, Kind, text_entries
from isogloss.recipe.step import Step, Workplace
from isogloss.score import Scores


class Side(NamedTuple):
    """Words of a language and their vectors `[n, d]`."""

    words: Sequence[str]
    array: np.ndarray


class Induction(Step):
    """Base of such steps.

    Attributes:
        text: whose sentence pairs the dictionary is made of; no step before may have learnt from
            them.
        dictionary: `entries`, the pairs of which both sides are one word; `table`, the likely
            translations of their words.

    Words spelled alike in both languages are not asked, and are counted.
    """

    text: str
    dictionary: Kind = "entries"

    def entries(self, place: Workplace, source: str, target: str) -> Entries:
        """The dictionary of two languages."""
        return text_entries(place.texts[self.text], source, target, self.dictionary)

    def ask(
        self,
        place: Workplace,
        entries: Entries,
        ways: Mapping[str, tuple[Side, Side]],
        **where: Any,
    ) -> Scores:
        """Accuracy by CSLS of each way to have the two languages in one space.

        A way that has fewer than 2 of the words is left out, and a note says so.
        """
        rows = Scores()
        for way, (source, target) in ways.items():
            dictionary = _rows(entries, source, target)
            if dictionary is None:
                place.notes.append(f"{self.name}, {where['direction']}: {way} has too few words")
                continue
            made = induce(
                unit(source.array), unit(target.array), dictionary, seed=place.seed, **where
            )
            rows += [replace(row, settings={**row.settings, "method": way}) for row in made]
        return rows

    def finish(self, place: Workplace, rows: Scores) -> None:
        """Write them.

        Raises:
            CorpusError: there are none.
        """
        corpus = place.texts[self.text]
        if not rows:
            raise CorpusError(
                f"no two languages have 2 translations of words that {self.name} knows",
                file=corpus.source,
                remedy="name another text, or dictionary = 'table' where few rows are one word",
            )
        place.write(rows.having(dataset=corpus.name, corpus_fingerprint=corpus.fingerprint))


def _rows(entries: Entries, source: Side, target: Side) -> Dictionary | None:
    """The dictionary as rows; None where fewer than 2 words can be asked."""
    asked = sorted((a, b) for a, b in entries if a != b)
    try:
        found = dictionary_rows(asked, source.words, target.words)
    except CorpusError:  # it says which words are lacking; here it is enough that they are
        return None
    if alike := len(entries) - len(asked):
        found = replace(found, dropped={**found.dropped, "spelled alike": alike})
    return found if len(found.queries) > 1 else None
