"""Random rows, and what every initialiser has to give."""

import numpy as np

from isogloss.vocabulary.initialise.random import random
from isogloss.vocabulary.initialise.rows import Help, Source


def test_nothing_of_the_source_is_left(tokenizer):
    table = np.full((tokenizer.get_vocab_size(), 8), 5, np.float32)
    made = random(Source(table, tokenizer), tokenizer, Help(seed=3))
    assert made.rows.shape == table.shape and made.counts() == {"random": len(table)}
    assert abs(made.rows.mean()) < 0.01 and abs(made.rows.std() - 0.02) < 0.001
    again = random(Source(table, tokenizer), tokenizer, Help(seed=3))
    np.testing.assert_array_equal(made.rows, again.rows)
    assert not np.array_equal(random(Source(table, tokenizer), tokenizer, Help()).rows, made.rows)
