"""Each normaliser takes out what it names, and a named order is that order."""

import numpy as np
import pytest

from isogloss import registry
from isogloss.errors import UnknownName, VectorError
from isogloss.space.normalise import normalise, normalise_languages

RNG = np.random.default_rng(0)
X = (RNG.normal(size=(300, 12)) @ RNG.normal(size=(12, 12)) + 3).astype(np.float32)
NAMES = registry.names("normaliser")


@pytest.mark.parametrize("name", NAMES)
def test_every_normaliser_keeps_the_shape_and_reads_back(name, tmp_path):
    made = normalise(X, [name])
    made.save(tmp_path / "map")
    assert made.apply(X).shape == X.shape and made.apply(X).dtype == np.float32
    np.testing.assert_array_equal(type(made).load(tmp_path / "map").apply(X), made.apply(X))
    assert made.about["chain"][0]["method"] == name
    assert made.about["chain"][0]["n"] == 300


def test_unit_and_centre_in_the_order_that_was_asked_for():
    a = normalise(X, ["unit", "centre"]).apply(X)
    b = normalise(X, ["centre", "unit"]).apply(X)
    np.testing.assert_allclose(a.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(b, axis=1), 1, atol=1e-6)
    assert np.abs(b.mean(0)).max() > 1e-3


def test_zca_whitens_and_turns_nothing():
    made = normalise(X, ["zca"])
    white = made.apply(X).astype(np.float64)
    np.testing.assert_allclose(white.T @ white / len(X), np.eye(12), atol=2e-3)
    matrix = made.steps[0].matrix
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-5)
    assert np.linalg.eigvalsh(matrix).min() > 0


def test_zca_drops_directions_without_variance():
    flat = np.concatenate([X, X[:, :1]], 1)  # a copied dimension: rank 12 of 13
    made = normalise(flat, ["zca"])
    assert made.about["chain"][0]["kept"] == 12
    assert np.isfinite(made.apply(flat)).all()


def test_all_but_the_top_leaves_nothing_along_the_first_component():
    made = normalise(X, ["all_but_the_top"])
    centred = X - X.mean(0)
    top = np.linalg.svd(centred, full_matrices=False)[2][0]
    np.testing.assert_allclose(made.apply(X) @ top, 0, atol=1e-3)
    second = np.linalg.svd(centred, full_matrices=False)[2][1]
    np.testing.assert_allclose(made.apply(X) @ second, centred @ second, atol=1e-3)


def test_outlier_dimensions_are_named_and_zero():
    x = RNG.normal(size=(200, 40)).astype(np.float32)
    x[:, 7] += 50
    made = normalise(x, ["drop_outlier_dimensions"])
    assert made.about["chain"][0]["dropped"] == [7]
    kept = np.delete(made.apply(x), 7, 1)
    np.testing.assert_allclose(kept, np.delete(x, 7, 1))
    assert (made.apply(x)[:, 7] == 0).all()


def test_languages_are_fitted_apart():
    made = normalise_languages({"a": X, "b": X + 5}, ["centre"])
    np.testing.assert_allclose(made["a"], made["b"], atol=1e-4)


def test_bad_vectors_and_names_are_refused():
    broken = X.copy()
    broken[4, 2] = np.nan
    with pytest.raises(VectorError, match="1 of 300 rows hold NaN or infinity, the first is row 4"):
        normalise(broken, ["unit"])
    with pytest.raises(VectorError, match="not empty"):
        normalise(X[:0], ["unit"])
    with pytest.raises(UnknownName, match="centre"):
        normalise(X, ["center"])
