"""What all initialisers share: combinations, what is drawn, which tokens are the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from isogloss.errors import UsageError, VectorError
from isogloss.vocabulary.initialise.rows import MADE, Help, Source, combine, one_to_one, overlap
from isogloss.vocabulary.pieces import read_pieces


@given(seed=st.integers(0, 50), size=st.integers(1, 20), d=st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_rows_are_the_weighted_means_and_say_so(seed, size, d):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(7, d)).astype(np.float32)
    dense = rng.random((size, 7)) * (rng.random((size, 7)) < 0.3)
    sums = dense.sum(1, keepdims=True)
    dense = np.divide(dense, sums, out=np.zeros_like(dense), where=sums > 0)
    made = combine(sparse.csr_array(dense), Source(table, None), seed=1)
    known = sums[:, 0] > 0
    np.testing.assert_allclose(made.rows[known], (dense @ table)[known], atol=1e-5)
    assert [MADE[i] for i in made.made] == [
        {0: "random", 1: "copied"}.get(n, "combined") for n in (dense > 0).sum(1)
    ]
    assert sum(made.counts().values()) == size and (made.parts == (dense > 0).sum(1)).all()


def test_what_is_drawn_is_like_the_source():
    rng = np.random.default_rng(0)
    table = (rng.normal(size=(500, 3)) * [1, 2, 5] + [0, 7, -3]).astype(np.float32)
    made = combine(sparse.csr_array((20_000, 500)), Source(table, None))
    np.testing.assert_allclose(made.rows.mean(0), table.mean(0), atol=0.15)
    np.testing.assert_allclose(made.rows.std(0), table.std(0), rtol=0.05)
    given_rows = np.arange(60, dtype=np.float32).reshape(20, 3)
    same = combine(sparse.csr_array((20, 500)), Source(table, None), drawn=given_rows)
    np.testing.assert_array_equal(same.rows, given_rows)


def test_weights_that_are_none_are_refused():
    source = Source(np.eye(3, dtype=np.float32), None)
    for wrong, said in (
        (np.ones((2, 4)) / 4, "4 source rows; there are 3"),
        (np.array([[0.5, 0.2, 0.0]]), "sum to 1"),
        (np.array([[1.5, -0.5, 0.0]]), "nonnegative"),
    ):
        with pytest.raises(VectorError, match=said):
            combine(sparse.csr_array(wrong), source)


def test_the_same_token_is_found_through_other_marks_and_roles(tokenizer_of):
    source, target = tokenizer_of("byte-bpe"), tokenizer_of("unigram")
    ours, theirs = read_pieces(source), read_pieces(target)
    shared = overlap(source, target)
    assert (np.diff(shared.target) > 0).all() and len(shared.target) > 100
    for i, j in zip(shared.target, shared.source, strict=True):
        assert theirs.special[i] or theirs.identities()[i] == ours.identities()[j]
    roles = overlap(tokenizer_of("wordpiece"), target)
    names = {theirs.names[i]: j for i, j in zip(roles.target, roles.source, strict=True)}
    at = tokenizer_of("wordpiece").token_to_id
    assert names["<pad>"] == at("[PAD]") and names["<unk>"] == at("[UNK]")
    assert names["</s>"] == at("[SEP]")
    weights = one_to_one(shared, (len(theirs), len(ours)))
    assert weights.sum() == len(shared.target)


def test_a_vocabulary_overlaps_with_itself_whole(tokenizer):
    shared = overlap(tokenizer, tokenizer)
    assert (shared.target == shared.source).all()
    assert len(shared.target) == tokenizer.get_vocab_size()


def test_help_that_is_missing_is_named():
    with pytest.raises(UsageError, match=r"focus\.v1 needs dictionary, translations"):
        Help().need("focus.v1", "seed", "dictionary", "translations")
