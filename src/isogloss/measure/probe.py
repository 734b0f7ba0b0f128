"""Can a linear probe tell the language from the pivot?"""

from __future__ import annotations

import numpy as np

from isogloss.measure.pair import Finding, Pair
from isogloss.registry import register

FOLDS = 5
RIDGE = 1e-2


@register("measure", "language_probe.v1")
def language_probe(pair: Pair, *, seed: int = 0) -> list[Finding]:
    """Accuracy of a linear language-ID probe, language against pivot, on unseen sentences.

    A ridge classifier on unit vectors, w = argmin ||Zw - t||^2 + lambda n ||w||^2 with targets
    +-1, five folds; a sentence and its translation are always in the same fold. 0.5 is language
    neutral, 1.0 means that the language can be read off a direction in the space.

    Source: Libovický, Rosa and Fraser (2020), section 3 (language identification).
    """
    x, y = (side.astype(np.float64) for side in pair.units)
    n = len(x)
    fold = np.random.default_rng(seed).permutation(n) % min(FOLDS, n)  # [n]
    correct = np.empty(n)
    folds = [fold == f for f in range(min(FOLDS, n))]
    # Second moments and sums of each fold; those of a training set are all but one fold's.
    moments = [x[at].T @ x[at] + y[at].T @ y[at] for at in folds]  # [d, d] each
    sums = [(x[at].sum(0), y[at].sum(0)) for at in folds]  # ([d], [d]) each
    for f, at in enumerate(folds):
        left, right = (sum(s[side] for g, s in enumerate(sums) if g != f) for side in (0, 1))
        size = 2 * (n - at.sum())
        centre = (left + right) / size
        gram = sum(m for g, m in enumerate(moments) if g != f) - size * np.outer(centre, centre)
        gram += RIDGE * size / len(gram) * np.eye(len(gram))
        w = np.linalg.solve(gram, left - right)  # [d]; targets sum to 0, so the centre drops out
        signs = np.sign((x[at] - centre) @ w) - np.sign((y[at] - centre) @ w)
        correct[at] = 0.5 + signs / 4  # no sign is a guess
    settings = {"probe": "ridge", "folds": min(FOLDS, n), "ridge": RIDGE}
    return [Finding("language_probe_accuracy", correct, settings=settings)]
