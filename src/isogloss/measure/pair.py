"""A language beside its pivot, and what a measure finds in the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from isogloss.encode.vectors import Vectors, check_finite, pair_rows
from isogloss.errors import VectorError
from isogloss.match.neighbours import PairStatistics, pair_statistics, unit
from isogloss.measure.measured import Measured, item_key
from isogloss.score import Interval, Score, Scores, bootstrap_mean, defined


@dataclass(frozen=True)
class Finding:
    """One number of a measure, before it becomes a row.

    Attributes:
        measure: its name.
        outcomes: `[n]` per-item outcomes whose mean is the value; or None and `interval` is given.
        interval: the value and its interval where items are not independent.
        method: how the interval was made.
        direction: `left` (language to pivot), `right` (pivot to language) or nothing.
        settings: what the number depends on.
    """

    measure: str
    outcomes: np.ndarray | None = None
    interval: Interval | None = None
    method: str = "bootstrap over sentences"
    direction: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


class Pair:
    """Vectors of a language and of the pivot, cut to the rows that both have.

    Attributes:
        x: `[n, d]` the language.
        y: `[n, d]` the pivot; row i is the translation of row i of `x`.
        dropped: rows left out, by reason.

    Raises:
        VectorError: NaN or infinity, fewer than 2 common rows, or different sizes.
    """

    def __init__(self, language: Vectors, pivot: Vectors) -> None:
        i, j, self.dropped = pair_rows(language, pivot)
        if len(i) < 2:
            raise VectorError(
                f"{language.language} and {pivot.language} share {len(i)} rows; "
                "at least 2 are needed"
            )
        self.language, self.pivot = language, pivot
        self.x, self.y = language.array[i], pivot.array[j]  # [n, d], [n, d]
        check_finite(self.x, f"{language.language}, layer {language.layer}")
        check_finite(self.y, f"{pivot.language}, layer {pivot.layer}")

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def units(self) -> tuple[np.ndarray, np.ndarray]:
        """Both sides at unit length."""
        return unit(self.x), unit(self.y)

    @cached_property
    def statistics(self) -> PairStatistics:
        """Cosine statistics of the units, computed once for all measures that need them."""
        return pair_statistics(*self.units)

    def scores(self, findings: list[Finding], seed: int) -> Measured:
        """Rows with intervals; all per-item outcomes are resampled in one matrix product."""
        itemwise = [f.outcomes for f in findings if f.outcomes is not None]
        columns = np.stack(itemwise, 1) if itemwise else None  # [n, k]
        intervals = iter(bootstrap_mean(columns, seed=seed) if columns is not None else ())
        rows, items = [], {}
        for finding in findings:
            found = finding.interval or next(intervals)
            row = self._row(finding, found)
            rows.append(row)
            if finding.outcomes is not None:
                items[item_key(row)] = np.asarray(finding.outcomes, np.float32)
        return Measured(Scores(rows), items)

    def _row(self, finding: Finding, found: Interval) -> Score:
        left, right = self.language.language, self.pivot.language
        directions = {"left": f"{left}>{right}", "right": f"{right}>{left}", None: None}
        return Score(
            measure=finding.measure, language=left, pivot=right,
            direction=directions[finding.direction], layer=self.language.layer,
            pooling=self.language.pooling, value=defined(found.value), low=defined(found.low),
            high=defined(found.high), interval=finding.method, n=len(self),
            dropped=dict(self.dropped), truncated=self.language.truncated + self.pivot.truncated,
            model_fingerprint=self.language.model_fingerprint,
            corpus_fingerprint=self.language.corpus_fingerprint, settings=dict(finding.settings),
        )  # fmt: skip
