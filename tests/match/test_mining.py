"""Mining equals the plain loops over all pairs; the order of merging does not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import UsageError, VectorError
from isogloss.match.index import cosine_neighbours
from isogloss.match.mining import (
    MARGINS,
    RETRIEVALS,
    margins,
    merge,
    mine_pairs,
    rescored,
    score_pairs,
)
from isogloss.match.neighbours import unit
from isogloss.match.search import Neighbours, nearest


def both(x, y, k):
    return (
        rescored(x, y, nearest(x, y, min(k, len(y)))),
        rescored(y, x, nearest(y, x, min(k, len(x)))),
    )


def plain(x, y, k, margin, retrieval):
    """Loops over all pairs, straight from the paper."""
    cosines = x.astype(np.float64) @ y.astype(np.float64).T

    def near(row):
        return sorted(range(len(row)), key=lambda j: (-row[j], j))[:k]

    ahead, back = [near(row) for row in cosines], [near(row) for row in cosines.T]
    r_x = [np.mean([cosines[i, j] for j in ahead[i]]) for i in range(len(x))]
    r_y = [np.mean([cosines[i, j] for i in back[j]]) for j in range(len(y))]

    def score(i, j):
        a, b = cosines[i, j], (r_x[i] + r_y[j]) / 2
        return {"absolute": a, "distance": a - b, "ratio": a / b if b > 0 else 0.0}[margin]

    forward = {(i, max(ahead[i], key=lambda j: (score(i, j), -j))) for i in range(len(x))}
    backward = {(max(back[j], key=lambda i: (score(i, j), -i)), j) for j in range(len(y))}
    pairs = {"forward": forward, "backward": backward, "intersection": forward & backward}
    if retrieval != "max":
        return {pair: score(*pair) for pair in pairs[retrieval]}
    every = {(i, j) for i in range(len(x)) for j in ahead[i]}
    every |= {(i, j) for j in range(len(y)) for i in back[j]}
    found, seen_x, seen_y = {}, set(), set()
    for i, j in sorted(every, key=lambda pair: (-score(*pair), pair)):
        if i not in seen_x and j not in seen_y:
            found[i, j] = score(i, j)
            seen_x.add(i)
            seen_y.add(j)
    return found


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("retrieval", RETRIEVALS)
@settings(deadline=None)  # the first call loads torch
@given(n=st.integers(1, 14), m=st.integers(1, 14), k=st.integers(1, 5), seed=st.integers(0, 999))
def test_it_equals_the_loops(margin, retrieval, n, m, k, seed):
    rng = np.random.default_rng(seed)
    x, y = (unit(rng.normal(size=(s, 3)) + 0.5) for s in (n, m))
    found = mine_pairs(*both(x, y, k), margin=margin, retrieval=retrieval)
    wanted = plain(x, y, k, margin, retrieval)
    pairs = list(zip(found.source.tolist(), found.target.tolist(), strict=True))
    assert set(pairs) == set(wanted) and len(pairs) == len(wanted)
    np.testing.assert_allclose(found.scores, [wanted[p] for p in pairs], atol=1e-5, rtol=1e-4)
    assert (np.diff(found.scores) <= 0).all()


@given(
    n=st.integers(2, 40), m=st.integers(2, 40), cut=st.integers(1, 39), k=st.integers(1, 6),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_merged_parts_equal_one_search_in_any_order(n, m, cut, k, seed):
    rng = np.random.default_rng(seed)
    x, y = (unit(rng.normal(size=(s, 5))) for s in (n, m))
    y[rng.integers(0, m)] = y[0]  # a tie across the cut, sometimes
    cut, k = min(cut, m - 1), min(k, m)
    parts = [rescored(x, part, nearest(x, part, min(k, len(part)))) for part in (y[:cut], y[cut:])]
    parts[1] = Neighbours(parts[1].ids + cut, parts[1].scores)
    whole = rescored(x, y, nearest(x, y, k))
    for a, b in (parts, parts[::-1]):
        made = merge(a, b, k)
        np.testing.assert_array_equal(made.ids, whole.ids)
        np.testing.assert_array_equal(made.scores, whole.scores)


def test_ties_go_to_the_lower_numbers():
    one = np.ones((3, 2))
    found = (
        Neighbours(np.array([[0, 1], [0, 1], [0, 1]]), one),
        Neighbours(np.array([[0, 1], [0, 1]]), np.ones((2, 2))),
    )
    for retrieval, wanted in (
        ("max", [(0, 0), (1, 1)]),
        ("forward", [(0, 0), (1, 0), (2, 0)]),
        ("backward", [(0, 0), (0, 1)]),
        ("intersection", [(0, 0)]),
    ):
        made = mine_pairs(*found, retrieval=retrieval)
        assert list(zip(made.source.tolist(), made.target.tolist(), strict=True)) == wanted


def test_the_ratio_passes_over_a_hub_where_the_cosine_does_not():
    rng = np.random.default_rng(0)
    y = rng.normal(size=(200, 16)) + rng.uniform(0, 1.5, (200, 1))  # some lie in the middle
    x, y = unit(y + 0.6 * rng.normal(size=y.shape)), unit(y)

    def right(margin):
        made = mine_pairs(*both(x, y, 4), margin=margin, retrieval="forward")
        return (made.source == made.target).mean()

    assert right("ratio") > right("absolute")


def test_max_gives_each_sentence_once_and_a_second_choice():
    cosines = np.array([[0.9, 0.5], [0.8, 0.1]], np.float32)  # both sources prefer target 0
    ahead = Neighbours(np.array([[0, 1], [0, 1]]), cosines)
    back = Neighbours(np.array([[0, 1], [0, 1]]), cosines.T)
    made = mine_pairs(ahead, back, margin="absolute")
    assert made.source.tolist() == [0, 1] and made.target.tolist() == [0, 1]
    assert mine_pairs(ahead, back, margin="absolute", retrieval="intersection").source.tolist() == [
        0
    ]


@pytest.mark.parametrize("margin", MARGINS)
def test_given_pairs_have_the_margins_they_are_mined_with(margin):
    rng = np.random.default_rng(1)
    y = unit(rng.normal(size=(30, 6)) + 0.4)
    x = unit(y + 0.3 * rng.normal(size=y.shape))
    made = mine_pairs(*both(x, y, 4), margin=margin)
    scores, cosines = score_pairs(x, y, made.source, made.target, margin=margin)
    np.testing.assert_allclose(scores, made.scores, atol=1e-5)
    np.testing.assert_allclose(cosines, (x[made.source] * y[made.target]).sum(1), atol=1e-6)
    assert score_pairs(x, y, np.array([0]), np.array([9]), margin=margin)[0] < scores.mean()


def test_no_neighbourhood_is_no_ratio():
    assert margins(np.array([0.3, -0.2, 0.0]), np.array([-1.0, 0, 0]), np.zeros(3)).tolist() == [
        0, 0, 0,
    ]  # fmt: skip
    assert margins(np.array(0.6), np.array(0.3), np.array(0.5)) == pytest.approx(1.5)


def test_a_guessing_index_may_be_mined_too():
    pytest.importorskip("faiss")
    rng = np.random.default_rng(1)
    y = unit(rng.normal(size=(300, 6)))
    x = unit(y + 0.1 * rng.normal(size=y.shape))
    found = [cosine_neighbours(a, b, 4, index="ivf") for a, b in ((x, y), (y, x))]
    made = mine_pairs(*found)
    assert (made.source == made.target).mean() > 0.8


def test_what_cannot_be_mined_says_so():
    found = Neighbours(np.array([[1]]), np.ones((1, 1)))
    with pytest.raises(UsageError, match="there is forward, backward, intersection, max"):
        mine_pairs(found, found, retrieval="both")
    with pytest.raises(VectorError, match="not among the 1 sentences of the target"):
        mine_pairs(found, found)
    with pytest.raises(UsageError, match="there is absolute, distance, ratio"):
        margins(np.ones(1), np.ones(1), np.ones(1), "csls")
