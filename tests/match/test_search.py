"""Neighbours in tiles equal the plain formula over the whole matrix, ties and hubs included."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import UsageError, VectorError
from isogloss.match.neighbours import unit
from isogloss.match.search import SCORES, nearest


def plain(x, y, k, score, near):
    cosines = x @ y.T
    r = [np.sort(c, 1)[:, ::-1][:, : min(near, c.shape[1])].mean(1) for c in (cosines, cosines.T)]
    rx, ry = r[0][:, None], r[1][None]
    made = {
        "cosine": cosines,
        "absolute": cosines,
        "csls": 2 * cosines - rx - ry,
        "ratio": cosines / ((rx + ry) / 2),
        "distance": cosines - (rx + ry) / 2,
    }[score]
    ids = np.argsort(-made, axis=1, kind="stable")[:, :k]
    return ids, np.take_along_axis(made, ids, 1)


@pytest.mark.parametrize("score", SCORES)
@given(
    n=st.integers(1, 12), m=st.integers(1, 12), near=st.integers(1, 14),
    tile=st.integers(0, 5), seed=st.integers(0, 99), data=st.data(),
)  # fmt: skip
def test_tiles_of_any_size_equal_the_formula(score, n, m, near, tile, seed, data):
    k = data.draw(st.integers(1, m))
    rng = np.random.default_rng(seed)
    x, y = unit(rng.normal(size=(n, 4)) + 1), unit(rng.normal(size=(m, 4)) + 1)
    found = nearest(x, y, k, score=score, neighbourhood=near, tile=tile)
    _, scores = plain(x, y, k, score, near)
    np.testing.assert_allclose(found.scores, scores, atol=2e-5, rtol=2e-4)
    assert (np.diff(found.scores, axis=1) <= 1e-6).all()
    assert all(len(set(row)) == k for row in found.ids.tolist())


@pytest.mark.parametrize("score", SCORES)
def test_some_rows_get_the_answers_they_get_among_all(score):
    rng = np.random.default_rng(0)
    x, y = unit(rng.normal(size=(30, 4)) + 1), unit(rng.normal(size=(20, 4)) + 1)
    some = np.array([7, 3, 22])
    alone, among = nearest(x, y, 3, score=score, rows=some), nearest(x, y, 3, score=score)
    np.testing.assert_array_equal(alone.ids, among.ids[some])
    np.testing.assert_allclose(alone.scores, among.scores[some], atol=1e-6)


def test_of_equals_the_lower_id_comes_first():
    y = unit(np.array([[1.0, 0], [0, 1], [1, 0], [1, 0]]))
    assert nearest(y[:1], y, 2).ids.tolist() == [[0, 2]]
    assert nearest(y[:1], y, 3).ids.tolist() == [[0, 2, 3]]
    assert nearest(y[:1], y, 1).ids.tolist() == [[0]]


def test_csls_passes_over_a_hub():
    rng = np.random.default_rng(0)
    y = unit(rng.normal(size=(50, 8)))
    x = unit(y + 0.9 * rng.normal(size=y.shape) + 1.5)
    gold = np.arange(50)
    hits = {s: (nearest(x, y, score=s).ids[:, 0] == gold).mean() for s in SCORES}
    assert hits["csls"] > hits["cosine"] and hits["csls"] == hits["distance"]


def test_what_cannot_be_searched_says_so():
    x = unit(np.eye(4))
    with pytest.raises(UsageError, match="cosine, absolute, csls, distance, ratio"):
        nearest(x, x, score="margin")
    with pytest.raises(VectorError, match="k is 5; the index holds 4"):
        nearest(x, x, 5)
    with pytest.raises(VectorError, match="widths 4 and 3"):
        nearest(x, x[:, :3])
