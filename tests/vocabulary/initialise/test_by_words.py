"""Vectors of tokens by words, and softmax over the nearest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import VectorError
from isogloss.vocabulary.initialise.by_words import softmax_of_nearest, vectors_by_words


def test_a_token_is_the_mean_of_the_words_it_stands_in(whole_words):
    tokenizer = whole_words("sun", "##ny", "##set", "x")
    words = ["sun", "sunny", "sunset", "what"]
    vectors = np.random.default_rng(0).normal(size=(4, 3))
    found = vectors_by_words(tokenizer, words, vectors)
    np.testing.assert_allclose(found[1], vectors[:3].mean(0), atol=1e-6)
    np.testing.assert_allclose(found[2], vectors[1], atol=1e-6)
    assert not found[0].any() and not found[4].any()  # unknown, and in no word
    weighted = vectors_by_words(tokenizer, words, vectors, np.array([2, 1, 1, 5]))
    wanted = (2 * vectors[0] + vectors[1] + vectors[2]) / 4
    np.testing.assert_allclose(weighted[1], wanted, atol=1e-6)
    assert not vectors_by_words(tokenizer, [], np.empty((0, 3))).any()


@given(n=st.integers(1, 9), m=st.integers(1, 30), k=st.integers(1, 12), seed=st.integers(0, 20))
@settings(max_examples=40, deadline=None)
def test_softmax_over_the_nearest_by_the_plain_formula(n, m, k, seed):
    rng = np.random.default_rng(seed)
    target, source = rng.normal(size=(n, 4)), rng.normal(size=(m, 4))
    target[rng.random(n) < 0.2] = 0
    source[1:][rng.random(m - 1) < 0.2] = 0
    found = softmax_of_nearest(target, source, k=k, temperature=0.3).toarray()
    for i in range(n):
        wanted = np.zeros(m)
        if target[i].any():
            there = np.flatnonzero(source.any(1))
            cosines = source[there] @ target[i]
            cosines /= np.linalg.norm(source[there], axis=1) * np.linalg.norm(target[i])
            best = np.argsort(-cosines)[:k]
            wanted[there[best]] = np.exp(cosines[best] / 0.3) / np.exp(cosines[best] / 0.3).sum()
        np.testing.assert_allclose(found[i], wanted, atol=1e-5)


def test_a_space_without_vectors_is_refused():
    with pytest.raises(VectorError, match="no source token has a vector"):
        softmax_of_nearest(np.ones((2, 3)), np.zeros((4, 3)))
