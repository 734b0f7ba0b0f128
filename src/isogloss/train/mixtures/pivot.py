"""The mixture of the pivot alone: its texts, and another model's vectors of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from isogloss.errors import TrainingError
from isogloss.registry import register
from isogloss.settings import Count
from isogloss.train.batch import Texts, stack_texts
from isogloss.train.material import Material


@dataclass
class PivotText:
    """Rows of the pivot, drawn anew in each batch: one view.

    Attributes:
        ids: token ids a row, None where there is no text.
        teacher: `[rows, d]` the other model's vectors, if they are wanted.
        pivot: its tag.
        size: rows in a batch.
        numbers: the number of the pivot, in the column `language`.

    Raises:
        TrainingError: fewer than two rows.
    """

    ids: Sequence[np.ndarray | None]
    teacher: np.ndarray | None
    pivot: str
    size: int = 48
    numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rows = np.array([i for i, ids in enumerate(self.ids) if ids is not None])
        if len(self._rows) < 2:
            raise TrainingError(f"{self.pivot}: fewer than 2 texts")

    def batch(self, seed: int, step: int) -> Texts:
        """Rows, and the other model's vectors in `teacher` `[B, d]`."""
        rng = np.random.default_rng([seed, step])
        rows = rng.choice(self._rows, min(self.size, len(self._rows)), replace=False)
        return stack_texts(
            [[ids for i in rows if (ids := self.ids[i]) is not None]],
            [[self.pivot] * len(rows)],
            self.numbers,
            rows={} if self.teacher is None else {"teacher": self.teacher[rows]},
        )


@register("mixture", "pivot.v1")
def pivot(
    material: Material, *, text: str, batch: Count = 48, longest: Count | None = None
) -> PivotText:
    """Texts of the pivot alone; other languages of the corpus are not read.

    Prefer it where another model's vectors are the aim and the model's languages are to follow by
    themselves; with parallel text `parallel.v1` pulls them too.

    Args:
        material: of the run.
        text: the corpus; it needs no parallel rows.
        batch: rows in a batch.
        longest: rows of more tokens are left out; the model's window by default.
    """
    alone = replace(material, languages=())
    wanted = "teacher" in material.columns and material.vectors is not None
    return PivotText(
        alone.columns_of(text, longest)[material.pivot],
        material.vectors(text) if wanted else None,
        material.pivot, size=batch, numbers=material.numbers,
    )  # fmt: skip
