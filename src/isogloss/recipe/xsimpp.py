"""A step that seeks translations among English sentences that say almost the same."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from isogloss.encode.vectors import pair_rows
from isogloss.errors import CorpusError, UsageError
from isogloss.measure.hard_negatives import Negatives, hard_negatives
from isogloss.measure.xsimpp import xsimpp
from isogloss.recipe.layered import Pooled
from isogloss.recipe.step import Workplace
from isogloss.registry import register
from isogloss.score import Scores


@register("step", "xsimpp.v1")
class HardNegatives(Pooled):
    """Margin retrieval into English, without and with changed sentences among the candidates.

    Attributes:
        kinds: what is changed: causality, number, entity.
        each: at most so many changed sentences of each kind from one.
        margin: how candidates are ranked.
        k: neighbours of the margin.
    """

    kinds: tuple[Literal["causality", "number", "entity"], ...] = Field(
        default=("causality", "number", "entity"), min_length=1
    )
    each: int = Field(default=3, ge=1)
    margin: Literal["ratio", "distance", "csls", "cosine"] = "ratio"
    k: int = Field(default=4, ge=1)

    def run(self, place: Workplace) -> None:
        """Change the pivot's sentences, then retrieve, layer by layer."""
        if not place.pivot.startswith("eng"):
            raise UsageError(
                f"sentences are changed by rules of English; the pivot is {place.pivot}",
                remedy="set pivot to eng, with English in the text",
            )
        made = self._changed(place)
        rows = Scores()
        for layer, vectors in self.by_layer(place):
            negatives = self.read(place, list(made.texts), place.pivot, [layer])[layer]
            english = vectors[place.pivot]
            for tag in place.languages:
                i, j, dropped = pair_rows(vectors[tag], english)
                cut = vectors[tag].truncated + english.truncated + negatives.truncated
                rows += xsimpp(
                    vectors[tag].array[i], english.array[j], negatives.array, made.kinds,
                    margin=self.margin, k=self.k, seed=place.seed, language=tag, pivot=place.pivot,
                    direction=f"{tag}>{place.pivot}", layer=layer, dropped=dropped, truncated=cut,
                )  # fmt: skip
        place.write(rows.having(**self.about(place)))

    def _changed(self, place: Workplace) -> Negatives:
        """The pivot's sentences changed, with a note of how many could be."""
        corpus = place.texts[self.text]
        texts = [text for text in corpus.texts(place.pivot) if text is not None]
        made = hard_negatives(texts, each=self.each, kinds=self.kinds, seed=place.seed)
        if not made.texts:
            raise CorpusError(
                f"no sentence of {place.pivot} could be changed in {', '.join(self.kinds)}",
                file=corpus.source,
                remedy="ask for other kinds, or give text with numbers, names and verbs",
            )
        counts = ", ".join(
            f"{made.counts[kind]} by {kind} (none for {made.without[kind]} sentences)"
            for kind in self.kinds
        )
        place.notes.append(
            f"{self.name}: {len(made.texts)} changed sentences from {len(texts)}: {counts}"
        )
        # One pass for all layers; `run` reads each from the cache.
        self.read(place, list(made.texts), place.pivot, self.numbers(place))
        return made
