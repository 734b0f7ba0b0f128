"""Vectors of tokens from those of words and names."""

import numpy as np
import pytest

from isogloss.errors import VectorError
from isogloss.vocabulary import token_vectors
from isogloss.vocabulary.pieces import read_pieces
from isogloss.vocabulary.token_vectors import (
    token_sentences,
    token_vectors_by_name,
    token_vectors_from_ngrams,
    token_vectors_from_words,
)

WORDS = ["woman", "women", "man", "dog", "Hund", "Hunde", "mujer", "собака"]


@pytest.mark.parametrize("frequencies", [None, [9, 4, 0, 2.5, 1, 7, 3, 8]])
def test_a_token_is_the_mean_of_the_words_that_hold_it(tokenizer, frequencies):
    vectors = np.random.default_rng(0).normal(size=(len(WORDS), 3)).astype(np.float32)
    made = token_vectors_from_words(tokenizer, WORDS, vectors, frequencies)
    used = frequencies or [1 / (i + 1) for i in range(len(WORDS))]
    assert made.shape == (tokenizer.get_vocab_size(), 3)
    several = 0
    for i, row in enumerate(made):
        found = []
        for w, word in enumerate(WORDS):
            for form in (word, " " + word):
                if i in tokenizer.encode(form, add_special_tokens=False).ids:
                    found.append((used[w], vectors[w]))
        total = sum(f for f, _ in found)
        wanted = sum(f * v for f, v in found) / total if total else np.zeros(3)
        np.testing.assert_allclose(row, wanted, atol=1e-5)
        several += len({f for f, _ in found}) > 1
    assert several > 1


def test_chunks_change_nothing(tokenizer, monkeypatch):
    vectors = np.random.default_rng(0).normal(size=(len(WORDS), 3)).astype(np.float32)
    wanted = token_vectors_from_words(tokenizer, WORDS, vectors)
    monkeypatch.setattr(token_vectors, "CHUNK", 3)
    np.testing.assert_array_equal(token_vectors_from_words(tokenizer, WORDS, vectors), wanted)


def test_no_words_give_zeros(tokenizer):
    assert not token_vectors_from_words(tokenizer, [], np.empty((0, 3))).any()


def test_ngrams(tokenizer):
    pieces = read_pieces(tokenizer)

    def vector(text):
        if "a" not in text:
            raise KeyError(text)
        return np.array([len(text), 1.0])

    made = token_vectors_from_ngrams(tokenizer, vector, 2)
    for row, text in zip(made, pieces.texts, strict=True):
        wanted = [len(text), 1] if text and "a" in text else [0, 0]
        assert row.tolist() == wanted
    assert 50 < made[:, 1].sum() < len(made) and not made[pieces.special].any()


def test_names(tokenizer):
    sentences = token_sentences(tokenizer, ["woman dancing", "Hund"])
    assert [tokenizer.token_to_id(t) for t in sentences[0]] == tokenizer.encode("woman dancing").ids
    names = [*dict.fromkeys(sentences[0] + sentences[1]), "not a token"]
    vectors = np.arange(1.0, 2 * len(names) + 1).reshape(-1, 2)
    made = token_vectors_by_name(tokenizer, names, vectors)
    for name, vector in zip(names[:-1], vectors, strict=False):
        np.testing.assert_array_equal(made[tokenizer.token_to_id(name)], vector)
    assert made.any(1).sum() == len(names) - 1 and len(made) == tokenizer.get_vocab_size()


def test_numbers_that_do_not_fit_are_refused(tokenizer_of):
    tokenizer = tokenizer_of("wordpiece")
    with pytest.raises(VectorError, match=r"2 words, vectors \[1, 3\], 2 frequencies"):
        token_vectors_from_words(tokenizer, ["a", "b"], np.ones((1, 3)))
    with pytest.raises(VectorError, match="2 words, vectors"):
        token_vectors_from_words(tokenizer, ["a", "b"], np.ones((2, 3)), [1])
    with pytest.raises(VectorError, match="frequencies at least 0"):
        token_vectors_from_words(tokenizer, ["a", "b"], np.ones((2, 3)), [1, -1])
    with pytest.raises(VectorError, match="2 names for vectors"):
        token_vectors_by_name(tokenizer, ["a", "b"], np.ones((1, 3)))
