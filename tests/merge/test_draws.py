"""Draws are a function of the place alone, uniform, and other for every tensor and model."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isogloss.merge.draws import draws, kept

WHOLE = draws(0, "w", 0, 0, 3000)


@given(st.integers(0, 2900), st.integers(1, 100))
def test_a_slice_has_the_numbers_of_the_whole(start, count):
    assert np.array_equal(draws(0, "w", 0, start, count), WHOLE[start : start + count])


def test_they_are_uniform_and_apart():
    many = draws(0, "w", 0, 0, 200_000)
    counts = np.histogram(many, bins=64, range=(0, 2**32))[0]
    assert ((counts - 3125) ** 2 / 3125).sum() < 120  # chi-squared with 63 degrees of freedom
    for other in (draws(1, "w", 0, 0, 3000), draws(0, "v", 0, 0, 3000), draws(0, "w", 1, 0, 3000)):
        assert abs(np.corrcoef(WHOLE, other)[0, 1]) < 0.08 and not np.array_equal(WHOLE, other)
    assert kept(0.0, many).all() and abs(kept(0.3, many).mean() - 0.7) < 0.005


def test_they_stay_what_they_are():
    # A merge is repeated by its seed, so these numbers may not change.
    golden = [3257115784, 3389463478, 2989601542, 1235292711]
    assert draws(0, "w", 0, 6, 4).tolist() == golden
