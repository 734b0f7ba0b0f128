"""A word in its sentence finds its translation there, among all occurrences of all words."""

import numpy as np
import pytest

from isogloss.errors import VectorError
from isogloss.match.neighbours import unit
from isogloss.measure.catalogue import MEASURES
from isogloss.measure.word_retrieval import measured_word_retrieval, word_retrieval


def words(n=60, d=8, noise=0.8, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return x, x + noise * rng.normal(size=(n, d))


def values(scores):
    return [row.value for row in scores]


def test_it_equals_a_plain_loop_with_csls_over_all_occurrences():
    x, y = words()
    pairs = np.array([(i, i) for i in range(5, 60)])
    c = unit(x) @ unit(y).T
    near_x, near_y = np.sort(c, 1)[:, -10:].mean(1), np.sort(c, 0)[-10:].mean(0)
    csls = 2 * c - near_x[:, None] - near_y
    there = np.mean([csls[i].argmax() == i for i in range(5, 60)])
    back = np.mean([csls[:, i].argmax() == i for i in range(5, 60)])
    found = word_retrieval(x, y, pairs, languages=("deu_Latn", "eng_Latn"), layer=7)
    assert values(found) == pytest.approx([there, back]) and there not in (0, 1)
    assert [r.direction for r in found] == ["deu_Latn>eng_Latn", "eng_Latn>deu_Latn"]
    for row in found:
        assert row.measure in MEASURES and row.low <= row.value <= row.high and row.layer == 7
        assert row.n == 55 and row.dropped == {"not aligned": 5}


def test_a_hub_is_taken_down_by_csls_and_not_by_the_cosine():
    x, y = words(d=16, noise=0.5)
    axis = np.ones(16) / 4
    crowd, index = x + 4 * axis, np.vstack([y + axis, axis])  # the last is near to every word
    pairs = np.stack([np.arange(60)] * 2, 1)
    plain = word_retrieval(crowd, index, pairs, score="cosine")[0].value
    assert word_retrieval(crowd, index, pairs)[0].value > plain + 0.2


def test_another_use_of_the_same_word_is_a_miss_and_so_is_a_tie():
    x = np.eye(4)[[0, 0, 1, 2]]
    assert values(word_retrieval(x, x, score="cosine")) == [0.5, 0.5]
    joined = np.array([(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (3, 3)])
    assert values(word_retrieval(x, x, joined, score="cosine")) == [1, 1]  # either is right


def test_swapped_sides_swap_the_directions():
    x, y = words()
    pairs = np.random.default_rng(0).permutation(60)[:40]
    pairs = np.stack([pairs, pairs], 1)
    assert values(word_retrieval(x, y, pairs)) == values(word_retrieval(y, x, pairs))[::-1]


def test_words_of_one_sentence_are_drawn_together():
    x, y = words(noise=0.1)
    y[:30] = -y[:30]  # whole sentences fail
    loose = word_retrieval(x, y)[0]
    tight = word_retrieval(x, y, sentences=np.arange(60) // 15)[0]
    assert loose.value == tight.value and tight.interval == "bootstrap over sentences"
    assert tight.high - tight.low > 1.5 * (loose.high - loose.low)


def test_what_does_not_fit_is_refused():
    x, y = words()
    with pytest.raises(VectorError, match="not aligned row by row"):
        word_retrieval(x, y[:50])
    with pytest.raises(VectorError, match=r"pair \[3, 60\] is outside"):
        word_retrieval(x, y, np.array([(1, 1), (3, 60)]))
    with pytest.raises(VectorError, match=r"pairs must be \[p, 2\]"):
        word_retrieval(x, y, np.arange(6))
    with pytest.raises(VectorError, match="2 sentences for 60 pairs"):
        word_retrieval(x, y, sentences=np.arange(2))
    with pytest.raises(VectorError, match="each side needs 2"):
        word_retrieval(x[:1], y[:1])
    with pytest.raises(VectorError, match="target words: 1 of 60"):
        word_retrieval(x, np.where(np.arange(60)[:, None] == 9, np.inf, y))


def test_outcomes_of_sentences_have_the_mean_of_words():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 8))
    y, sentences = x + rng.normal(size=x.shape), np.repeat([0, 1, 2], [50, 7, 3])
    found = measured_word_retrieval(x, y, sentences=sentences)
    loose = measured_word_retrieval(x, y)
    for row, items, words in zip(
        found.scores, found.items.values(), loose.items.values(), strict=True
    ):
        assert len(items) == 3 and len(words) == 60 and 0 < row.value < 1
        assert items.mean() == pytest.approx(row.value) == pytest.approx(words.mean())
        np.testing.assert_allclose(items[1] * 60 / 3, words[50:57].sum())
