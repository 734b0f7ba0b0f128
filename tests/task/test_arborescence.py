"""The best tree is the best of all trees."""

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import VectorError
from isogloss.task.arborescence import best_tree


def is_tree(heads):
    """Whether every word reaches the root."""
    for word in range(1, len(heads) + 1):
        for _ in heads:
            word = heads[word - 1] if word else 0
        if word:
            return False
    return True


@cache
def trees(n, single):
    """All trees over n words `[m, n]`."""
    every = itertools.product(range(n + 1), repeat=n)
    return np.array([h for h in every if (h.count(0) == 1 or not single) and is_tree(h)])


def worth(scores, heads):
    return scores[np.arange(len(scores)), heads].sum(-1)


def test_there_are_as_many_trees_as_cayley_counts():
    assert [len(trees(n, True)) for n in range(1, 6)] == [n ** (n - 1) for n in range(1, 6)]
    assert [len(trees(n, False)) for n in range(1, 5)] == [(n + 1) ** (n - 1) for n in range(1, 5)]


@given(st.integers(1, 5), st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_no_tree_is_better(n, seed, single, ties):
    rng = np.random.default_rng(seed)
    scores = rng.integers(-3, 4, (n, n + 1)) * 1.0 if ties else rng.normal(size=(n, n + 1)) * 50
    heads = best_tree(scores, single=single)
    assert is_tree(heads)
    assert (heads == 0).sum() == 1 or not single
    assert worth(scores, heads) == pytest.approx(worth(scores, trees(n, single)).max())


def test_no_tree_of_six_words_is_better():
    rng = np.random.default_rng(0)
    for _ in range(200):
        scores = rng.normal(size=(6, 7))
        assert worth(scores, best_tree(scores)) == pytest.approx(
            worth(scores, trees(6, True)).max()
        )


def test_long_sentences_equal_networkx():
    networkx = pytest.importorskip("networkx")
    rng = np.random.default_rng(0)
    for n in (7, 12, 20):
        scores = rng.normal(size=(n, n + 1))
        graph = networkx.DiGraph()
        arcs = itertools.product(range(1, n + 1), range(n + 1))
        graph.add_weighted_edges_from((h, d, scores[d - 1, h]) for d, h in arcs if h != d)
        whole = networkx.maximum_spanning_arborescence(graph)
        heads = best_tree(scores, single=False)
        assert {(int(h), d) for d, h in enumerate(heads, 1)} == set(whole.edges)


def test_cycles_in_cycles_come_apart():
    """Words chained so that each tree of argmax has a cycle around the one before."""
    n = 300
    scores = np.full((n, n + 1), -9.0)
    scores[0, 2] = 5.0
    for word in range(1, n):
        scores[word, word] = 5.0 - word / n  # to the one before
        scores[word - 1, word + 1] = max(scores[word - 1, word + 1], 4.0 - word / n)
    heads = best_tree(scores)
    assert is_tree(heads) and (heads == 0).sum() == 1


def test_the_best_heads_alone_are_no_tree_and_have_two_roots():
    cycle = np.array([[0.0, -9.0, 5.0], [1.0, 5.0, -9.0]])
    assert cycle.argmax(1).tolist() == [2, 1]  # each the head of the other
    assert best_tree(cycle).tolist() == [2, 0]
    roots = np.array([[5.0, -9.0, 1.0], [4.0, 3.0, -9.0]])
    assert best_tree(roots, single=False).tolist() == [0, 0]
    assert best_tree(roots).tolist() == [0, 1]


@pytest.mark.parametrize("scores", [np.zeros((2, 2)), np.zeros((0, 1)), np.full((2, 3), np.nan)])
def test_odd_scores_are_refused(scores):
    with pytest.raises(VectorError):
        best_tree(scores)
