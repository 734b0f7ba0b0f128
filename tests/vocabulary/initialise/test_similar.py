"""Weights by likeness, against slow versions that make the whole matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import UsageError, VectorError
from isogloss.vocabulary.initialise import similar
from isogloss.vocabulary.initialise.similar import (
    softmax_weights,
    sparsemax_weights,
    spread,
    token_vectors,
)


def cosines(x, y):
    x, y = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (x, y))
    return x.astype(float) @ y.astype(float).T


def slow_sparsemax(z):
    """The threshold found by halving, which knows nothing of sorting."""
    low, high = z.max() - 1, z.max()
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(z - middle, 0).sum() > 1 else (low, middle)
    return np.maximum(z - low, 0)


@given(
    seed=st.integers(0, 1000),
    m=st.sampled_from([1, 2, 7, 100, 1023, 1025, 3100]),
    c=st.sampled_from([1, 2, 8, 60]),
    shift=st.sampled_from([0.0, 1.0, 10.0]),
)
@settings(max_examples=40, deadline=None)
def test_sparsemax_is_exact_and_its_support_is_whole(seed, m, c, shift):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(5, c)) + shift, rng.normal(size=(m, c)) + shift
    y[rng.random(m) < 0.2] = y[0]  # ties
    made = sparsemax_weights(x, y, tile=2)
    wanted = np.array([slow_sparsemax(row) for row in cosines(x, y)])
    np.testing.assert_allclose(made.toarray(), wanted, atol=2e-6)
    np.testing.assert_allclose(made.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("maxima", [1, 3, 50, 5000])
def test_the_number_of_blocks_changes_nothing(maxima, monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 2)), rng.normal(size=(2997, 2))
    wanted = sparsemax_weights(x, y)
    assert (np.diff(wanted.indptr) > 100).any()  # wide supports: many share a block
    monkeypatch.setattr(similar, "MAXIMA", maxima)
    np.testing.assert_allclose(sparsemax_weights(x, y).toarray(), wanted.toarray(), atol=1e-6)


def test_sparsemax_against_entmax():
    entmax = pytest.importorskip("entmax")
    import torch

    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, 50)), rng.normal(size=(2500, 50))
    wanted = entmax.sparsemax(torch.from_numpy(cosines(x, y)), dim=1).numpy()
    np.testing.assert_allclose(sparsemax_weights(x, y).toarray(), wanted, atol=2e-6)


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.1), (10, 0.1), (4, 1.0), (900, 0.05)])
def test_softmax_over_the_nearest(k, temperature):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(30, 20)), rng.normal(size=(300, 20))
    made = softmax_weights(x, y, neighbours=k, temperature=temperature).toarray()
    for row, z in zip(made, cosines(x, y), strict=True):
        best = np.argsort(-z)[:k]
        raised = np.exp(z[best] / temperature)
        assert set(np.flatnonzero(row)) == set(best)
        np.testing.assert_allclose(row[best], raised / raised.sum(), atol=1e-5)


def test_weights_go_where_they_belong():
    weights = softmax_weights(np.eye(2), np.eye(2), neighbours=1, temperature=1.0)
    made = spread(weights, np.array([4, 1]), np.array([0, 5]), (6, 7)).toarray()
    assert made[4, 0] == made[1, 5] == 1 and made.sum() == 2


def test_what_cannot_be_weighted_is_refused():
    with pytest.raises(UsageError, match="temperature 0"):
        softmax_weights(np.eye(2), np.eye(2), neighbours=1, temperature=0)
    with pytest.raises(VectorError, match=r"mine: vectors \[2, 2\] for 3 tokens"):
        token_vectors(np.eye(2), 3, "mine")
    with pytest.raises(VectorError, match="1 of 2 rows hold NaN or infinity, the first is row 1"):
        token_vectors(np.array([[1, 2], [3, np.nan]]), 2, "mine")
    vectors, known = token_vectors(np.array([[0, 0], [0, 1]]), 2, "mine")
    assert vectors.dtype == np.float32 and known.tolist() == [False, True]
