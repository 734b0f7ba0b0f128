"""Sums over examples, and the quotients of them that scores are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from isogloss.errors import UsageError
from isogloss.task.contracts import Tally


def checked(gold: Sequence[Any], told: Sequence[Any]) -> None:
    """Gold and told values are of the same examples, one at least, and all gold ones are known.

    Raises:
        UsageError: they are not.
    """
    if len(gold) != len(told) or not len(gold):
        raise UsageError(
            f"{len(gold)} gold values and {len(told)} predictions",
            remedy="give one prediction an example, None where there is none",
        )
    missing = [row for row, value in enumerate(gold, 1) if value is None]
    if missing:
        raise UsageError(
            f"example {missing[0]} has no gold value, as {len(missing)} of {len(gold)} have none",
            remedy="score the examples that are labelled",
        )


def ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """The quotient, and 0 where `under` is 0, as scikit-learn and seqeval have it."""
    over, under = np.broadcast_arrays(np.asarray(over, float), np.asarray(under, float))
    return np.divide(over, under, out=np.zeros(under.shape), where=under > 0)


def f1(right: np.ndarray, told: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """2 right / (told + gold): the harmonic mean of precision and recall."""
    return ratio(2 * right, told + gold)


def mean(
    outcomes: Sequence[float] | np.ndarray, settings: Mapping[str, Any] | None = None
) -> Tally:
    """The mean over examples of one number each."""
    return share(outcomes, np.ones(len(outcomes)), settings)


def share(
    over: Sequence[float] | np.ndarray,
    under: Sequence[float] | np.ndarray,
    settings: Mapping[str, Any] | None = None,
) -> Tally:
    """sum(over) / sum(under), such as words that are right over words."""
    columns = np.stack([np.asarray(over, float), np.asarray(under, float)], 1)
    return Tally(columns, lambda s: ratio(s[0], s[1]), settings or {})


def prf(
    counts: np.ndarray | Sequence[tuple[float, float, float]],
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Tally]:
    """F1, precision and recall of counts.

    Args:
        counts: `[n, 3]` what is right, told and gold in each example.
        settings: how it was counted.
    """
    counts = np.asarray(counts, float).reshape(-1, 3)
    return {
        "f1": Tally(counts, lambda s: f1(*s), settings or {}),
        "precision": share(counts[:, 0], counts[:, 1], settings),
        "recall": share(counts[:, 0], counts[:, 2], settings),
    }
