"""Planted clusters are found, and no single move makes them better."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.vq import kmeans2

from isogloss.errors import UsageError, VectorError
from isogloss.match import clusters
from isogloss.match.clusters import kmeans, means, tree


def planted(seed=0, k=5, each=30, d=8):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(k), each)
    return 10 * rng.normal(size=(k, d))[labels] + rng.normal(size=(k * each, d)), labels


def same(a, b):
    """One partition by two namings."""
    return len(set(zip(a, b, strict=True))) == len(set(a)) == len(set(b))


@pytest.mark.parametrize("method", [kmeans, tree])
def test_planted_clusters_are_found(method):
    x, labels = planted()
    assert same(method(x, 5), labels)
    assert set(method(x, 5)) == set(range(5))
    assert same(method(x + 1000, 5), labels)


@given(st.integers(0, 100), st.integers(1, 12))
def test_every_vector_ends_at_its_nearest_mean_and_no_cluster_is_empty(seed, k):
    x = np.random.default_rng(seed).normal(size=(60, 3))
    labels = kmeans(x, k, seed=seed)
    assert set(labels) == set(range(k))
    means = np.stack([x[labels == c].mean(0) for c in range(k)])
    far = ((x[:, None] - means) ** 2).sum(2)  # [n, k]
    assert (far[np.arange(60), labels] <= far.min(1) + 1e-4).all()


def test_means_are_those_of_each_label_and_zeros_where_it_has_none():
    x, labels = planted()
    found = means(x + 1000, 2 * labels, 10)
    assert found.shape == (10, 8) and found.dtype == np.float32 and not found[1::2].any()
    for c in range(5):
        np.testing.assert_allclose(found[2 * c], x[labels == c].mean(0) + 1000, rtol=1e-6)


def test_it_ends_no_worse_than_from_random_beginnings():
    x = np.random.default_rng(5).normal(size=(20, 6))[np.arange(600) % 20] * 10
    x += np.random.default_rng(6).normal(size=x.shape)
    plain = [kmeans2(x, 20, minit="points", seed=seed, missing="warn")[1] for seed in range(5)]
    ours = [spread(x, kmeans(x, 20, seed=seed)) for seed in range(5)]
    assert max(ours) < min(spread(x, labels) for labels in plain)


def spread(x, labels):
    """Sum of squared distances to the mean of the own cluster."""
    return ((x - np.stack([x[labels == c].mean(0) for c in labels])) ** 2).sum()


def test_more_clusters_than_different_vectors_and_ties():
    assert len(set(kmeans(np.ones((6, 2)), 3))) <= 3
    assert tree(np.ones((1, 2)), 1).tolist() == [0]


def test_tiles_change_nothing(monkeypatch):
    x, _ = planted(3)
    whole = kmeans(x, 7)
    monkeypatch.setattr("isogloss.match.neighbours.TILE_BYTES", 200)
    np.testing.assert_array_equal(whole, kmeans(x, 7))


def test_what_cannot_be_clustered_is_refused(monkeypatch):
    x, _ = planted()
    with pytest.raises(UsageError, match="150 vectors cannot make 151"):
        kmeans(x, 151)
    with pytest.raises(VectorError, match="NaN"):
        kmeans(np.where(x > 20, np.nan, x) * np.nan, 2)
    with pytest.raises(VectorError, match="not empty"):
        tree(np.empty((0, 3)), 1)
    monkeypatch.setattr(clusters, "TREE_LIMIT", 100)
    with pytest.raises(UsageError, match="150 vectors needs all"):
        tree(x, 2)
