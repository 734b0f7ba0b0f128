import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isogloss.encode.batches import pack


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 200))
def test_every_text_once_within_budget_longest_first(lengths, budget):
    lengths = np.array(lengths, np.int64)
    batches = pack(lengths, budget)
    flat = np.concatenate(batches) if batches else np.zeros(0, int)
    assert sorted(flat.tolist()) == np.flatnonzero(lengths).tolist()
    assert (np.diff(lengths[flat]) <= 0).all()
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= budget
