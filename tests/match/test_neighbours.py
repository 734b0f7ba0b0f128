"""The k best of rows through blocks equal a full stable sort, ties included."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.match.neighbours import COLUMNS, k_largest, k_largest_mean, tiles


@given(
    m=st.integers(1, 600), k=st.integers(1, 12), values=st.sampled_from([2, 30, 10**6]),
    seed=st.integers(0, 999),
)  # fmt: skip
def test_the_k_largest_are_those_of_a_stable_sort(m, k, values, seed):
    k = min(k, m)
    scores = np.random.default_rng(seed).integers(0, values, (5, m)).astype(np.float32)
    ids, best = k_largest(scores.copy(), k)
    wanted = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(ids, wanted)
    np.testing.assert_array_equal(best, np.take_along_axis(scores, wanted, 1))
    np.testing.assert_allclose(k_largest_mean(scores, k), best.mean(1), rtol=1e-6)


@pytest.mark.parametrize("m", [1, COLUMNS - 1, COLUMNS, COLUMNS + 1, 2 * COLUMNS + 3])
@pytest.mark.parametrize("tile", [0, 1, 3, 7])
def test_tiles_are_the_product(m, tile):
    rng = np.random.default_rng(0)
    x, y, shift = (rng.normal(size=s).astype(np.float32) for s in ((7, 3), (m, 3), (m,)))
    plain = x.astype(np.float64) @ y.T
    for made, wanted in (
        (tiles(x, y, tile), plain),
        (tiles(x, y, tile, shift=shift), plain + shift),
    ):
        rows, parts = zip(*((rows, part.copy()) for rows, part in made), strict=True)
        assert [i for row in rows for i in range(7)[row]] == list(range(7))
        np.testing.assert_allclose(np.concatenate(parts), wanted, atol=1e-5)


def test_no_rows_make_no_tile():
    assert list(tiles(np.empty((0, 3), np.float32), np.ones((2, 3), np.float32))) == []
