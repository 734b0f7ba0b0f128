"""The probe from shared second moments is the one fitted fold by fold."""

import numpy as np
import pytest

from isogloss.match.neighbours import unit
from isogloss.measure.probe import FOLDS, RIDGE, language_probe


class Pair:
    def __init__(self, x, y):
        self.units = unit(x), unit(y)


def plain(pair, seed):
    x, y = (side.astype(np.float64) for side in pair.units)
    fold = np.random.default_rng(seed).permutation(len(x)) % FOLDS
    correct = np.empty(len(x))
    for f in range(FOLDS):
        train, test = fold != f, fold == f
        z = np.concatenate([x[train], y[train]])
        t = np.repeat([1.0, -1.0], train.sum())
        centre = z.mean(0)
        gram = (z - centre).T @ (z - centre) + RIDGE * len(z) * np.eye(z.shape[1]) / z.shape[1]
        w = np.linalg.solve(gram, (z - centre).T @ t)
        correct[test] = (((x[test] - centre) @ w > 0) + 0.0 + ((y[test] - centre) @ w < 0)) / 2
    return correct


@pytest.mark.parametrize("seed", range(5))
def test_every_sentence_gets_the_verdict_of_the_plain_folds(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 30))  # few sentences for the width: a leak would show
    pair = Pair(x, x + 0.5 * rng.normal(size=x.shape) + 0.1)
    [found] = language_probe(pair, seed=seed)
    np.testing.assert_array_equal(found.outcomes, plain(pair, seed))
