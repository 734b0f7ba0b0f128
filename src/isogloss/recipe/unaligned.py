"""A step that matches the sentences of two encoders that share nothing, by some known pairs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pydantic import Field

from isogloss.encode import encode_cached
from isogloss.encode.cache import cache_root
from isogloss.encode.vectors import Vectors
from isogloss.errors import CorpusError
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest
from isogloss.measure.geometry import cka_linear
from isogloss.measure.languages import layer_numbers
from isogloss.measure.pair import Finding, Pair
from isogloss.recipe.step import Step, Workplace
from isogloss.registry import register
from isogloss.score import Scores
from isogloss.space.linear import fit
from isogloss.space.unaligned import Base, local_cka, quadratic_matching


@register("step", "unaligned.v1")
class MatchUnaligned(Step):
    """Find the sentences of one encoder among those of another by how each sees some known pairs.

    Sentences of the pivot and of every language in `model` are sought among those of the pivot in
    `other`: by seeded quadratic matching, by local CKA, and by the baseline, a ridge map fitted on
    the same known pairs. The linear CKA of the two goes with it, and that of shuffled pairs.

    Attributes:
        model: `teacher`, or the name of a step that made a model.
        other: the same; it may be the same model at another layer.
        text: the corpus.
        layer: of `model`; the last by default.
        other_layer: of `other`; the last by default.
        known: pairs that are known, drawn from all rows but those that are sought.
        queries: sentences sought together, among as many.
        draws: how often both are drawn; no sentence is sought twice.
    """

    model: str = "teacher"
    other: str
    text: str
    layer: int | None = None
    other_layer: int | None = None
    known: int = Field(default=300, ge=2)
    queries: int = Field(default=100, ge=2)
    draws: int = Field(default=4, ge=1)

    def needs(self) -> dict[str, str]:
        """The two models and the text."""
        return {"model": self.model, "other": self.other, "text": self.text}

    def run(self, place: Workplace) -> None:
        """Seek, language by language."""
        corpus, encoders = place.texts[self.text], [self.model, self.other]
        theirs = self._read(place, self.other, self.other_layer, place.pivot)
        tags, rows = [place.pivot, *place.languages], Scores()
        advance = place.start(f"{self.name}: match", len(tags))
        for tag in tags:
            pair = Pair(self._read(place, self.model, self.layer, tag), theirs)
            wanted = max(self.known + self.queries, self.draws * self.queries)
            if len(pair) < wanted:
                raise CorpusError(
                    f"{len(pair)} rows have {tag} and {place.pivot}; {wanted} are needed",
                    file=corpus.source,
                    remedy="set smaller `known`, `queries` or `draws`, or give more text",
                )
            rows += self._likeness(pair, place.seed) + self._matched(pair, place.seed)
            advance(1)
        names = [place.encoder(name).name for name in encoders]
        system = f"{names[0]} layer {rows[0].layer}, {names[1]} layer {theirs.layer}"
        place.write(rows.having(system=system, dataset=corpus.name, seed=place.seed))

    def _read(self, place: Workplace, model: str, layer: int | None, language: str) -> Vectors:
        encoder = place.encoder(model)
        layers = layer_numbers(encoder, "last" if layer is None else (layer,))
        [vectors] = encode_cached(
            encoder, place.texts[self.text].texts(language), language=language, layers=layers,
            strict=place.strict, cache=cache_root(),
        ).values()  # fmt: skip
        return vectors

    def _likeness(self, pair: Pair, seed: int) -> Scores:
        """CKA of the translations, and of the same vectors shuffled."""
        order = np.random.default_rng(seed).permutation(len(pair.pivot))
        shuffled = Pair(pair.language, pair.pivot.with_array(pair.pivot.array[order]))
        rows = Scores()
        for method, one in (("translations", pair), ("shuffled", shuffled)):
            made = one.scores(cka_linear(one, seed=seed), seed).scores
            rows += made.having(settings={"method": method})
        return rows

    def _matched(self, pair: Pair, seed: int) -> Scores:
        """Share of the queries found, by method and by chance."""
        rng = np.random.default_rng(seed)
        rows, hits = rng.permutation(len(pair)), {method: [] for method in METHODS}
        for at in range(0, self.draws * self.queries, self.queries):
            asked = rows[at : at + self.queries]
            known = rng.permutation(np.delete(rows, slice(at, at + self.queries)))[: self.known]
            order = rng.permutation(self.queries)
            base = pair.x[known], pair.y[known]
            for method, match in METHODS.items():
                found = match(base, pair.x[asked], pair.y[asked][order])
                hits[method].append(order[found] == np.arange(self.queries))
        made = Scores()
        for method, found in hits.items():
            one = pair.scores([Finding("matching_p1", np.concatenate(found))], seed).scores
            made += one.having(settings={"method": method})
        chance = made[:1].having(
            value=1 / self.queries, low=None, high=None, interval=None,
            settings={"method": "chance"},
        )  # fmt: skip
        size = self.draws * self.queries
        return (made + chance).having(n=size)


def ridge_matching(base: Base, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The row of y `[q]` nearest to what a ridge map, fitted on the known pairs, makes of x."""
    known_x, known_y = base
    middle_x, middle_y = known_x.mean(0), known_y.mean(0)
    turn = fit("ridge", source=known_x - middle_x, target=known_y - middle_y)
    return nearest(unit(turn.apply(x - middle_x)), unit(y - middle_y)).ids[:, 0]


METHODS: dict[str, Callable[[Base, np.ndarray, np.ndarray], np.ndarray]] = {
    "quadratic matching": lambda base, x, y: quadratic_matching(base, x, y).ids,
    "local CKA": lambda base, x, y: local_cka(base, x, y).ids[:, 0],
    "ridge map": ridge_matching,
}
