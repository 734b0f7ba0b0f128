"""Two encoders that share no space are matched far over chance; local CKA is CKA done anew."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import VectorError
from isogloss.space.unaligned import local_cka, quadratic_matching

SEEDS, QUERIES = 40, 40


def world(seed=0, noise=0.1):
    """One world seen by two encoders of different width, one of them curved; queries shuffled."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(SEEDS + QUERIES, 6)) * np.linspace(2, 0.5, 6)
    x = z @ rng.normal(size=(6, 20)) + 3
    y = np.tanh(z @ rng.normal(size=(6, 13)) / 4) + noise * rng.normal(size=(len(z), 13))
    order = rng.permutation(QUERIES)
    base = x[:SEEDS], y[:SEEDS]
    return base, x[SEEDS:], y[SEEDS:][order], np.argsort(order)


def cka(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    return ((x.T @ y) ** 2).sum() / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)


@pytest.mark.parametrize("seed", range(4))
def test_the_matching_is_far_over_chance_and_its_score_is_the_cka(seed):
    base, x, y, gold = world(seed)
    found = quadratic_matching(base, x, y)
    assert (found.ids == gold).mean() > 0.5  # chance is 1 / 40
    assert sorted(found.ids) == list(range(QUERIES))
    both = np.concatenate([base[0], x]), np.concatenate([base[1], y[found.ids]])
    assert found.score == pytest.approx(cka(*both), abs=1e-5)


def test_known_pairs_stay_in_place_even_if_wrong_and_they_are_what_guides():
    base, x, y, gold = world(1)
    right = quadratic_matching(base, x, y)
    wrong = quadratic_matching((base[0], base[1][::-1]), x, y)
    assert (wrong.ids == gold).mean() < 0.3 < (right.ids == gold).mean()
    both = np.concatenate([base[0], x]), np.concatenate([base[1][::-1], y[wrong.ids]])
    assert wrong.score == pytest.approx(cka(*both), abs=1e-5)


def test_turns_scales_and_shifts_of_a_side_change_no_match():
    base, x, y, _ = world(2)
    turn = 7 * np.linalg.qr(np.random.default_rng(0).normal(size=(20, 20)))[0]
    moved = (base[0] @ turn - 2, base[1])
    for method in (quadratic_matching, local_cka):
        np.testing.assert_array_equal(method(base, x, y).ids, method(moved, x @ turn - 2, y).ids)


@given(st.integers(2, 9), st.integers(1, 5), st.integers(1, 5), st.integers(0, 999))
def test_local_cka_is_cka_of_the_extended_base(b, d, e, seed):
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(b, d)) + 2, rng.normal(size=(b, e))
    x, y = rng.normal(size=(3, d)), 2 * rng.normal(size=(4, e)) - 1
    naive = np.array([
        [cka(*(np.concatenate([s, [v]]) for s, v in zip(base, pair, strict=True)))
         for pair in ((u, v) for v in y)] for u in x
    ])  # fmt: skip
    found = local_cka(base, x, y, k=4)
    np.testing.assert_allclose(np.take_along_axis(naive, found.ids, 1), found.scores, atol=1e-5)
    np.testing.assert_allclose(np.sort(naive)[:, ::-1], found.scores, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_local_cka_retrieves_far_over_chance_with_sides_of_unequal_size(seed):
    base, x, y, gold = world(seed)
    found = local_cka(base, x[:25], y, k=5)
    assert (found.ids[:, 0] == gold[:25]).mean() > 0.15
    assert (found.ids == gold[:25, None]).any(1).mean() > 0.5


def test_bad_input_is_refused():
    base, x, y, _ = world()
    with pytest.raises(VectorError, match="40 and 39 queries cannot be matched one to one"):
        quadratic_matching(base, x, y[1:])
    with pytest.raises(VectorError, match="40 and 39 known"):
        local_cka((base[0], base[1][1:]), x, y)
    with pytest.raises(VectorError, match="y has width 4, the known pairs 13"):
        local_cka(base, x, y[:, :4])
    flat = np.ones_like(base[0])
    with pytest.raises(VectorError, match="undefined"):
        quadratic_matching((flat, base[1]), flat, y)
    with pytest.raises(VectorError, match="undefined"):
        local_cka((flat, base[1]), flat, y)
    with pytest.raises(VectorError, match="k is 41"):
        local_cka(base, x, y, k=41)
