"""Rows are means over aligned tokens; tokens without an alignment take those of their kin."""

import numpy as np
import pytest
from scipy import sparse

from isogloss.errors import UsageError
from isogloss.vocabulary.initialise.rows import MADE, Help, Source
from isogloss.vocabulary.initialise.trans_tokenization import trans_tokenization
from isogloss.vocabulary.initialise.translations import token_translations


@pytest.fixture
def source(whole_words):
    tokenizer = whole_words("sun", "moon", "day", "!")
    return Source(np.eye(5, 6, dtype=np.float32), tokenizer)


def test_rows_are_weighted_by_alignment(source, whole_words):
    target = whole_words("sol", "dag", "!", "##q")
    aligned = [("sun", "sol", 3), ("moon", "sol", 1), ("day", "dag", 2)]
    counts = token_translations(aligned, source.tokenizer, target)
    made = trans_tokenization(source, target, Help(translations=counts))
    np.testing.assert_allclose(made.rows[1], [0, 0.75, 0.25, 0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(made.rows[2], [0, 0, 0, 1, 0, 0])
    np.testing.assert_allclose(made.rows[3], source.rows[4])  # shared
    np.testing.assert_allclose(made.rows[0], source.rows[0])  # the unknown token
    assert MADE[made.made[4]] == "random" and made.counts()["copied"] == 3


def test_a_token_that_was_not_seen_takes_the_combinations_of_its_kin(source, whole_words):
    target = whole_words("sol", "solen", "dag", "soldag", "so", "##dag", "zzz")
    aligned = [("sun", "sol", 1), ("day", "dag", 1), ("moon", "##dag", 1)]
    counts = token_translations(aligned, source.tokenizer, target)
    assert counts[target.token_to_id("solen")].nnz == 0
    made = trans_tokenization(source, target, Help(translations=counts))
    at = target.token_to_id
    np.testing.assert_allclose(made.rows[at("solen")], source.rows[1])  # of sol, which stands in it
    np.testing.assert_allclose(made.rows[at("so")], source.rows[1])  # sol begins with it
    np.testing.assert_allclose(made.rows[at("soldag")], source.rows[1], atol=1e-6)
    assert MADE[made.made[at("zzz")]] == "random"


def test_more_source_rows_than_tokens_are_padding(source, whole_words):
    padded = Source(np.vstack([source.rows, np.full((3, 6), 9, np.float32)]), source.tokenizer)
    counts = sparse.csr_array((2, 5))
    made = trans_tokenization(padded, whole_words("sun"), Help(translations=counts))
    np.testing.assert_allclose(made.rows, source.rows[:2])


def test_it_asks_for_alignments(source):
    with pytest.raises(UsageError, match=r"trans_tokenization\.v1 needs translations"):
        trans_tokenization(source, source.tokenizer, Help())
