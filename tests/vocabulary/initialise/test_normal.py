"""All rows drawn like the source's, by column or with covariances."""

import numpy as np
import pytest

from isogloss.vocabulary.initialise.normal import normal
from isogloss.vocabulary.initialise.rows import Help, Source


def table_of(size, seed=0):
    """Rows whose columns depend on each other, and padding of another size."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(size, 3)) @ [[2, 1, 0], [0, 1, -1], [0, 0, 0.5]] + [1, -2, 5]
    return np.vstack([mixed, np.full((64, 3), 1000)]).astype(np.float32)


@pytest.mark.parametrize("covariance", [False, True])
def test_moments_are_those_of_the_source(tokenizer, covariance):
    table = table_of(tokenizer.get_vocab_size())
    made = np.vstack([
        normal(Source(table, tokenizer), tokenizer, Help(seed=s), covariance=covariance).rows
        for s in range(20)
    ])  # fmt: skip
    real = table[:-64]
    np.testing.assert_allclose(made.mean(0), real.mean(0), atol=0.05)
    np.testing.assert_allclose(made.std(0), real.std(0), rtol=0.03)
    wanted = np.cov(real.T) if covariance else np.diag(real.var(0))
    np.testing.assert_allclose(np.cov(made.T), wanted, atol=0.15)


def test_nothing_is_copied_and_the_seed_decides(tokenizer_of):
    tokenizer = tokenizer_of("wordpiece")
    source = Source(table_of(tokenizer.get_vocab_size()), tokenizer)
    made = normal(source, tokenizer, Help())
    assert made.counts() == {"random": tokenizer.get_vocab_size()}
    assert not (made.rows == source.rows[: len(made.rows)]).all(1).any()
    np.testing.assert_array_equal(made.rows, normal(source, tokenizer, Help()).rows)
    assert (normal(source, tokenizer, Help(seed=1)).rows != made.rows).all()


def test_a_column_that_never_varies_stays(tokenizer_of):
    tokenizer = tokenizer_of("wordpiece")
    table = table_of(tokenizer.get_vocab_size())
    table[:, 1] = 7
    made = normal(Source(table, tokenizer), tokenizer, Help(), covariance=True)
    np.testing.assert_allclose(made.rows[:, 1], 7, atol=1e-3)
