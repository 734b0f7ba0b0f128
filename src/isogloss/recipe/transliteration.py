"""A step that spells languages in Latin letters and asks what that does to their alignment."""

from __future__ import annotations

from functools import reduce

import numpy as np

from isogloss.encode.vectors import Vectors
from isogloss.errors import CorpusError
from isogloss.language import read_language
from isogloss.measure.transliteration import script_retrieval, transliteration_similarity
from isogloss.recipe.layered import Pooled
from isogloss.recipe.step import Workplace
from isogloss.registry import register
from isogloss.score import Scores
from isogloss.vocabulary.romanise import SCRIPTS, romanise


@register("step", "transliteration.v1")
class Transliteration(Pooled):
    """Cosines of translations and of random pairs, as written and in Latin letters.

    With them the share of texts that find themselves among all in Latin letters.

    Languages in a script that `vocabulary.romanise` has no map for are left out, Latin among them;
    a pivot in such a script stays as it is.
    """

    def run(self, place: Workplace) -> None:
        """Spell, read both spellings, compare, layer by layer."""
        corpus, layers = place.texts[self.text], self.numbers(place)
        known = [tag for tag in place.languages if read_language(tag).script in SCRIPTS]
        if not known:
            raise CorpusError(
                f"none of {', '.join(place.languages)} is in a script that can be romanised",
                file=corpus.source,
                remedy=f"name languages in {', '.join(SCRIPTS)}",
            )
        if others := [tag for tag in place.languages if tag not in known]:
            place.notes.append(
                f"{self.name}: {', '.join(others)} left out; their scripts have no romanisation"
            )
        advance = place.start(f"{self.name}: both scripts", len(known))
        rows, items = Scores(), {}
        pivot = self._both(place, place.pivot)
        for tag in known:
            mine = self._both(place, tag)
            for layer in layers:
                sides = [mine[0][layer], pivot[0][layer], mine[1][layer], pivot[1][layer]]
                own = np.intersect1d(sides[0].rows, sides[2].rows)
                lost = len(corpus) - len(own)
                made = script_retrieval(
                    *(s.array[np.searchsorted(s.rows, own)] for s in sides[::2]),
                    seed=place.seed, language=tag, pivot=place.pivot, layer=layer,
                    dropped={"missing in one script": lost} if lost else {},
                )  # fmt: skip
                rows, items = rows + made.scores, items | made.items
                shared = reduce(np.intersect1d, [side.rows for side in sides])
                missing = len(corpus) - len(shared)
                rows += transliteration_similarity(
                    *(side.array[np.searchsorted(side.rows, shared)] for side in sides),
                    seed=place.seed, language=tag, pivot=place.pivot, layer=layer,
                    dropped={"missing in one language or script": missing} if missing else {},
                    truncated=sum(side.truncated for side in sides),
                )  # fmt: skip
            advance(1)
        place.write(rows.having(**self.about(place)), items)

    def _both(self, place: Workplace, language: str) -> list[dict[int, Vectors]]:
        """Vectors by layer of the texts as written, and in Latin letters if there is a map."""
        texts, script = place.texts[self.text].texts(language), read_language(language).script
        spelled = romanise(texts, script) if script in SCRIPTS else texts
        layers = self.numbers(place)
        return [self.read(place, each, language, layers) for each in (texts, spelled)]
