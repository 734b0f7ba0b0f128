"""A token's row is the mean of the rows of the pieces the source spells it with."""

import numpy as np

from isogloss.vocabulary.initialise.mean import mean
from isogloss.vocabulary.initialise.rows import Help, Source, overlap
from isogloss.vocabulary.pieces import read_pieces


def test_new_tokens_are_means_of_their_pieces(tokenizer_of):
    source, target = tokenizer_of("wordpiece", 600), tokenizer_of("unigram")
    table = np.random.default_rng(0).normal(size=(source.get_vocab_size(), 6)).astype(np.float32)
    made = mean(Source(table, source), target, Help())
    pieces, shared = read_pieces(target), set(overlap(source, target).target.tolist())
    checked = 0
    for i, text in enumerate(pieces.texts):
        if text is not None and i not in shared:
            ids = [j for j in source.encode(text, add_special_tokens=False).ids if j > 4]
            if ids:
                np.testing.assert_allclose(made.rows[i], table[ids].mean(0), atol=1e-5)
                checked += 1
    assert checked > 300
    assert made.counts()["copied"] >= len(shared) and made.counts()["combined"] > 100


def test_byte_level_sources_see_the_space_before_a_word(tokenizer_of):
    source, target = tokenizer_of("byte-bpe", 600), tokenizer_of("wordpiece")
    table = np.random.default_rng(0).normal(size=(600, 6)).astype(np.float32)
    made = mean(Source(table, source), target, Help())
    pieces, shared = read_pieces(target), set(overlap(source, target).target.tolist())
    i = next(
        i for i, text in enumerate(pieces.texts)
        if text and i not in shared and pieces.starts[i] and len(text) > 3 and text.isascii()
    )  # fmt: skip
    wanted = table[source.encode(f" {pieces.texts[i]}").ids].mean(0)
    np.testing.assert_allclose(made.rows[i], wanted, atol=1e-5)
