"""A step that ranks the sentences of all languages in one pool."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from isogloss.measure.strong_alignment import strong_alignment
from isogloss.recipe.layered import Pooled
from isogloss.recipe.step import Workplace
from isogloss.registry import register
from isogloss.score import Scores


@register("step", "strong_alignment.v1")
class StrongAlignment(Pooled):
    """Mean average precision in one pool of all languages, in single languages, and the bias.

    Attributes:
        k: nearest that the bias looks at.
    """

    k: int = Field(default=10, ge=1)

    def run(self, place: Workplace) -> None:
        """Rank, layer by layer."""
        rows = Scores()
        for layer, vectors in self.by_layer(place):
            cut = {tag: one.truncated for tag, one in vectors.items()}
            made = strong_alignment(vectors, k=self.k, seed=place.seed).having(layer=layer)
            rows += [
                replace(row, truncated=cut.get(str(row.language), sum(cut.values())))
                for row in made
            ]
        place.write(rows.having(**self.about(place)))
