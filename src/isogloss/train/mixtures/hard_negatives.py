"""Pairs of translations with sentences beside them that are near and mean something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from isogloss.errors import TrainingError, UsageError
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest
from isogloss.registry import register
from isogloss.settings import Count
from isogloss.train.batch import Texts, stack_texts
from isogloss.train.material import Material

Ragged = Sequence[np.ndarray | None]
_BEYOND = 8  # neighbours looked at beside those wanted, as some may be too near


def near_rows(vectors: np.ndarray, count: int, ceiling: float = 0.95) -> np.ndarray:
    """For each vector the rows of the nearest others whose cosine is not over `ceiling`.

    What is nearer than that most likely says the same, and would teach the model to part what
    belongs together.

    Args:
        vectors: `[n, d]`; rows of zeros are of no text.
        count: rows wanted.
        ceiling: largest cosine.

    Returns:
        `[n, count]` rows, nearest first, -1 where there are no more.
    """
    there = np.flatnonzero(np.any(vectors != 0, 1))
    found = np.full((len(vectors), count), -1)
    if len(there) < 2:
        return found
    vectors = unit(vectors[there])
    near = nearest(vectors, vectors, min(len(there), count + 1 + _BEYOND))
    good = (near.ids != np.arange(len(there))[:, None]) & (near.scores <= ceiling)
    places = good.cumsum(1) - 1  # where each would stand among the good ones
    rows, columns = np.nonzero(good & (places < count))
    found[there[rows], places[rows, columns]] = there[near.ids[rows, columns]]
    return found


@dataclass
class HardNegatives:
    """A sentence, its translation, and `negatives` sentences near to it in the other language.

    Each batch is of the pivot and one other language, drawn anew, and which of the two asks is
    drawn too. A row's negatives are drawn from its near rows, in the language of its translation.

    Attributes:
        tokens: token ids per language and row.
        near: `[rows, n]` rows whose sentences are near, -1 for none; mined from the vectors of a
            model, best of the one that is trained.
        pivot: the language that all pairs have.
        size: rows in a batch.
        negatives: views of near sentences, marked in the column `negative`.
        numbers: of the languages, in the column `language`; without, there is none.

    Raises:
        TrainingError: a language with fewer than 2 rows that have so many near rows.
    """

    tokens: Mapping[str, Ragged]
    near: np.ndarray
    pivot: str
    size: int = 48
    negatives: int = 1
    numbers: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        there = {
            tag: np.array([ids is not None for ids in rows]) for tag, rows in self.tokens.items()
        }
        self._others = sorted(set(self.tokens) - {self.pivot})
        self._may: dict[tuple[str, str], np.ndarray] = {}  # of who asks and who answers: near rows
        self._rows: dict[tuple[str, str], np.ndarray] = {}
        for other in self._others:
            shared = there[self.pivot] & there[other]
            for asks, answers in ((self.pivot, other), (other, self.pivot)):
                # -1 reads the last row, and is left out beside it
                may = (self.near >= 0) & there[answers][self.near]  # [rows, n]
                rows = np.flatnonzero(shared & (may.sum(1) >= self.negatives))
                if len(rows) < 2:
                    raise TrainingError(
                        f"{answers}: fewer than 2 sentences with {self.negatives} near ones",
                        remedy="take fewer negatives, more text, or a higher ceiling",
                    )
                self._may[asks, answers], self._rows[asks, answers] = may, rows

    @property
    def without(self) -> dict[str, int]:
        """Rows of each other language that have too few near ones, and are not read."""
        return {
            other: sum(
                ids is not None and pivot is not None
                for ids, pivot in zip(self.tokens[other], self.tokens[self.pivot], strict=True)
            )
            - len(self._rows[self.pivot, other])
            for other in self._others
        }

    def batch(self, seed: int, step: int) -> Texts:
        """Views: who asks, who answers, then the negatives of each row."""
        rng = np.random.default_rng([seed, step])
        other = str(rng.choice(self._others))
        asks, answers = rng.permutation([self.pivot, other]).tolist()
        rows = self._rows[asks, answers]
        rows = rng.choice(rows, min(self.size, len(rows)), replace=False)
        keys = np.where(
            self._may[asks, answers][rows], rng.random((len(rows), self.near.shape[1])), -1
        )
        drawn = np.argsort(-keys, 1, kind="stable")[:, : self.negatives]  # [B, negatives]
        near = np.take_along_axis(self.near[rows], drawn, 1)
        sides = [(asks, rows), (answers, rows), *((answers, column) for column in near.T)]
        return stack_texts(
            [[_there(self.tokens[tag][i]) for i in column] for tag, column in sides],
            [[tag] * len(rows) for tag, _ in sides],
            self.numbers,
            texts={"negative": np.repeat(np.arange(len(sides)) > 1, len(rows))},
        )


def _there(ids: np.ndarray | None) -> np.ndarray:
    assert ids is not None, "only rows that a language has are drawn"
    return ids


@register("mixture", "hard_negatives.v1")
def hard_negatives(
    material: Material,
    *,
    text: str,
    batch: Count = 48,
    negatives: Count = 1,
    pool: Count = 8,
    ceiling: float = 0.95,
    longest: Count | None = None,
) -> HardNegatives:
    """Rows of parallel text in the pivot and another language, with sentences that are near.

    Near is what the vectors of the pivot say that the run has for `targets`: the teacher's, or
    those of an earlier step that trained the model, which mine what it still confuses.

    Args:
        material: of the run.
        text: the parallel corpus.
        batch: rows in a batch.
        negatives: near sentences of each row.
        pool: the nearest rows that they are drawn from.
        ceiling: cosine over which a sentence is taken to mean the same.
        longest: rows of more tokens are left out; the model's window by default.

    Raises:
        UsageError: fewer rows in the pool than negatives, or no vectors.

    Source: Guo et al. (2018), Effective Parallel Corpus Mining using Bilingual Sentence Embeddings,
    where a model's own nearest wrong translations become candidates.
    """
    if not 1 <= negatives <= pool:
        raise UsageError(f"{negatives} negatives from a pool of {pool}", remedy="raise pool")
    if material.vectors is None:
        raise UsageError("hard negatives are mined from vectors, and there are none")
    made = HardNegatives(
        material.columns_of(text, longest), near_rows(material.vectors(text), pool, ceiling),
        material.pivot, size=batch, negatives=negatives, numbers=material.numbers,
    )  # fmt: skip
    for tag, count in made.without.items():
        if count:
            material.note(
                f"{text}: {count} rows of {tag} with fewer than {negatives} near sentences were "
                "not trained on"
            )
    return made
