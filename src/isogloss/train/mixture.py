"""Mixtures: which rows and which languages a batch holds, as a function of (seed, step) alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from isogloss.errors import TrainingError

Ragged = Sequence[np.ndarray | None]
"""Token ids `[tokens]` a row; None where the language lacks the row."""


@dataclass
class ParallelViews:
    """The same sentences in several languages: the pivot and `views - 1` others, drawn anew.

    Attributes:
        tokens: token ids per language and row.
        teacher: `[rows, d]` the teacher's vectors of the pivot.
        pivot: the language that is a view of every batch.
        size: sentences in a batch.
        views: languages in a batch, the pivot included.
        drop: probability with which a token is left out, which keeps a student that sees few
            sentences from leaning on any one word.
        with_pivot: whether the pivot is a view too; where its vectors cannot change, it need not.
    """

    tokens: Mapping[str, Ragged]
    teacher: np.ndarray
    pivot: str
    size: int = 512
    views: int = 3
    drop: float = 0.2
    with_pivot: bool = True

    def __post_init__(self) -> None:
        self._others = sorted(set(self.tokens) - {self.pivot})
        rows = {
            lang: {i for i, ids in enumerate(r) if ids is not None}
            for lang, r in self.tokens.items()
        }
        self._rows = {
            lang: np.array(sorted(rows[lang] & rows[self.pivot])) for lang in self._others
        }
        if empty := [lang for lang, r in self._rows.items() if len(r) < 2]:
            raise TrainingError(
                f"{', '.join(empty)}: fewer than 2 sentences shared with {self.pivot}"
            )

    def batch(self, seed: int, step: int) -> dict[str, Any]:
        """Flat token ids of all views, their offsets, and the teacher's vectors.

        Returns:
            `ids` `[tokens]`, `offsets` `[views * B]`, `views` `[]`, `teacher` `[B, d]`, and
            `read`, the tokens of each language in it.
        """
        rng = np.random.default_rng([seed, step])
        others = list(
            rng.choice(self._others, min(self.views - 1, len(self._others)), replace=False)
        )
        shared = self._rows[others[0]]
        for language in others[1:]:
            common = np.intersect1d(shared, self._rows[language], assume_unique=True)
            if len(common) < 2:  # languages of different corpora: train on one of them
                others = others[: others.index(language)]
                break
            shared = common
        rows = rng.choice(shared, min(self.size, len(shared)), replace=False)
        chosen = [self.pivot, *others] if self.with_pivot else others
        sequences = [self._thin(self.tokens[lang][i], rng) for lang in chosen for i in rows]
        lengths = np.array([len(s) for s in sequences])
        per_view = lengths.reshape(len(chosen), -1).sum(1)  # [views]
        offsets = np.concatenate([[0], lengths.cumsum()[:-1]])
        return {
            "ids": torch.from_numpy(np.concatenate(sequences).astype(np.int64)),
            "offsets": torch.from_numpy(offsets),
            "views": torch.tensor(len(chosen)),
            "teacher": torch.from_numpy(self.teacher[rows]),
            "read": dict(zip(map(str, chosen), map(int, per_view), strict=True)),
        }

    def _thin(self, ids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if not self.drop:
            return ids
        kept = ids[rng.random(len(ids)) >= self.drop]
        return kept if len(kept) else ids
