"""Shared tokens keep their rows, others are drawn like the source."""

import numpy as np

from isogloss.vocabulary.initialise.overlap import overlap
from isogloss.vocabulary.initialise.rows import Help, Source
from isogloss.vocabulary.pieces import read_pieces


def test_shared_tokens_are_copied_and_the_rest_is_not_zero(tokenizer_of):
    source, target = tokenizer_of("byte-bpe"), tokenizer_of("unigram")
    table = np.random.default_rng(0).normal(3, 1, (source.get_vocab_size(), 6)).astype(np.float32)
    made = overlap(Source(table, source), target, Help())
    ours, theirs = (read_pieces(t).identities() for t in (source, target))
    at = {key: i for i, key in enumerate(ours)}
    same = [i for i, key in enumerate(theirs) if key is not None and key in at]
    np.testing.assert_array_equal(made.rows[same], table[[at[theirs[i]] for i in same]])
    assert made.counts()["copied"] >= len(same) > 100
    others = made.made == 0
    assert others.any() and abs(made.rows[others].mean() - 3) < 0.1


def test_the_same_vocabulary_gives_the_same_table(tokenizer):
    size = tokenizer.get_vocab_size()
    table = np.random.default_rng(0).normal(size=(size + 5, 4)).astype(np.float32)  # padded
    made = overlap(Source(table, tokenizer), tokenizer, Help())
    np.testing.assert_array_equal(made.rows, table[:size])
