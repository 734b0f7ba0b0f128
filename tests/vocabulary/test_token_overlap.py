"""Overlap of tokens, against dictionaries and scipy."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from isogloss.vocabulary.token_overlap import token_overlap


def counted(languages):
    pairs = [np.unique(np.array(one, np.int64), return_counts=True) for one in languages]
    return [i for i, _ in pairs], [t for _, t in pairs]


def slow(one, other):
    p, q = Counter(one), Counter(other)
    both, either = set(p) & set(q), sorted(set(p) | set(q))
    x = np.array([p[t] / len(one) for t in either])
    y = np.array([q[t] / len(other) for t in either])
    divergence = jensenshannon(x, y, base=2) ** 2
    return len(both) / len(either), np.minimum(x, y).sum() / np.maximum(x, y).sum(), divergence


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=30), min_size=1, max_size=5))
def test_every_pair_against_a_loop(languages):
    made = token_overlap(*counted(languages))
    for a, one in enumerate(languages):
        for b, other in enumerate(languages):
            found = [matrix[a, b] for matrix in made]
            np.testing.assert_allclose(found, slow(one, other), atol=1e-7)


def test_the_same_and_nothing_in_common():
    made = token_overlap(*counted([[1, 1, 2], [1, 1, 2], [3, 4], [1, 2, 2]]))
    assert [m[0, 1] for m in made] == pytest.approx([1, 1, 0])
    assert [m[0, 2] for m in made] == pytest.approx([0, 0, 1])
    jaccard, weighted, divergence = (m[0, 3] for m in made)  # the same tokens, used otherwise
    assert jaccard == 1 and weighted == pytest.approx(0.5) and 0 < divergence < 0.2


def test_a_language_without_tokens_is_like_none():
    made = token_overlap(*counted([[1, 2], []]))
    for matrix in made:
        assert np.isfinite(matrix[0, 0]) and np.isnan([*matrix[1], matrix[0, 1]]).all()
    assert token_overlap([], []).jaccard.shape == (0, 0)
