"""Linear maps find what made the target, and equal their plain definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from isogloss import registry
from isogloss.errors import UsageError, VectorError
from isogloss.space.linear import fit, orthogonality_deviation

METHODS = registry.names("map")


def spaces(n=200, d=6, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * np.arange(1, d + 1)
    rotation = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return x, x @ rotation + noise * rng.normal(size=(n, d)), rotation


@pytest.mark.parametrize("method", METHODS)
def test_a_rotation_without_noise_is_found(method):
    x, y, rotation = spaces()
    settings = {"penalty": 1e-9} if method == "ridge.v1" else {}
    made = fit(method, source=x, target=y, **settings)
    np.testing.assert_allclose(made.steps[0].matrix, rotation, atol=1e-4)
    assert orthogonality_deviation(made.steps[0].matrix) < 1e-3
    assert made.about["method"] == method and made.about["n"] == 200


@given(st.integers(0, 300))
def test_procrustes_is_orthogonal_and_no_other_rotation_is_better(seed):
    x, y, _ = spaces(n=20, d=4, noise=2.0, seed=seed)
    w = fit("procrustes", source=x, target=y).steps[0].matrix.astype(np.float64)
    np.testing.assert_allclose(w.T @ w, np.eye(4), atol=1e-5)
    rng = np.random.default_rng(seed)
    other = w @ np.linalg.qr(np.eye(4) + 0.1 * rng.normal(size=(4, 4)))[0]
    assert np.linalg.norm(x @ w - y) <= np.linalg.norm(x @ other - y) + 1e-4


def test_ridge_minimises_its_loss():
    x, y, _ = spaces(n=15, d=3, noise=1.0)
    found = fit("ridge", source=x, target=y, penalty=0.3).steps[0].matrix
    scale = 0.3 * (x**2).sum() / 3

    def loss(w):
        w = w.reshape(3, 3)
        return ((x @ w - y) ** 2).sum() + scale * (w**2).sum()

    plain = minimize(loss, np.zeros(9), tol=1e-12).x.reshape(3, 3)
    np.testing.assert_allclose(found, plain, atol=1e-3)


def test_cca_gives_the_canonical_correlations():
    x, y, _ = spaces(noise=3.0)
    found = fit("cca", source=x, target=y).about["correlations"]
    qx, qy = np.linalg.qr(x)[0], np.linalg.qr(y)[0]
    np.testing.assert_allclose(found, np.linalg.svd(qx.T @ qy)[1], atol=1e-4)
    few = fit("cca", source=x, target=y, keep=0.5)
    assert np.linalg.matrix_rank(few.steps[0].matrix, tol=1e-4) == 3


def test_methods_differ_under_noise():
    x, y, _ = spaces(noise=5.0)
    made = [fit(m, source=x, target=y).steps[0].matrix for m in METHODS]
    for i, a in enumerate(made):
        for b in made[:i]:
            assert np.abs(a - b).max() > 1e-4


def test_widths_may_differ_where_the_mathematics_allows():
    x, y, _ = spaces()
    for method in METHODS:
        if method == "procrustes.v1":
            with pytest.raises(VectorError, match="spaces of one width, got 6 and 4"):
                fit(method, source=x, target=y[:, :4])
        else:
            assert fit(method, source=x, target=y[:, :4]).apply(x).shape == (200, 4)


def test_bad_pairs_and_settings_are_refused():
    x, y, _ = spaces()
    with pytest.raises(VectorError, match="200 source and 199 target"):
        fit("procrustes", source=x, target=y[1:])
    with pytest.raises(UsageError, match="penalty"):
        fit("ridge", source=x, target=y, penalty=0)
    with pytest.raises(UsageError, match="keep"):
        fit("cca", source=x, target=y, keep=0)


def test_the_deviation_grows_with_the_stretch():
    stretched = [orthogonality_deviation(np.diag([1.0, 1.0, s])) for s in (1, 2, 4)]
    assert stretched[0] == 0 and stretched[0] < stretched[1] < stretched[2]
    assert orthogonality_deviation(5 * np.eye(3)) == 0


def test_least_squares_does_not_read_rounding():
    """A dimension that never varies is left with float32 rounding once the mean is gone."""
    x, y, rotation = spaces(d=6, noise=0.1)
    dead = np.float32(0.3) * (1 + 1e-7 * np.random.default_rng(1).normal(size=(len(x), 1)))
    wide = np.concatenate([x, dead - dead.mean()], 1)
    made = fit("least_squares", source=wide, target=y).steps[0].matrix
    np.testing.assert_allclose(made[:6], rotation, atol=0.05)
    assert np.abs(made[6]).max() < 1e-3
    assert orthogonality_deviation(made) < 0.1
