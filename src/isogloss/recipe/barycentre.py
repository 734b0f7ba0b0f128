"""A step that brings the words of many languages into one space without a dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Literal

import numpy as np
from pydantic import Field

from isogloss.encode.word_vectors import WordVectors
from isogloss.errors import CorpusError
from isogloss.recipe.induction import Induction, Side
from isogloss.recipe.maps import MAPS
from isogloss.recipe.step import Workplace
from isogloss.recipe.word_vectors import read_made
from isogloss.registry import register
from isogloss.score import Scores
from isogloss.space.barycentre import barycentre
from isogloss.space.linear import fit
from isogloss.space.map import Map
from isogloss.space.normalise import USUAL, normalise
from isogloss.space.self_learning import self_learning
from isogloss.space.wasserstein import wasserstein_procrustes


@register("step", "barycentre.v1")
class Barycentre(Induction):
    """Languages onto their Wasserstein barycentre, and onto the pivot: lexicon induction in both.

    Languages without the pivot are asked of each other. The maps lie in the run's folder,
    `maps/<language>/<step>/hub` and `.../barycentre`.

    Attributes:
        vectors: a step that made word vectors.
        start: how each language is turned onto the pivot, which is the hub: `identical`, on words
            spelled alike; `unsupervised`, by self-learning; `wasserstein_procrustes`; `shared`,
            not at all, for vectors of one model.
        size: most frequent words that the barycentre is made of.
        iterations: at most.
        regularisation: of the transport.
    """

    vectors: str
    start: Literal["identical", "unsupervised", "wasserstein_procrustes", "shared"] = "identical"
    size: int = Field(default=1000, ge=1)
    iterations: int = Field(default=20, ge=1)
    regularisation: float = Field(default=0.1, ge=0.01)

    def needs(self) -> dict[str, str]:
        """The text and the word vectors."""
        return {"text": self.text, "vectors": self.vectors}

    def run(self, place: Workplace) -> None:
        """Turn onto the hub, then onto the barycentre, and ask both."""
        if len(place.languages) < 2:
            raise CorpusError(
                f"{', '.join(place.languages)} and the pivot: pairs without the pivot are asked",
                remedy="name 2 languages at least besides the pivot",
            )
        spelt = read_made(place, self.vectors)
        usual = {tag: normalise(side.array, USUAL) for tag, side in spelt.items()}
        x = {tag: usual[tag].apply(side.array) for tag, side in spelt.items()}
        hub = self._hub(spelt, x, place)
        advance = place.start(f"{self.name}: barycentre", 1)
        found = barycentre(
            x, start=hub, size=self.size, iterations=self.iterations,
            regularisation=self.regularisation,
        )  # fmt: skip
        advance(1)
        costs = found[place.pivot].about["costs"]
        place.notes.append(
            f"{self.name}: transport cost {costs[0]:.3f}, after {len(costs)} iterations "
            f"{costs[-1]:.3f}"
        )
        ways = {"as they are": dict.fromkeys(x, Map()), "hub": hub, "barycentre": found}
        if self.start == "shared":
            del ways["as they are"]
        for way in ("hub", "barycentre"):
            for tag, one in ways[way].items():
                usual[tag].then(one).save(place.folder / MAPS / tag / way)
        mapped = {
            way: {tag: Side(spelt[tag].words, maps[tag].apply(x[tag])) for tag in x}
            for way, maps in ways.items()
        }
        rows = Scores()
        pairs = list(combinations(place.languages, 2))
        advance = place.start(f"{self.name}: lexicon induction", len(pairs))
        for a, b in pairs:
            where = {"language": a, "pivot": b, "direction": f"{a}>{b}"}
            sides = {way: (side[a], side[b]) for way, side in mapped.items()}
            rows += self.ask(place, self.entries(place, a, b), sides, **where)
            advance(1)
        self.finish(place, rows)

    def _hub(
        self, spelt: Mapping[str, WordVectors], x: Mapping[str, np.ndarray], place: Workplace
    ) -> dict[str, Map]:
        """Each language turned onto the pivot."""
        y, advance = x[place.pivot], place.start(f"{self.name}: hub", len(place.languages))
        maps = dict.fromkeys(x, Map())
        for tag in place.languages:
            if self.start == "wasserstein_procrustes":
                maps[tag] = wasserstein_procrustes(x[tag], y, seed=place.seed)
            elif self.start != "shared":
                rows = self_learning(
                    self.start, source=x[tag], target=y, seed=place.seed, reweight=0.0,
                    words=(spelt[tag].words, spelt[place.pivot].words),
                    learn=self.start == "unsupervised",
                ).pairs  # fmt: skip
                maps[tag] = fit("procrustes", source=x[tag][rows[:, 0]], target=y[rows[:, 1]])
                if self.start == "identical":
                    place.notes.append(
                        f"{self.name}, {tag}: turned onto {place.pivot} by {len(rows)} words "
                        "spelled alike"
                    )
            advance(1)
        return maps
