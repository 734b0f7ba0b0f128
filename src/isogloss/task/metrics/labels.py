"""Scores of classes: one an example, or any number of them.

A prediction that is None is a wrong one. A told class that no gold example has is wrong for the
example, but has no F1 of its own unless it is named in `classes`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from isogloss.task.contracts import Tally
from isogloss.task.metrics.sums import checked, f1, mean, ratio

Label = Hashable
Labels = Iterable[Label]


def accuracy(gold: Sequence[Label], told: Sequence[Label | None]) -> Tally:
    """The share of examples with the right class.

    Raises:
        UsageError: unequal lengths, no example, or a gold class that is unknown.
    """
    checked(gold, told)
    return mean([one is not None and one == other for one, other in zip(told, gold, strict=True)])


def macro_f1(
    gold: Sequence[Label], told: Sequence[Label | None], classes: Sequence[Label] | None = None
) -> Tally:
    """(1/C) sum_c 2 right_c / (told_c + gold_c).

    Args:
        gold: one class an example.
        told: one class an example, or None.
        classes: C, all of which count, as `labels` of scikit-learn's `f1_score`: one that is
            neither gold nor told has F1 0. Without it C are the classes of gold; in a resample of
            the bootstrap they are the classes of gold in that resample.

    Raises:
        UsageError: unequal lengths, no example, or a gold class that is unknown.

    Prefer it to accuracy where classes are of unequal size and the rare ones matter as much.
    Source: Opitz and Burst (2019), Macro F1 and Macro F1, equation for the averaged F1.
    """
    checked(gold, told)
    return macro_f1_of_sets([{one} for one in gold], _as_sets(told), classes)


def class_f1(gold: Sequence[Label], told: Sequence[Label | None]) -> dict[Label, Tally]:
    """F1 of each class of gold, by class.

    Raises:
        UsageError: unequal lengths, no example, or a gold class that is unknown.
    """
    checked(gold, told)
    sets = [{one} for one in gold]
    names = _classes(sets)
    counts = _counts(sets, _as_sets(told), names)  # [n, 3, c]
    return {
        name: Tally(counts[:, :, at], lambda s: f1(*s), {"class": name})
        for at, name in enumerate(names)
    }


def matthews(gold: Sequence[Label], told: Sequence[Label | None]) -> Tally:
    """(c s - sum_k p_k t_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum t_k^2)), Gorodkin's R_K.

    c examples of s are right, t_k have class k and p_k were told it; None is a class of its own.
    0 where one of the two sides has a single class, as in scikit-learn.

    Raises:
        UsageError: unequal lengths, no example, or a gold class that is unknown.

    Prefer it where one class is so common that telling it always has a high accuracy.
    Source: Gorodkin (2004), Comparing two K-category assignments by a K-category correlation.
    """
    checked(gold, told)
    names = _classes([[*gold, *told]])
    right = [one == other for one, other in zip(gold, told, strict=True)]
    both = [np.array([[one == name for name in names] for one in side]) for side in (gold, told)]
    columns = np.column_stack([right, np.ones(len(gold)), *both]).astype(float)

    def value(s: np.ndarray) -> np.ndarray:
        s = s / s[1]
        true, guess = s[2 : 2 + len(names)], s[2 + len(names) :]
        spread = (1 - (guess**2).sum(0)) * (1 - (true**2).sum(0))
        return ratio(s[0] - (true * guess).sum(0), np.sqrt(np.where(spread > 1e-12, spread, 0)))

    return Tally(columns, value)


def micro_f1_of_sets(gold: Sequence[Labels], told: Sequence[Labels | None]) -> Tally:
    """2 right / (told + gold), over all classes together; None counts as no class.

    Raises:
        UsageError: unequal lengths, no example, or gold classes that are unknown.
    """
    checked(gold, told)
    counts = [_overlap(set(one), set(other or ())) for one, other in zip(gold, told, strict=True)]
    return Tally(np.array(counts, float), lambda s: f1(*s))


def macro_f1_of_sets(
    gold: Sequence[Labels], told: Sequence[Labels | None], classes: Sequence[Label] | None = None
) -> Tally:
    """The mean of the F1 of classes, of which an example may have any number.

    Args:
        gold: the classes of each example.
        told: those it was told, or None for none.
        classes: as in `macro_f1`.

    Raises:
        UsageError: unequal lengths, no example, or gold classes that are unknown.
    """
    checked(gold, told)
    names = _classes(gold) if classes is None else list(classes)
    counts = _counts(gold, told, names)  # [n, 3, c]

    def value(s: np.ndarray) -> np.ndarray:
        right, guess, true = s.reshape(3, len(names), *s.shape[1:])
        used = true > 0 if classes is None else np.ones_like(true)
        return ratio((f1(right, guess, true) * used).sum(0), used.sum(0))

    settings = {"classes": "of gold" if classes is None else "as given", "count": len(names)}
    return Tally(counts.reshape(len(counts), -1), value, settings)


def same_sets(gold: Sequence[Labels], told: Sequence[Labels | None]) -> Tally:
    """The share of examples with all the right classes and no other.

    Raises:
        UsageError: unequal lengths, no example, or gold classes that are unknown.
    """
    checked(gold, told)
    return mean(
        [one is not None and set(one) == set(other) for one, other in zip(told, gold, strict=True)]
    )


def _as_sets(told: Sequence[Label | None]) -> list[Labels | None]:
    return [None if one is None else {one} for one in told]


def _classes(rows: Iterable[Labels]) -> list[Any]:
    return sorted({name for row in rows for name in row}, key=str)


def _overlap(gold: set[Label], told: set[Label]) -> tuple[int, int, int]:
    return len(gold & told), len(told), len(gold)


def _counts(
    gold: Sequence[Labels], told: Sequence[Labels | None], names: Sequence[Label]
) -> np.ndarray:
    """`[n, 3, c]`: right, told and gold, 0 or 1, by example and class."""
    at = {name: column for column, name in enumerate(names)}
    counts = np.zeros((len(gold), 3, len(names)))
    for row, (one, other) in enumerate(zip(gold, told, strict=True)):
        for kind, labels in ((1, other or ()), (2, one)):
            counts[row, kind, [at[label] for label in labels if label in at]] = 1
    counts[:, 0] = counts[:, 1] * counts[:, 2]
    return counts
