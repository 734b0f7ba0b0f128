"""Indexes of faiss answer as our own search does; the one that guesses is right when it looks."""

import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import MissingExtra, UsageError, VectorError
from isogloss.match import inverted
from isogloss.match.index import GUESSES, INDEXES, cosine_neighbours, in_order, shape
from isogloss.match.inverted import by_lists
from isogloss.match.neighbours import unit

faiss_only = pytest.importorskip("faiss", reason="needs pip install isogloss[faiss]")


def clusters(n, m, d=32, topics=60, noise=0.5, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(topics, d))
    made = [centres[rng.integers(0, topics, s)] + noise * rng.normal(size=(s, d)) for s in (n, m)]
    return unit(made[0]), unit(made[1])


ALL = {"lists": 20, "probes": 20}


@pytest.mark.parametrize("k", [1, 4])
def test_flat_and_guesses_through_all_lists_equal_the_exact_search(k):
    x, y = clusters(200, 900)
    wanted = cosine_neighbours(x, y, k)
    for index, through in (("flat", {}), ("ivf", ALL), ("lists", ALL)):
        found = cosine_neighbours(x, y, k, index=index, **through)
        np.testing.assert_array_equal(found.ids, wanted.ids)
        np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-6)


@pytest.mark.parametrize("index", GUESSES)
def test_guesses_find_most_neighbours_and_miss_some_with_one_probe(index):
    x, y = clusters(400, 2000)
    wanted = cosine_neighbours(x, y, 4).ids

    def recall(**settings):
        found = cosine_neighbours(x, y, 4, index=index, **settings).ids
        return np.mean([np.isin(f, w).mean() for f, w in zip(found, wanted, strict=True)])

    assert recall() > 0.9
    assert recall(lists=50, probes=1) < recall(lists=50, probes=50) == 1


@given(
    shape=st.tuples(st.integers(0, 90), st.integers(5, 130), st.integers(2, 9)),
    k=st.integers(1, 40),
    lists=st.integers(1, 12),
    probes=st.integers(1, 12),
    room=st.sampled_from([1, 20_000, 2**28]),
    seed=st.integers(0, 3),
)
@settings(deadline=None, max_examples=60)
def test_lists_give_the_best_of_the_lists_that_are_asked(shape, k, lists, probes, room, seed):
    rng = np.random.default_rng(seed)
    n, m, d = shape
    x, y = (unit(rng.normal(size=(size, d))) for size in (n, m))
    lists, k = min(lists, m), min(k, m)
    probes = min(probes, lists)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inverted, "BYTES", room)
        found = by_lists(x, y, k, lists=lists, probes=probes, seed=seed)
    centres = inverted.spherical_centres(torch.from_numpy(y), lists, seed).numpy()
    home, cosines = (y @ centres.T).argmax(1), x @ y.T
    asked = np.argsort(-(x @ centres.T), axis=1, kind="stable")[:, :probes]
    inside = (home == asked[..., None]).any(1)  # [n, m]
    inside[inside.sum(1) < k] = True
    wanted = -np.sort(-np.where(inside, cosines, -np.inf), axis=1)[:, :k]
    np.testing.assert_allclose(found.scores, wanted, atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(cosines, found.ids, 1), wanted, atol=1e-5)


@pytest.mark.parametrize("index", GUESSES)
def test_a_guess_is_the_same_again(index):
    x, y = clusters(100, 1000)
    one, two = (cosine_neighbours(x, y, 3, index=index, seed=5) for _ in range(2))
    assert one.ids.tobytes() == two.ids.tobytes() and one.scores.tobytes() == two.scores.tobytes()


@pytest.mark.parametrize("index", GUESSES)
def test_a_query_with_too_short_lists_is_answered_exactly(index):
    x, y = clusters(50, 60)
    found = cosine_neighbours(x, y, 30, index=index, lists=30, probes=1)
    assert (found.ids >= 0).all()
    np.testing.assert_array_equal(found.ids, cosine_neighbours(x, y, 30).ids)


def test_lists_have_enough_vectors_to_train_on():
    assert shape(10) == (1, 1)
    assert shape(2000) == (51, 1)
    lists, probes = shape(10**6)
    assert (lists, probes) == (4000, 100) and 10**6 // lists >= 39


def test_of_equals_the_lower_id_comes_first():
    ids, scores = np.array([[7, 2, 5]]), np.array([[0.5, 0.5, 0.9]], np.float32)
    assert in_order(ids, scores).ids.tolist() == [[5, 2, 7]]
    assert in_order(ids, scores, 2).ids.tolist() == [[5, 2]]


@pytest.mark.parametrize("index", INDEXES)
def test_what_cannot_be_searched_says_so(index):
    x = unit(np.eye(4))
    with pytest.raises(VectorError, match="k is 5; the index holds 4"):
        cosine_neighbours(x, x, 5, index=index)
    with pytest.raises(VectorError, match="widths 4 and 3"):
        cosine_neighbours(x, x[:, :3], 1, index=index)


def test_settings_that_cannot_be_say_so():
    x = unit(np.eye(4))
    with pytest.raises(UsageError, match="there is exact, lists, flat, ivf"):
        cosine_neighbours(x, x, 1, index="hnsw")
    with pytest.raises(UsageError, match="settings of lists and ivf"):
        cosine_neighbours(x, x, 1, index="flat", probes=2)
    with pytest.raises(UsageError, match="5 probes of 2 lists"):
        cosine_neighbours(x, x, 1, index="ivf", lists=2, probes=5)


def test_without_faiss_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    x = unit(np.eye(4))
    with pytest.raises(MissingExtra, match="faiss-cpu"):
        cosine_neighbours(x, x, 1, index="flat")
    assert cosine_neighbours(x, x, 1).ids.tolist() == [[0], [1], [2], [3]]
