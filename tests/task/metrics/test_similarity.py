"""Correlations equal scipy's, on the sample and for Pearson on every resample."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from isogloss.errors import UsageError, VectorError
from isogloss.score import bootstrap_of_sums, resampled
from isogloss.task.metrics.similarity import correlations

NUMBERS = st.lists(
    st.tuples(st.integers(-20, 20).map(lambda i: i / 4), st.integers(-9, 9)),
    min_size=3,
    max_size=30,
)


def value(tally):
    return float(tally.statistic(tally.columns.sum(0)))


@given(NUMBERS)
def test_they_equal_scipy(pairs):
    x, y = map(list, zip(*pairs, strict=True))
    assume(len(set(x)) > 1 and len(set(y)) > 1)
    found = correlations(x, y)
    assert value(found["pearson"]) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)
    assert value(found["spearman"]) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-9)


def test_scale_and_offset_do_not_matter_and_digits_are_kept():
    rng = np.random.default_rng(0)
    x = rng.normal(size=50)
    y = x + rng.normal(size=50)
    expected = stats.pearsonr(x, y).statistic
    for told in (y * 1e300, y * 1e-300, y + 1e6):
        assert value(correlations(x, told)["pearson"]) == pytest.approx(expected, abs=1e-7)
    tally = correlations(x, y)["pearson"]
    assert tally.statistic(tally.columns.mean(0)) == pytest.approx(value(tally))
    assert value(correlations(x, x)["pearson"]) == 1
    assert value(correlations(x, -x)["spearman"]) == pytest.approx(-1)


def test_a_resample_has_the_correlation_of_its_own_pairs():
    rng = np.random.default_rng(1)
    x = rng.normal(size=20)
    y = x + rng.normal(size=20)
    tally = correlations(x, y)["pearson"]
    found = tally.statistic(resampled(tally.columns, resamples=50).T)
    draws = np.random.default_rng(0).integers(0, 20, size=(50, 20))
    expected = [stats.pearsonr(x[draw], y[draw]).statistic for draw in draws]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_interval_of_ranks_is_near_that_of_ranking_again():
    rng = np.random.default_rng(2)
    x = rng.integers(0, 6, 200)
    y = x + 2 * rng.normal(size=200)
    found = bootstrap_of_sums(*correlations(x, y)["spearman"][:2])
    draws = np.random.default_rng(0).integers(0, 200, size=(1000, 200))
    again = [stats.spearmanr(x[draw], y[draw]).statistic for draw in draws]
    assert found.value == pytest.approx(stats.spearmanr(x, y).statistic)
    np.testing.assert_allclose(found[1:], np.percentile(again, [2.5, 97.5]), atol=0.02)


def test_pairs_without_a_prediction_pull_towards_nothing():
    x = [1, 2, 3, 4, 5, 6]
    found = correlations(x, [1, None, 3, None, 5, 6])
    filled = [1, 3.75, 3, 3.75, 5, 6]
    assert value(found["pearson"]) == pytest.approx(stats.pearsonr(x, filled).statistic)
    assert value(found["spearman"]) < 1
    assert found["pearson"].settings == {"without a prediction": 2}
    assert np.isnan(value(correlations(x, [None] * 6)["pearson"]))


@pytest.mark.parametrize("constant", [0, 1, 0.1, 1e9 + 0.1])
def test_a_constant_has_no_correlation(constant):
    for name in ("pearson", "spearman"):
        assert np.isnan(value(correlations([1, 2, 3], [constant] * 3)[name]))
        assert np.isnan(value(correlations([constant] * 3, [1, 2, 3])[name]))


def test_resamples_that_are_constant_are_left_out():
    tally = correlations([0, 1, 1], [0, 1, 1])["pearson"]
    found = tally.statistic(resampled(tally.columns, resamples=100).T)
    assert set(np.unique(found[np.isfinite(found)]).round(9)) == {1}
    assert np.isnan(found).any()


def test_bad_input():
    with pytest.raises(VectorError, match="told score"):
        correlations([1, 2], [1, np.nan])
    with pytest.raises(VectorError, match="gold score"):
        correlations([1, np.inf], [1, 2])
    with pytest.raises(UsageError, match="example 2 has no gold"):
        correlations([1, None], [1, 2])
