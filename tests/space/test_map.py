"""A map applies its steps in order, undoes what can be undone, and reads back as it was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import ModelError, VectorError
from isogloss.space.map import Affine, Map, Piecewise, Unit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 5)).astype(np.float32)


def affine(rows=5, columns=5, seed=0):
    rng = np.random.default_rng(seed)
    return Affine(rng.normal(size=rows), rng.normal(size=(rows, columns)))


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_a_chain_is_one_after_the_other_and_its_inverse_undoes_it(a, b):
    first, second = Map((affine(seed=a),)), Map((affine(seed=b),))
    both = first.then(second)
    np.testing.assert_allclose(both.apply(X), second.apply(first.apply(X)), rtol=1e-4, atol=1e-4)
    if max(np.linalg.cond(m.steps[0].matrix) for m in (first, second)) < 50:
        np.testing.assert_allclose(both.inverse().apply(both.apply(X)), X, atol=5e-2)


def test_it_reads_back_as_it_was(tmp_path):
    pieces = Piecewise(RNG.normal(size=(2, 5)), RNG.normal(size=(2, 5)), np.zeros((2, 1, 5)))
    steps = (Unit(), affine(), pieces, Affine(shift=np.ones(5)), Unit())
    made = Map(steps, {"method": "x", "n": 3})
    made.save(tmp_path / "map")
    again = Map.load(tmp_path / "map")
    np.testing.assert_array_equal(again.apply(X), made.apply(X))
    assert dict(again.about) == {"method": "x", "n": 3}
    assert sorted(f.name for f in (tmp_path / "map").iterdir()) == ["map.json", "map.safetensors"]


def test_an_empty_map_changes_nothing_and_saves(tmp_path):
    Map().save(tmp_path / "map")
    np.testing.assert_array_equal(Map.load(tmp_path / "map").apply(X), X)


def test_each_vector_takes_the_step_of_its_nearest_centroid():
    step = Piecewise(np.array([[0.0, 0], [10, 0]]), np.array([[1.0, 1], [2, 2]]),
                     np.array([[[0.0, 0]], [[0, 1]]]))  # fmt: skip
    made = Map((step,)).apply(np.array([[4.9, 3], [5.1, 3]]))
    np.testing.assert_allclose(made, [[3.9, 2], [3.1, 0]], atol=1e-6)


def test_what_cannot_be_undone_says_so():
    pieces = Piecewise(np.zeros((1, 5)), np.zeros((1, 5)), np.zeros((1, 1, 5)))
    for step, message in (
        (Unit(), "lengths are gone"), (affine(5, 3), "no inverse"), (pieces, "by clusters"),
    ):  # fmt: skip
        with pytest.raises(VectorError, match=message):
            Map((step,)).inverse()


def test_vectors_of_another_width_are_refused():
    with pytest.raises(VectorError, match=r"takes vectors \[n, 5\], got \[7, 4\]"):
        Map((Unit(), affine())).apply(X[:, :4])


def test_a_folder_without_a_map_is_named(tmp_path):
    with pytest.raises(ModelError, match="no map here"):
        Map.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [("map.json", "{"), ("map.json", "{}"), ("map.json", '{"steps": 1, "about": {}}'),
     ("map.json", '{"steps": ["unit"], "about": {}}'), ("map.safetensors", "x")],
)  # fmt: skip
def test_a_damaged_map_is_named(tmp_path, name, text):
    Map((affine(),)).save(tmp_path / "map")
    (tmp_path / "map" / name).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"map: the map here is damaged: .*") as found:
        Map.load(tmp_path / "map")
    assert found.value.remedy


def test_what_is_saved_can_be_read_by_all(tmp_path):
    Map((affine(),)).save(tmp_path / "map")
    assert {f.stat().st_mode & 0o777 for f in (tmp_path / "map").iterdir()} == {0o644}
