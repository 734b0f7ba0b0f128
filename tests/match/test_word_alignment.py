"""Links between words from the tokens of many pairs at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.encode.words import TokenVectors
from isogloss.errors import UnknownName, UsageError, VectorError
from isogloss.match import word_alignment
from isogloss.match.word_alignment import Links, align_words, mean_words


def tokens(sentences, seed=0, width=4):
    """Token vectors of sentences given as lists of tokens a word."""
    counts = [sum(words) for words in sentences]
    words = [np.repeat(np.arange(len(w)), w) for w in sentences]
    array = np.random.default_rng(seed).normal(size=(sum(counts), width)).astype(np.float32)
    return TokenVectors(
        array=array,
        starts=np.cumsum([0, *counts]),
        words=np.concatenate([np.empty(0, np.int64), *words]),
        lengths=np.array([len(w) for w in sentences]),
    )


def plain(x, y, i):
    """Mutual argmax of the tokens of pair i, to words, with the best score of each."""
    a, b = slice(*x.starts[i : i + 2]), slice(*y.starts[i : i + 2])
    u, v = (t / np.linalg.norm(t, axis=1, keepdims=True) for t in (x.array[a], y.array[b]))
    s = (1 + u @ v.T) / 2
    found = {}
    for p in range(len(u)):
        for q in range(len(v)):
            if s[p].argmax() == q and s[:, q].argmax() == p:
                link = int(x.words[a][p]), int(y.words[b][q])
                found[link] = max(found.get(link, 0), s[p, q])
    return found


sentence = st.lists(st.integers(1, 3), max_size=5)


@given(
    pairs=st.lists(st.tuples(sentence, sentence), min_size=1, max_size=6),
    seed=st.integers(0, 99), cells=st.sampled_from([1, 30, 10**6]),
)  # fmt: skip
def test_links_of_words_are_those_of_their_tokens_in_batches_of_any_size(pairs, seed, cells):
    x, y = (tokens(side, seed + i) for i, side in enumerate(zip(*pairs, strict=True)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(word_alignment, "CELLS", cells)
        found = align_words(x, y, ["intersection"])["intersection"]
    assert len(found) == len(pairs)
    for i, links in enumerate(found):
        wanted = plain(x, y, i)
        assert links.pairs == sorted(wanted)
        np.testing.assert_allclose(links.scores, [wanted[p] for p in links.pairs], atol=1e-5)
        assert links.lengths == (len(pairs[i][0]), len(pairs[i][1]))


def test_several_methods_at_once_are_the_methods_alone():
    x, y = tokens([[1, 2, 1, 3], [2]], 0), tokens([[2, 2, 1], [1, 1]], 1)
    names = ["intersection", "itermax", "mwmf"]
    together = align_words(x, y, names)
    for name in names:
        alone = align_words(x, y, [name])[name]
        assert [one.pairs for one in alone] == [one.pairs for one in together[name]]


def test_the_unit_word_links_mean_vectors():
    x, y = tokens([[2, 1], [], [3]], 0), tokens([[1, 2, 1], [1], [2]], 1)
    means = mean_words(x)
    assert means.starts.tolist() == [0, 2, 2, 3] and means.words.tolist() == [0, 1, 0]
    np.testing.assert_allclose(means.array[0], x.array[:2].mean(0), rtol=1e-6)
    np.testing.assert_allclose(means.array[2], x.array[3:].mean(0), rtol=1e-6)
    found = align_words(x, y, ["mwmf"], unit="word")["mwmf"]
    assert [len(one.pairs) for one in found] == [2, 0, 1]


def test_a_score_falls_with_null_words():
    def one(pairs, scores, lengths):
        i, j = (np.array(side, int) for side in zip(*pairs, strict=True))
        return Links(i, j, np.array(scores), lengths)

    full = one([(0, 0), (1, 1)], [1, 1], (2, 2))
    half = one([(0, 0), (0, 1)], [1, 0.5], (2, 2))
    assert full.score == 1 and full.nulls == ([], [])
    assert half.score == (1 + 0 + 1 + 0.5) / 4 and half.nulls == ([1], [])


def test_what_cannot_be_aligned_says_so():
    x = tokens([[1], [1]])
    with pytest.raises(VectorError, match="2 sentences of width 4 and 1 of width 4"):
        align_words(x, tokens([[1]]))
    with pytest.raises(VectorError, match="width 4 and 2 of width 3"):
        align_words(x, tokens([[1], [1]], width=3))
    with pytest.raises(UsageError, match="no unit 'character'"):
        align_words(x, x, unit="character")
    with pytest.raises(UnknownName, match="intersection"):
        align_words(x, x, ["intersectio"])
