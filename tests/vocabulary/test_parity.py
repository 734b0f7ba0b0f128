"""Ratios of tokens between all languages, against the plain bootstrap of one ratio."""

import numpy as np
import pytest

from isogloss.errors import VectorError
from isogloss.score import bootstrap_ratio
from isogloss.vocabulary.parity import parity


@pytest.fixture
def tokens():
    return np.random.default_rng(0).integers(1, 60, (80, 5)).astype(float)


def test_all_pairs_are_the_plain_bootstrap(tokens):
    made = parity(tokens, np.ones(tokens.shape, bool), seed=3)
    for a in range(5):
        for b in range(5):
            wanted = bootstrap_ratio(tokens[:, a], tokens[:, b], seed=3)
            found = [matrix[a, b] for matrix in made[:3]]
            np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert (made.n == 80).all()


def test_only_sentences_that_both_have_count(tokens):
    there = np.random.default_rng(1).random(tokens.shape) < 0.6
    there[:, 3] = False
    there[0, 3] = True
    masked = tokens * there
    made = parity(masked, there)
    for a in range(5):
        for b in range(5):
            both = there[:, a] & there[:, b]
            assert made.n[a, b] == both.sum()
            if both.sum() < 2:
                assert np.isnan([m[a, b] for m in made[:3]]).all()
                continue
            value = tokens[both, a].sum() / tokens[both, b].sum()
            assert made.value[a, b] == pytest.approx(value)
            inner = bootstrap_ratio(tokens[both, a], tokens[both, b])
            # the same sentences drawn, but how many are shared varies too
            assert made.low[a, b] == pytest.approx(inner.low, rel=0.08)
            assert made.high[a, b] == pytest.approx(inner.high, rel=0.08)
    whole = tokens[:, 0].sum() / tokens[:, 1].sum()
    assert abs(made.value[0, 1] - whole) > 1e-3  # missing sentences do change it


def test_against_some_is_columns_of_all(tokens):
    there = np.random.default_rng(2).random(tokens.shape) < 0.8
    every, some = parity(tokens * there, there), parity(tokens * there, there, [4, 1])
    for one, other in zip(every, some, strict=True):
        np.testing.assert_array_equal(one[:, [4, 1]], other)


def test_scale_and_order_do_not_matter(tokens):
    there = np.ones(tokens.shape, bool)
    made, scaled = parity(tokens, there), parity(tokens * [1, 2, 3, 4, 5], there)
    np.testing.assert_allclose(scaled.value, made.value * np.arange(1, 6)[:, None] / range(1, 6))
    np.testing.assert_allclose(made.value * made.value.T, 1)


def test_no_tokens_have_no_ratio(tokens):
    tokens[:, 2] = 0
    made = parity(tokens, np.ones(tokens.shape, bool))
    assert np.isnan(made.value[:, 2]).all() and np.isnan(made.high[:, 2]).all()
    assert made.value[2, 0] == 0


def test_shapes_are_checked(tokens):
    with pytest.raises(VectorError):
        parity(tokens, np.ones((80, 4), bool))
    with pytest.raises(VectorError):
        parity(tokens[:1], np.ones((1, 5), bool))
