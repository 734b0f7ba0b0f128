"""MaxSim in blocks equals three plain loops, whatever the lengths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import VectorError
from isogloss.match.neighbours import unit
from isogloss.task.retrieve import maxsim as module
from isogloss.task.retrieve.maxsim import Tokens, maxsim, maxsim_plain, runs

LENGTHS = st.lists(st.integers(0, 6), min_size=1, max_size=9)


def tokens(lengths, seed=0, width=4):
    rng = np.random.default_rng(seed)
    return Tokens(unit(rng.normal(size=(sum(lengths), width))), np.array(lengths))


@pytest.mark.parametrize("few", [0, 10_000])
@pytest.mark.parametrize("room", [1, 200, 2**20])
@given(asked=LENGTHS, known=LENGTHS, seed=st.integers(0, 9))
def test_blocks_of_like_length_equal_three_loops(few, room, asked, known, seed):
    queries, passages = tokens(asked, seed), tokens(known, seed + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FEW", few)
        patch.setattr(module, "BYTES", room)
        found = maxsim(queries, passages)
    np.testing.assert_allclose(found, maxsim_plain(queries, passages), atol=1e-5)


@given(LENGTHS, LENGTHS)
def test_a_query_gains_nothing_from_the_order_of_passages(asked, known):
    queries, passages = tokens(asked), tokens(known, 1)
    order = np.random.default_rng(2).permutation(len(known))
    np.testing.assert_allclose(
        maxsim(queries, passages.take(order)), maxsim(queries, passages)[:, order], atol=1e-5
    )


def test_a_text_finds_all_of_itself():
    passages = tokens([3, 5, 2])
    np.testing.assert_allclose(np.diag(maxsim(passages, passages)), [3, 5, 2], rtol=1e-6)


def test_runs():
    assert runs(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]


def test_other_widths():
    with pytest.raises(VectorError, match="widths 4 and 5"):
        maxsim(tokens([1]), tokens([1], width=5))
