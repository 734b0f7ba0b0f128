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
    for f in range(min(FOLDS, n)):
        train, test = fold != f, fold == f
        z = np.concatenate([x[train], y[train]])  # [2m, d]
        t = np.repeat([1.0, -1.0], train.sum())  # [2m]
        centre = z.mean(0)
        z = z - centre
        gram = z.T @ z + RIDGE * len(z) * np.eye(z.shape[1]) / z.shape[1]
        w = np.linalg.solve(gram, z.T @ t)  # [d]
        correct[test] = (((x[test] - centre) @ w > 0) + 0.0 + ((y[test] - centre) @ w < 0)) / 2
    settings = {"probe": "ridge", "folds": min(FOLDS, n), "ridge": RIDGE}
    return [Finding("language_probe_accuracy", correct, settings=settings)]
