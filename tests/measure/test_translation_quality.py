"""Greedy matching equals plain loops, and the mask takes out what the aligner did not join."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import UsageError, VectorError
from isogloss.measure.catalogue import MEASURES
from isogloss.measure.translation_quality import translation_quality


def world(n=12, d=6, noise=0.5, seed=0):
    """Sentences of several lengths, translated word by word in another order."""
    rng = np.random.default_rng(seed)
    source, hypothesis, links = [], [], []
    for _ in range(n):
        t = int(rng.integers(2, 7))
        s, order = rng.normal(size=(t, d)), rng.permutation(t)
        source.append(s)
        hypothesis.append(s[order] + noise * rng.normal(size=(t, d)))
        links.append([(int(i), j) for j, i in enumerate(order)])
    return source, hypothesis, links


def plain(s, h, links, unaligned):
    """Precision, recall and F1 of one sentence, token by token."""

    def c(i, j):
        cosine = s[i] @ h[j] / np.linalg.norm(s[i]) / np.linalg.norm(h[j])
        return cosine if links is None or (i, j) in links else unaligned * cosine

    recall = np.mean([max(c(i, j) for j in range(len(h))) for i in range(len(s))])
    precision = np.mean([max(c(i, j) for i in range(len(s))) for j in range(len(h))])
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both > 0 else 0


@pytest.mark.parametrize("unaligned", [0.0, 0.6])
@pytest.mark.parametrize("masked", [False, True])
def test_it_equals_plain_loops(unaligned, masked):
    source, hypothesis, links = world()
    hypothesis[3] = hypothesis[3][:1]  # a translation that lacks words
    links[3] = [(i, j) for i, j in links[3] if j == 0]
    found = translation_quality(
        source, hypothesis, links=links if masked else None, unaligned=unaligned
    )
    for row, (s, h) in enumerate(zip(source, hypothesis, strict=True)):
        expected = plain(s, h, links[row] if masked else None, unaligned)
        measured = [part[row] for part in (found.precision, found.recall, found.f1)]
        assert measured == pytest.approx(expected, abs=1e-5)
    np.testing.assert_array_equal(found.f1, found.score)


def test_the_mask_tells_a_wrong_word_that_lies_near():
    source = [np.eye(4)[:3]] * 2
    good, wrong = np.eye(4)[:3], np.eye(4)[[0, 1, 1]]  # the third word again means the second
    links = [[(0, 0), (1, 1), (2, 2)]] * 2
    blind = translation_quality(source, [good, wrong])
    seeing = translation_quality(source, [good, wrong], links=links)
    assert blind.precision.tolist() == [1, 1]
    assert seeing.precision == pytest.approx([1, 2 / 3])
    assert seeing.f1[0] == 1 and seeing.f1[1] < blind.f1[1]


@given(st.integers(0, 200))
def test_masks_only_lower_positive_matches_and_whole_weight_is_no_mask(seed):
    source, hypothesis, links = world(seed=seed)
    plain_ = translation_quality(source, hypothesis)
    whole = translation_quality(source, hypothesis, links=links, unaligned=1.0)
    np.testing.assert_allclose(plain_.f1, whole.f1, atol=1e-6)
    half, none = (
        translation_quality(source, hypothesis, links=links, unaligned=u) for u in (0.5, 0.0)
    )
    positive = np.array(
        [(s @ h.T).max(1).min() > 0 for s, h in zip(source, hypothesis, strict=True)]
    )
    assert (half.recall <= plain_.recall + 1e-6)[positive].all()
    assert (none.recall <= half.recall + 1e-6)[positive].all()


def test_swapped_sides_swap_precision_and_recall():
    source, hypothesis, links = world()
    there = translation_quality(source, hypothesis, links=links)
    back = translation_quality(hypothesis, source, links=[[(j, i) for i, j in k] for k in links])
    np.testing.assert_allclose(there.precision, back.recall, atol=1e-6)
    np.testing.assert_allclose(there.f1, back.f1, atol=1e-6)


def test_the_generation_score_is_added():
    source, hypothesis, _ = world()
    log = -np.arange(12) / 10
    found = translation_quality(source, hypothesis, generation=log, weight=0.5)
    np.testing.assert_allclose(found.score, found.f1 + 0.5 * log)
    rows = found.scores(language="deu_Latn", pivot="eng_Latn")
    assert rows.one(measure="qe_score").value == pytest.approx(found.score.mean())
    for row in rows:
        assert row.measure in MEASURES and row.low <= row.value <= row.high and row.n == 12
        assert row.language == "deu_Latn" and row.settings["weight"] == 0.5


def test_sentences_without_a_token_are_zero_and_counted():
    source, hypothesis, links = world()
    hypothesis[2], links[2] = np.empty((0, 6)), []
    found = translation_quality(source, hypothesis, links=links)
    assert found.f1[2] == 0 and found.empty == 1
    assert found.scores()[0].settings["without a token"] == 1


def test_what_does_not_fit_is_refused():
    source, hypothesis, links = world()
    with pytest.raises(UsageError, match="unaligned is 2"):
        translation_quality(source, hypothesis, links=links, unaligned=2)
    with pytest.raises(VectorError, match="12 source sentences and 11 hypotheses"):
        translation_quality(source, hypothesis[1:])
    with pytest.raises(VectorError, match="12 source sentences and 3 lists of links"):
        translation_quality(source, hypothesis, links=links[:3])
    with pytest.raises(VectorError, match="sentence 0: link 9-0 is outside"):
        translation_quality(source, hypothesis, links=[[(9, 0)], *links[1:]])
    with pytest.raises(VectorError, match="sentence 1: tokens must be"):
        translation_quality(source, [hypothesis[0], hypothesis[1][:, :2], *hypothesis[2:]])
    with pytest.raises(VectorError, match="hypothesis 4: "):
        translation_quality(source, [*hypothesis[:4], hypothesis[4] * np.nan, *hypothesis[5:]])
    with pytest.raises(VectorError, match="generation scores: 1 of 12"):
        translation_quality(source, hypothesis, generation=[*range(11), -np.inf])
