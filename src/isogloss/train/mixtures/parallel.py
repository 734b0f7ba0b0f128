"""Mixtures: which rows and which languages a batch holds, as a function of (seed, step) alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from isogloss.errors import TrainingError
from isogloss.registry import register
from isogloss.settings import Count, Share
from isogloss.train.batch import Texts, stack_texts
from isogloss.train.material import Material

Ragged = Sequence[np.ndarray | None]
"""Token ids `[tokens]` a row; None where the language lacks the row."""


@dataclass
class ParallelViews:
    """The same sentences in several languages: the pivot and `views - 1` others, drawn anew.

    Attributes:
        tokens: token ids per language and row.
        teacher: `[rows, d]` the teacher's vectors of the pivot, if there is one.
        pivot: the language that is a view of every batch.
        size: sentences in a batch.
        views: languages in a batch, the pivot included.
        drop: probability with which a token is left out, which keeps a student that sees few
            sentences from leaning on any one word.
        numbers: of the languages, in the column `language`; without, there is none.
        with_pivot: whether the pivot is a view too; where its vectors cannot change, it need not.
    """

    tokens: Mapping[str, Ragged]
    teacher: np.ndarray | None
    pivot: str
    size: int = 512
    views: int = 3
    drop: float = 0.2
    with_pivot: bool = True
    numbers: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.pivot not in self.tokens:
            raise TrainingError(
                f"the pivot {self.pivot} is not among the languages that are read",
                remedy="name it too: parallel text is of it and others",
            )
        self._others = sorted(set(self.tokens) - {self.pivot})
        rows = {
            lang: {i for i, ids in enumerate(r) if ids is not None}
            for lang, r in self.tokens.items()
        }
        self._rows = {
            lang: np.array(sorted(rows[lang] & rows[self.pivot])) for lang in self._others
        }
        self._rows[self.pivot] = np.array(sorted(rows[self.pivot]))
        if empty := [lang for lang, r in self._rows.items() if len(r) < 2]:
            raise TrainingError(
                f"{', '.join(empty)}: fewer than 2 sentences shared with {self.pivot}"
            )

    def batch(self, seed: int, step: int) -> Texts:
        """Rows of a sentence in each view, the teacher's vectors in `teacher` `[B, d]`."""
        rng = np.random.default_rng([seed, step])
        others = list(
            rng.choice(self._others, min(self.views - 1, len(self._others)), replace=False)
        )
        shared = self._rows[others[0] if others else self.pivot]
        for language in others[1:]:
            common = np.intersect1d(shared, self._rows[language], assume_unique=True)
            if len(common) < 2:  # languages of different corpora: train on one of them
                others = others[: others.index(language)]
                break
            shared = common
        rows = rng.choice(shared, min(self.size, len(shared)), replace=False)
        chosen = [self.pivot, *others] if self.with_pivot else others
        return stack_texts(
            [[self._thin(self.tokens[lang][i], rng) for i in rows] for lang in chosen],
            [[str(lang)] * len(rows) for lang in chosen],
            self.numbers,
            rows={} if self.teacher is None else {"teacher": self.teacher[rows]},
        )

    def _thin(self, ids: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
        assert ids is not None, "only rows that a language has are drawn"
        if not self.drop:
            return ids
        kept = ids[rng.random(len(ids)) >= self.drop]
        return kept if len(kept) else ids


@register("mixture", "parallel.v1")
def parallel(
    material: Material,
    *,
    text: str,
    batch: Count = 48,
    views: Count = 2,
    drop: Share = 0.0,
    longest: Count | None = None,
) -> ParallelViews:
    """Rows of parallel text in the pivot and other languages, drawn anew in each batch.

    Args:
        material: of the run.
        text: the parallel corpus.
        batch: rows in a batch.
        views: languages in a batch, the pivot included; 1 for the pivot alone.
        drop: share of tokens left out at random.
        longest: rows of more tokens are left out; the model's window by default.
    """
    tokens = material.columns_of(text, longest)
    pivot = tokens.get(material.pivot, [])
    for tag, rows in tokens.items() if views > 1 else ():
        if alone := sum(a is not None and b is None for a, b in zip(rows, pivot, strict=False)):
            material.note(
                f"{text}: {alone} rows of {tag} without their {material.pivot} were not trained on"
            )
    wanted = "teacher" in material.columns and material.vectors is not None
    return ParallelViews(
        tokens, material.vectors(text) if wanted else None, material.pivot, size=batch,
        views=views, drop=drop, numbers=material.numbers,
    )  # fmt: skip
