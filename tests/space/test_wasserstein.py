"""A turn between shuffled clouds is found without a pair, and not from a start at random."""

import numpy as np
import pytest

from isogloss.errors import UsageError, VectorError
from isogloss.match.neighbours import unit
from isogloss.space.wasserstein import convex_start, wasserstein_procrustes

D = 10
QUICK = {"batch": 100, "steps": 100}


def world(seed=0, n=300, noise=0.03):
    """Clusters of unequal size, stretched, and their turned, noisy and shuffled copy."""
    rng = np.random.default_rng(seed)
    middles = 2 * rng.normal(size=(8, D)) * np.linspace(1.5, 0.3, D)
    own = rng.choice(8, n, p=rng.dirichlet(np.full(8, 3)))
    x = middles[own] + rng.normal(size=(n, D)) * np.linspace(1, 0.3, D)
    y = x @ anywhere(seed + 100) + noise * rng.normal(size=(n, D))
    order = rng.permutation(n)
    return unit(x), unit(y[order]), np.argsort(order)


def anywhere(seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(D, D)))[0]


def accuracy(turn, x, y, gold):
    return (((x @ turn) @ y.T).argmax(1) == gold).mean()


@pytest.mark.parametrize("seed", range(8))
def test_a_planted_turn_is_found_without_pairs(seed):
    x, y, gold = world(seed)
    made = wasserstein_procrustes(x, y, **QUICK)
    turn = made.steps[0].matrix
    assert accuracy(turn, x, y, gold) > 0.98
    np.testing.assert_allclose(turn.T @ turn, np.eye(D), atol=1e-5)
    assert made.about["cost"] < 0.001 < made.about["start_cost"]


@pytest.mark.parametrize("seed", range(2, 7))
def test_from_a_start_at_random_it_is_not_and_the_cost_says_so(seed):
    x, y, gold = world(seed)
    made = wasserstein_procrustes(x, y, start=anywhere(9), **QUICK)
    assert accuracy(made.steps[0].matrix, x, y, gold) < 0.2
    assert made.about["cost"] > 0.1


@pytest.mark.parametrize("seed", [2, 7])
def test_the_convex_start_is_near_and_the_steps_improve_it(seed):
    x, y, gold = world(seed)
    start = convex_start(x, y)
    assert 0.3 < accuracy(start, x, y, gold) < 0.9
    made = wasserstein_procrustes(x, y, start=start, **QUICK)
    assert accuracy(made.steps[0].matrix, x, y, gold) > 0.98


def test_a_soft_plan_finds_it_too():
    x, y, gold = world(1)
    made = wasserstein_procrustes(x, y, batch=60, steps=30, epochs=2, regularisation=0.05)
    assert accuracy(made.steps[0].matrix, x, y, gold) > 0.95


def test_sides_may_be_of_unequal_size_and_the_seed_decides():
    x, y, gold = world(1)
    kept, start = gold < 250, convex_start(x, y)
    made = wasserstein_procrustes(x, y[:250], start=start, **QUICK)
    assert accuracy(made.steps[0].matrix, x[kept], y[:250], gold[kept]) > 0.95
    again, other = (
        wasserstein_procrustes(x, y[:250], start=start, seed=seed, **QUICK).steps[0].matrix
        for seed in (0, 1)
    )
    np.testing.assert_array_equal(made.steps[0].matrix, again)
    assert np.abs(again - other).max() > 0


def test_bad_input_is_refused():
    x, y, _ = world()
    with pytest.raises(VectorError, match="one width, got 10 and 4"):
        wasserstein_procrustes(x, y[:, :4])
    with pytest.raises(VectorError, match=r"start must be \[10, 10\], got \[4, 4\]"):
        wasserstein_procrustes(x, y, start=np.eye(4))
    with pytest.raises(UsageError, match="positive"):
        wasserstein_procrustes(x, y, steps=0)
    with pytest.raises(UsageError, match="positive"):
        convex_start(x, y, iterations=0)
