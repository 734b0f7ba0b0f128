"""Correlation of told scores of pairs with those that people gave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from isogloss.errors import VectorError
from isogloss.task.contracts import Tally
from isogloss.task.metrics.sums import checked

_LEAST = 1e-12  # of a variance that is not rounding, as a share of the mean square


def correlations(gold: Sequence[float], told: Sequence[float | None]) -> dict[str, Tally]:
    """`spearman` and `pearson`: r = (m_xy - m_x m_y) / sqrt((m_xx - m_x^2) (m_yy - m_y^2)).

    m are means over pairs of x, y and their products, so a resample of pairs has the r of its own
    pairs. For Spearman x and y are ranks, equal ones sharing their mean rank. They are taken once:
    in a resample a pair keeps the rank it has in the whole sample, where ranking again would cost a
    sort a resample; the two differ by what ties in the resample do.

    A pair without a prediction is told the mean of the others, which says nothing: it adds to the
    spread of gold and not to what the two share, and so takes r towards 0.

    Args:
        gold: a score a pair.
        told: a score a pair, on any scale, or None.

    Returns:
        By measure; the value is NaN where one side is constant.

    Raises:
        UsageError: unequal lengths, no pair, or gold scores that are unknown.
        VectorError: a score that is not a finite number.

    Prefer Spearman, which asks no more than the order: what cosines and people mean by 0.8 is not
    the same.
    Source: Reimers, Beyer and Gurevych (2016), Task-Oriented Intrinsic Evaluation of Semantic
    Textual Similarity, section 3.
    """
    checked(gold, told)
    x = np.array(gold, float)
    read = np.array([one is not None for one in told])
    y = np.array([one for one in told if one is not None], float)
    for side, values in (("gold", x), ("told", y)):
        if not np.isfinite(values).all():
            raise VectorError(f"a {side} score is not a finite number")
    return {"spearman": _moments(rankdata(x), rankdata(y), read), "pearson": _moments(x, y, read)}


def _moments(x: np.ndarray, y: np.ndarray, read: np.ndarray) -> Tally:
    """Products of both, centred and scaled so that their squares keep all digits."""
    x, filled = _scaled(x), np.zeros(len(x))
    filled[read] = _scaled(y)
    columns = np.stack([np.ones(len(x)), x, filled, x * x, filled * filled, x * filled], 1)
    return Tally(columns, _r, {"without a prediction": int((~read).sum())})


def _scaled(values: np.ndarray) -> np.ndarray:
    values = values / max(np.abs(values).max(initial=0), np.finfo(float).tiny)
    values = values - (values.mean() if len(values) else 0)
    largest = np.abs(values).max(initial=0)
    return values / largest if largest > _LEAST else np.zeros_like(values)


def _r(s: np.ndarray) -> np.ndarray:
    x, y, xx, yy, xy = s[1:] / s[0]
    spread = [square - one * one for one, square in ((x, xx), (y, yy))]
    known = (spread[0] > _LEAST * xx) & (spread[1] > _LEAST * yy)
    under = np.sqrt(np.where(known, spread[0] * spread[1], np.nan))
    return np.clip((xy - x * y) / under, -1, 1)
