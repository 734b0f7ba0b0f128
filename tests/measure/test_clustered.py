"""Outcomes of one item are drawn together."""

import numpy as np
import pytest

from isogloss.errors import VectorError
from isogloss.measure.clustered import clustered_mean
from isogloss.score import bootstrap_mean


def test_copies_of_an_outcome_do_not_narrow_the_interval():
    outcomes = np.random.default_rng(0).normal(size=50)
    one = bootstrap_mean(outcomes)[0]
    many = clustered_mean(np.repeat(outcomes, 9), np.repeat(np.arange(50), 9))
    np.testing.assert_allclose(many, one, atol=1e-9)
    naive = bootstrap_mean(np.repeat(outcomes, 9))[0]
    assert many.high - many.low > 2 * (naive.high - naive.low)


def test_every_outcome_counts_alike_and_names_of_clusters_do_not_matter():
    found = clustered_mean(np.array([1.0, 0, 0, 0]), np.array([7, 7, 7, 3]))
    assert found.value == 0.25
    with pytest.raises(VectorError, match="at least 2 items, got 1"):
        clustered_mean(np.ones(3), np.zeros(3))
