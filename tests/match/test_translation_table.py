"""IBM Model 1 in blocks equals its definition, sentence by sentence, in both directions."""

import numpy as np
import pytest
from scipy import sparse

from isogloss.match import translation_table
from isogloss.match.translation_table import sharpen, translation_tables


def defined(source, target, sizes, iterations):
    t = np.ones(sizes)
    for _ in range(iterations):
        count = np.zeros(sizes)
        for fs, es in zip(source, target, strict=True):
            for e in es:
                for f in fs:
                    count[f, e] += t[f, e] / t[fs, e].sum()
        t = count / np.maximum(count.sum(1, keepdims=True), 1e-300)
    return t


@pytest.mark.parametrize("block", [1, 40, 2**21])
def test_both_directions_equal_the_definition(monkeypatch, block):
    monkeypatch.setattr(translation_table, "BLOCK", block)
    rng = np.random.default_rng(0)
    source = [rng.integers(12, size=rng.integers(0, 7)) for _ in range(30)]
    target = [rng.integers(9, size=rng.integers(0, 7)) for _ in range(30)]
    forward, backward = translation_tables(source, target, (12, 9), iterations=3)
    np.testing.assert_allclose(forward.todense(), defined(source, target, (12, 9), 3), atol=1e-12)
    np.testing.assert_allclose(backward.todense(), defined(target, source, (9, 12), 3), atol=1e-12)


def test_word_translations_are_found():
    rng = np.random.default_rng(0)
    source = [rng.choice(20, 4, replace=False) for _ in range(300)]
    target = [rng.permutation((s + 1) % 20) for s in source]  # word f is translated by f + 1
    forward, backward = translation_tables(source, target, (20, 20))
    np.testing.assert_allclose(np.asarray(forward.sum(1)).ravel(), 1)
    best = np.asarray(sharpen(forward, backward).todense()).argmax(1)
    assert (best == (np.arange(20) + 1) % 20).all()


def test_only_what_both_directions_agree_on_is_kept():
    forward = sparse.csr_matrix([[0.6, 0.4, 0.0], [0.5, 0.0, 0.5]])  # t(e | f)
    backward = sparse.csr_matrix([[0.1, 0.5], [0.9, 0.0], [0.0, 0.5]])  # t(f | e)
    found = np.asarray(sharpen(forward, backward).todense())
    np.testing.assert_allclose(found, [[0.06 / 0.42, 0.36 / 0.42, 0], [0.5, 0, 0.5]])
    best = np.asarray(sharpen(forward, backward, keep=1).todense())
    np.testing.assert_allclose(best[0], [0, 1, 0])


def test_no_sentence_pair_gives_empty_tables():
    forward, backward = translation_tables([np.array([], int)], [np.array([1])], (2, 3))
    assert forward.shape == (2, 3) and backward.shape == (3, 2) and forward.nnz == 0
