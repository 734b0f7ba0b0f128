"""What a measure gives back: scores, and the per-item outcomes they were made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from isogloss.score import Score, Scores


class Measured(NamedTuple):
    """Scores with the outcomes a later paired test needs.

    Attributes:
        scores: one row a number.
        items: per-item outcomes `[n]` of those rows that have them, by `item_key`.
    """

    scores: Scores
    items: dict[str, np.ndarray]


def item_key(score: Score) -> str:
    """Where a row's per-item outcomes are kept: measure, language, direction and layer."""
    return f"{score.measure}|{score.language}|{score.direction}|{score.layer}"
