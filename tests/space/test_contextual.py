"""A planted rotation between words in context is found, and not without each language's mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.encode.words import TokenVectors
from isogloss.errors import CorpusError, UnknownName, VectorError
from isogloss.match.word_alignment import Links, mean_words
from isogloss.measure.word_retrieval import word_retrieval
from isogloss.space.contextual import contextual_rotation, dictionary_pairs, linked_pairs

D = 8


def tokens(words, rng, pieces=None):
    """Sentences of word vectors as tokens; each word is the mean of its 1 to 3 tokens."""
    array, at, starts = [], [], [0]
    for sentence in words:
        for index, vector in enumerate(sentence):
            count = int(rng.integers(1, 4)) if pieces is None else pieces[index]
            apart = rng.normal(size=(count, D))
            array += list(vector + apart - apart.mean(0)) if count else []
            at += [index] * count
        starts.append(len(array))
    lengths = np.array([len(sentence) for sentence in words])
    return TokenVectors(np.array(array, np.float32), np.array(starts), np.array(at), lengths)


def world(seed=0, noise=0.0, offset=0.0, sentences=60):
    """Sentences of 5 words of 40 types; the other side is turned, moved and in another order."""
    rng = np.random.default_rng(seed)
    types = rng.normal(size=(40, D)) * np.linspace(1.5, 0.5, D)
    turn = np.linalg.qr(rng.normal(size=(D, D)))[0]
    away = offset * rng.normal(size=D)
    x, y, links, names = [], [], [], ([], [])
    for _ in range(sentences):
        chosen, order = rng.choice(40, 5, replace=False), rng.permutation(5)
        words = types[chosen] + 0.3 * rng.normal(size=(5, D))
        x.append(words)
        y.append((words @ turn + noise * rng.normal(size=(5, D)) + away)[order])
        links.append(Links(order, np.arange(5), np.ones(5), (5, 5)))
        names[0].append([f"s{t}" for t in chosen])
        names[1].append([f"T{t}" for t in chosen[order]])
    return tokens(x, rng), tokens(y, rng), links, names, turn


def retrieval(x, y, links, made=None):
    pairs = np.array([(5 * i + a, 5 * i + b) for i, one in enumerate(links) for a, b in one.pairs])
    x, y = mean_words(x).array, mean_words(y).array
    if made is not None:
        x, y = made.source.apply(x), made.target.apply(y)
    return word_retrieval(x, y, pairs)[0].value


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_rotation_is_recovered_whatever_the_offset(seed):
    x, y, links, _, turn = world(seed, offset=5.0)
    made = contextual_rotation(x, y, links)
    np.testing.assert_allclose(made.source.steps[-1].matrix, turn, atol=1e-3)
    pairs = linked_pairs(x, y, links)
    np.testing.assert_allclose(
        made.source.apply(pairs.source), made.target.apply(pairs.target), atol=1e-3
    )
    assert made.source.about["chain"][-1]["n"] == 300
    assert [one["method"] for one in made.target.about["chain"]] == ["centre.v1", "unit.v1"]


@pytest.mark.parametrize("seed", range(3))
def test_without_the_languages_means_an_offset_breaks_it(seed):
    x, y, links, _, turn = world(seed, noise=0.1, offset=5.0)
    whole, bare = (contextual_rotation(x, y, links, normalisers=n) for n in (("centre",), ()))
    assert np.abs(whole.source.steps[-1].matrix - turn).max() < 0.05
    assert np.abs(bare.source.steps[-1].matrix - turn).max() > 0.2
    assert retrieval(x, y, links, whole) > retrieval(x, y, links, bare) + 0.2


def test_word_retrieval_rises_on_sentences_it_was_not_fitted_on():
    x, y, links, names, _ = world(noise=0.2, offset=1.0, sentences=90)
    held = cut(x, 60, 90), cut(y, 60, 90), links[60:]
    x, y, links, names = cut(x, 0, 60), cut(y, 0, 60), links[:60], [n[:60] for n in names]
    made = contextual_rotation(x, y, links)
    before, after = (retrieval(*held, m) for m in (None, made))
    assert before < 0.1 and after > 0.8
    anchors = contextual_rotation(x, y, dictionary_pairs(x, y, names, DICTIONARY))
    assert before + 0.5 < retrieval(*held, anchors) <= after + 0.05


def cut(side, first, last):
    """Some of the sentences."""
    starts = side.starts[first : last + 1]
    part = slice(starts[0], starts[-1])
    return TokenVectors(
        side.array[part], starts - starts[0], side.words[part], side.lengths[first:last]
    )


DICTIONARY = [(f"S{t}", f"t{t}") for t in range(40)]  # no case is that of the text


@given(st.integers(0, 500))
def test_pairs_are_those_of_a_plain_loop(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 4, size=(4, 2))
    x, y = (tokens([rng.normal(size=(n, D)) for n in side], rng) for side in sizes.T)
    links = []
    for n, m in sizes:
        both = [(i, j) for i in range(n) for j in range(m) if rng.random() < 0.5]
        made = np.array(both, np.int64).reshape(-1, 2)
        links.append(Links(made[:, 0], made[:, 1], np.ones(len(made)), (n, m)))
    expected = [
        [word(side, i, pair[at]) for i, one in enumerate(links) for pair in one.pairs]
        for at, side in enumerate((x, y))
    ]
    if not expected[0]:
        with pytest.raises(VectorError, match="no two words are linked"):
            linked_pairs(x, y, links)
        return
    found = linked_pairs(x, y, links)
    np.testing.assert_allclose(found.source, expected[0], atol=1e-5)
    np.testing.assert_allclose(found.target, expected[1], atol=1e-5)
    assert found.dropped == {}


def word(side, sentence, index):
    part = slice(*side.starts[sentence : sentence + 2])
    return side.array[part][side.words[part] == index].mean(0)


def test_a_dictionary_takes_the_mean_over_contexts_and_counts_what_is_missing():
    x, y, _, names, _ = world()
    entries = [("s3", "t3"), ("S3", "T3"), ("s3", "t4"), ("s99", "t1"), ("s1", "t99")]
    found = dictionary_pairs(x, y, names, entries)
    assert found.dropped == {"not in the source text": 1, "not in the target text": 1}
    assert len(found.source) == 2  # the second entry is the first
    for side, text, wanted, got in (
        (x, names[0], "s3", found.source[0]),
        (y, names[1], "T4", found.target[1]),
    ):
        at = [(i, w) for i, words in enumerate(text) for w, form in enumerate(words)]
        occurrences = [word(side, i, w) for i, w in at if text[i][w] == wanted]
        np.testing.assert_allclose(got, np.mean(occurrences, 0), atol=1e-5)


def test_words_without_tokens_are_counted():
    rng = np.random.default_rng(0)
    x = tokens([rng.normal(size=(3, D))], rng, pieces=[1, 0, 2])
    y = tokens([rng.normal(size=(3, D))], rng)
    every = np.arange(3)
    found = linked_pairs(x, y, [Links(every, every, np.ones(3), (3, 3))])
    assert len(found.source) == 2 and found.dropped == {"a word without tokens": 1}
    np.testing.assert_allclose(found.target[1], word(y, 0, 2), atol=1e-6)


def test_what_does_not_fit_is_refused():
    x, y, links, names, _ = world(sentences=3)
    with pytest.raises(VectorError, match="3 and 3 sentences and links of 2"):
        contextual_rotation(x, y, links[:2])
    wrong = [*links[:2], Links(links[2].source, links[2].target, links[2].scores, (5, 6))]
    with pytest.raises(VectorError, match="pair 2 has 5 and 5 words, its links are of 5 and 6"):
        contextual_rotation(x, y, wrong)
    with pytest.raises(UnknownName, match="center"):
        contextual_rotation(x, y, links, normalisers=["center"])
    with pytest.raises(CorpusError, match="of 1 entries none has both words"):
        dictionary_pairs(x, y, names, [("cat", "Katze")])
    with pytest.raises(VectorError, match="2 sentences of 10 words are not those"):
        dictionary_pairs(x, y, (names[0][:2], names[1]), DICTIONARY)
