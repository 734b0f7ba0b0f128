"""The k-th largest magnitude from slices, against sorting."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isogloss.merge.magnitude import find_bin, high_counts, key_of, keys, low_counts


@given(
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=60),
    st.data(),
)
def test_it_is_the_kth_of_all(numbers, data):
    values = np.array(numbers, np.float32)
    k = data.draw(st.integers(1, len(values)))
    parts = np.array_split(values, 3)
    high, left = find_bin(sum(high_counts(p) for p in parts), k)
    low, _ = find_bin(sum(low_counts(p, high) for p in parts), left)
    wanted = np.sort(np.abs(values))[::-1][k - 1]
    assert key_of(high, low) == int(keys(wanted.reshape(1))[0])
    assert ((keys(values) >= key_of(high, low)) == (np.abs(values) >= wanted)).all()
