"""The best product of a rank, and rows that lie in it."""

import numpy as np
import pytest

from isogloss.errors import UsageError
from isogloss.vocabulary.initialise.factorised import factorise, factorised
from isogloss.vocabulary.initialise.rows import MADE, Help, Source, overlap


@pytest.mark.parametrize("rank", [1, 4, 9])
def test_no_product_of_the_rank_is_nearer(rank):
    table = np.random.default_rng(0).normal(size=(60, 9)).astype(np.float32)
    factors = factorise(table, rank)
    u, sizes, vt = np.linalg.svd(table, full_matrices=False)
    best = (u[:, :rank] * sizes[:rank]) @ vt[:rank]
    np.testing.assert_allclose(factors.rows @ factors.projection, best, atol=1e-4)
    np.testing.assert_allclose(factors.projection @ factors.projection.T, np.eye(rank), atol=1e-5)
    with pytest.raises(UsageError, match="rank 10 of a table of 60 x 9"):
        factorise(table, 10)


def test_new_rows_lie_in_the_space_that_all_tokens_share(tokenizer_of):
    source, target = tokenizer_of("byte-bpe"), tokenizer_of("unigram")
    rng = np.random.default_rng(0)
    table = (rng.normal(size=(1200, 5)) @ rng.normal(size=(5, 20))).astype(np.float32)
    made = factorised(Source(table, source), target, Help(), rank=5)
    assert np.linalg.matrix_rank(made.rows, tol=1e-2) == 5
    shared = overlap(source, target)
    np.testing.assert_allclose(made.rows[shared.target], table[shared.source], atol=1e-3)
    assert made.counts() == {
        "random": len(made.rows) - len(shared.target), "factorised": len(shared.target)
    }  # fmt: skip
    drawn = made.rows[made.made == MADE.index("random")]
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1).mean(),
                               np.linalg.norm(table, axis=1).mean(), rtol=0.1)  # fmt: skip
