"""The loss is the plain formula, its gradient the slope, and lower than Procrustes' for hubs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import UsageError, VectorError
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest
from isogloss.space.linear import fit
from isogloss.space.rcsls import loss_and_gradient, near, rcsls


def world(seed=0, n=500, d=20, hub=2.0):
    """Translations by an uneven stretch and a turn, with noise, shifted so that hubs arise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    y = (x * np.exp(0.8 * rng.normal(size=d))) @ turn + 0.8 * rng.normal(size=(n, d))
    return unit(x + hub * np.eye(d)[1]), unit(y + hub * np.eye(d)[0])


PAIRS = np.stack([np.arange(200)] * 2, 1)
TEST = np.arange(200, 500)


def accuracy(made, x, y):
    return (nearest(unit(made.apply(x)), y, score="csls", rows=TEST).ids[:, 0] == TEST).mean()


def plain(w, x, y, pairs, k):
    """The loss from the full matrix of scores."""
    scores = x.astype(np.float64) @ w @ y.T.astype(np.float64)
    total = 0.0
    for i, j in pairs:
        total += (
            -2 * scores[i, j] + np.sort(scores[i])[-k:].mean() + np.sort(scores[:, j])[-k:].mean()
        )
    return total / len(pairs)


@pytest.mark.parametrize("k", [1, 10])
def test_the_loss_is_the_formula(k):
    x, y = world(n=220)
    pairs = np.array([[3, 5], [100, 101], [7, 7]])
    w = np.random.default_rng(1).normal(size=(20, 20))
    found, _ = loss_and_gradient(w, x, y, pairs, near(w, x, y, pairs, k))
    assert found == pytest.approx(plain(w, x, y, pairs, k), abs=1e-5)


def test_the_gradient_is_the_slope_while_neighbours_hold():
    x, y = world(n=60)
    rng = np.random.default_rng(2)
    w, pairs = rng.normal(size=(20, 20)), PAIRS[:30]
    held = near(w, x, y, pairs, 4)
    _, gradient = loss_and_gradient(w, x, y, pairs, held)
    for _ in range(5):
        way, h = rng.normal(size=w.shape), 1e-4
        ahead, back = (loss_and_gradient(w + s * h * way, x, y, pairs, held)[0] for s in (1, -1))
        assert (ahead - back) / (2 * h) == pytest.approx((gradient * way).sum(), rel=1e-6)


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_the_loss_is_convex(seed):
    x, y = world(n=60)
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, 20, 20))
    losses = [
        loss_and_gradient(w, x, y, PAIRS[:40], near(w, x, y, PAIRS[:40], 5))[0]
        for w in (a, b, (a + b) / 2)
    ]
    assert losses[2] <= (losses[0] + losses[1]) / 2 + 1e-6


@pytest.mark.parametrize("constraint", ["spectral", "none"])
@pytest.mark.parametrize("seed", range(3))
def test_it_falls_below_procrustes_and_finds_more_words_not_seen(constraint, seed):
    x, y = world(seed)
    start = fit("procrustes", source=x[:200], target=y[:200])
    made = rcsls(x, y, PAIRS, constraint=constraint)
    losses = made.about["losses"]
    assert losses[0] == pytest.approx(
        plain(start.steps[0].matrix.astype(np.float64), x, y, PAIRS, 10), abs=1e-4
    )
    assert losses[-1] < losses[0] - 0.01
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == pytest.approx(plain(made.steps[0].matrix, x, y, PAIRS, 10), abs=1e-4)
    assert accuracy(made, x, y) > accuracy(start, x, y) + 0.02


def test_the_constraint_holds_singular_values():
    x, y = world()
    sizes = {
        c: np.linalg.svd(rcsls(x, y, PAIRS, constraint=c).steps[0].matrix)[1].max()
        for c in ("spectral", "none")
    }
    assert sizes["spectral"] <= 1 + 1e-5 < 1.1 < sizes["none"]


def test_a_step_too_long_is_halved():
    x, y = world()
    losses = rcsls(x, y, PAIRS, step=1e3).about["losses"]
    assert losses[1] == losses[0] > losses[-1]


def test_bad_input_is_refused():
    x, y = world(n=220)
    with pytest.raises(UsageError, match="spectral, none"):
        rcsls(x, y, PAIRS, constraint="orthogonal")
    with pytest.raises(UsageError, match="positive"):
        rcsls(x, y, PAIRS, step=0)
    with pytest.raises(VectorError, match=r"pairs must be \[p, 2\]"):
        rcsls(x, y, PAIRS[:, :1])
    with pytest.raises(VectorError, match="beyond 220 source and 150 target"):
        rcsls(x, y[:150], PAIRS)
    with pytest.raises(VectorError, match="k is 300; the index holds 220"):
        rcsls(x, y, PAIRS, neighbours=300)
    with pytest.raises(VectorError, match="one width"):
        rcsls(x, y[:, :4], PAIRS)
