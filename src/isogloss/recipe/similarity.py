"""A step that compares every two languages of a text by a model's vectors."""

from __future__ import annotations

from dataclasses import replace

from isogloss.measure.similarity import similarity
from isogloss.recipe.layered import Pooled
from isogloss.recipe.step import Workplace
from isogloss.registry import register
from isogloss.score import Scores


@register("step", "similarity.v1")
class CompareLanguages(Pooled):
    """The mean cosine of the parallel sentences of every two languages, the pivot among them."""

    def run(self, place: Workplace) -> None:
        """Compare, layer by layer."""
        rows = Scores()
        for layer, vectors in self.by_layer(place):
            cut = {tag: one.truncated for tag, one in vectors.items()}
            made = similarity(vectors, seed=place.seed).scores(layer=layer)
            rows += [
                replace(row, truncated=cut[str(row.language)] + cut[str(row.pivot)]) for row in made
            ]
        place.write(rows.having(**self.about(place)))
