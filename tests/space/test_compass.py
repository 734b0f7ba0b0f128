"""The word that changed its contexts shifts most; the rest stay, which apart they would not."""

from collections import Counter

import numpy as np
import pytest

from isogloss.errors import CorpusError, UsageError
from isogloss.space.compass import (
    Training,
    _pairs,
    _step,
    cade,
    meaning_shift,
    train_compass,
    train_slice,
)

QUICK = Training(width=16, window=3, epochs=5, sample=0)


def corpus(topic, seed, sentences=600):
    """Sentences of one of four topics, "bank" among the words of the one, "the" anywhere."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(sentences):
        at = rng.integers(4)
        words = [f"t{at}w{i}" for i in rng.integers(0, 8, 7)]
        if at == topic and rng.random() < 0.5:
            words[rng.integers(7)] = "bank"
        if rng.random() < 0.5:
            words.insert(int(rng.integers(7)), "the")
        made.append(words)
    return made


CORPORA = {"then": corpus(0, 1), "now": corpus(1, 2)}


@pytest.mark.parametrize("seed", range(3))
def test_the_word_whose_contexts_change_shifts_most(seed):
    slices = cade(CORPORA, Training(width=16, window=3, epochs=5, sample=0, seed=seed))
    shifts = meaning_shift(slices["then"], slices["now"])
    assert shifts[0][0] == "bank" and shifts[0][1] > 0.5
    assert shifts[1][1] < 0.15
    assert [s for _, s in shifts] == sorted((s for _, s in shifts), reverse=True)


def test_it_lies_with_its_topic_in_each_slice():
    slices = cade(CORPORA, QUICK)
    for name, topic in (("then", "t0"), ("now", "t1")):
        x = slices[name].vectors / np.linalg.norm(slices[name].vectors, axis=1, keepdims=True)
        near = (x @ x[slices[name].words.index("bank")]).argsort()[::-1][1:6]
        assert {slices[name].words[i][:2] for i in near} == {topic}


def test_trained_apart_every_word_shifts():
    slices = {}
    for seed, (name, text) in enumerate(CORPORA.items()):
        alone = Training(width=16, window=3, epochs=5, sample=0, seed=seed)
        slices[name] = train_slice(text, train_compass([text], alone), alone)
    shifts = [s for _, s in meaning_shift(slices["then"], slices["now"])]
    assert np.median(shifts) > 0.5


def test_the_contexts_are_frozen_to_the_bit():
    compass = train_compass(CORPORA.values(), QUICK)
    before, own = compass.contexts.tobytes(), compass.vectors.tobytes()
    made = train_slice(CORPORA["then"], compass, QUICK)
    assert compass.contexts.tobytes() == before and compass.vectors.tobytes() == own
    assert not compass.contexts.flags.writeable and np.abs(compass.contexts).max() > 0.1
    assert np.abs(made.vectors - compass.vectors[: len(made.words)]).max() > 0.1
    np.testing.assert_array_equal(
        train_slice(CORPORA["then"], compass, QUICK).vectors, made.vectors
    )


def test_words_left_out_are_counted():
    text = [["a", "b", "c"] * 5, ["a", "b"] * 5, ["rare"]]
    training = Training(width=4, min_count=6, epochs=1)
    compass = train_compass([text, [["c", "d"] * 8]], training)
    assert set(compass.words) == {"a", "b", "c", "d"}
    made = train_slice(text, compass, training)
    assert set(made.words) == {"a", "b"} and made.vectors.shape == (2, 4)
    assert made.dropped == {"not in the compass": 1, "under 6 times in the slice": 1}


def test_pairs_are_the_words_within_reach_in_their_sentence():
    ids, sentence = np.array([0, 1, 2, 3, 4, 0]), np.array([0, 0, 0, 1, 1, 1])
    rng, shares = np.random.default_rng(0), np.full(5, 0.2)
    (found,) = _pairs(ids, sentence, shares, Training(window=1, sample=0), rng)
    near = [(0, 1), (1, 0), (1, 2), (2, 1), (3, 4), (4, 3), (4, 0), (0, 4)]
    assert Counter(map(tuple, found.tolist())) == Counter(near)
    (wide,) = _pairs(ids, sentence, shares, Training(window=5, sample=0), rng)
    apart = {(0, 2), (2, 0), (3, 0), (0, 3)}
    assert set(map(tuple, wide.tolist())) - set(near) <= apart
    assert set(near) <= set(map(tuple, wide.tolist()))


def test_frequent_words_are_thinned_out():
    ids, sentence = np.repeat([0, 1], [9900, 100]), np.zeros(10_000, int)
    shares = np.array([0.99, 0.01])
    training = Training(window=1, sample=1e-2)
    (found,) = _pairs(ids, sentence, shares, training, np.random.default_rng(0))
    kept = np.bincount(found[:, 0]) / 2
    assert kept[0] == pytest.approx(9900 * (np.sqrt(1e-2 / 0.99) + 1e-2 / 0.99), rel=0.1)
    assert kept[1] == pytest.approx(100, abs=2)


def test_a_step_sums_the_slopes_of_a_row_that_comes_twice():
    rng = np.random.default_rng(0)
    matrix, slopes, factors = rng.normal(size=(6, 3)), rng.normal(size=(4, 3)), rng.random((4, 2))
    rows = np.array([[0, 1], [1, 1], [5, 0], [2, 2]])
    summed = np.zeros((6, 3))
    for b in range(4):
        for k in range(2):
            summed[rows[b, k]] += factors[b, k] * slopes[b]
    grown = np.full(6, 0.5)
    total = grown + (summed**2).mean(1)
    right = matrix - 0.1 * summed / np.sqrt(total)[:, None]
    _step(matrix, grown, rows, slopes, factors, rate=0.1)
    np.testing.assert_allclose(matrix, right, atol=1e-6)
    np.testing.assert_allclose(grown, total, atol=1e-6)


def test_bad_input_is_refused():
    compass = train_compass(CORPORA.values(), QUICK)
    with pytest.raises(CorpusError, match="0 words occur 5 times"):
        train_compass([[["a", "b"]]], QUICK)
    with pytest.raises(CorpusError, match="0 words of the compass"):
        train_slice([["a", "b"] * 9], compass, QUICK)
    with pytest.raises(UsageError, match="width 16, not 100"):
        train_slice(CORPORA["then"], compass, Training())
    with pytest.raises(UsageError, match="positive"):
        Training(window=0)
    slices = cade({"x": [["a", "b"] * 9], "y": [["c", "d"] * 9]}, Training(width=4))
    with pytest.raises(CorpusError, match="share no word"):
        meaning_shift(slices["x"], slices["y"])
