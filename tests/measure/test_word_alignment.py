"""Agreement with gold links, against the definitions over all links at once."""

import numpy as np
import pytest

from isogloss.errors import VectorError
from isogloss.match.word_alignment import Links
from isogloss.measure.catalogue import MEASURES
from isogloss.measure.word_alignment import alignment_scores, link_scores, sentence_aer

FOUND = [{(0, 0), (1, 1), (2, 0)}, {(0, 1)}, set()]
SURE = [{(0, 0), (1, 2)}, {(0, 1)}, {(0, 0)}]
POSSIBLE = [{(1, 1)}, set(), {(0, 1)}]
LENGTHS = [(4, 3), (2, 2), (1, 2)]


def values(scores):
    return {row.measure: row.value for row in scores}


def test_the_definitions():
    got = values(alignment_scores(FOUND, SURE, POSSIBLE, LENGTHS))
    a, s, in_s, in_p = 4, 4, 2, 3
    p, r = in_p / a, in_s / s
    assert got["alignment_precision"] == pytest.approx(p)
    assert got["alignment_recall"] == pytest.approx(r)
    assert got["alignment_f1"] == pytest.approx(2 * p * r / (p + r))
    assert got["alignment_aer"] == pytest.approx(1 - (in_s + in_p) / (a + s))
    # null words found: 3 | 2; 1 | 0; 0 | 0, 1 and gold: 2, 3 | 0 ...; 1 | 0; none
    found = [{("s", 3), ("t", 2)}, {("s", 1), ("t", 0)}, {("s", 0), ("t", 0), ("t", 1)}]
    gold = [{("s", 2), ("s", 3)}, {("s", 1), ("t", 0)}, set()]
    both = sum(len(f & g) for f, g in zip(found, gold, strict=True))
    assert got["null_precision"] == pytest.approx(both / sum(map(len, found)))
    assert got["null_recall"] == pytest.approx(both / sum(map(len, gold)))


def test_perfect_links_have_no_error_and_nothing_found_is_nothing_recalled():
    perfect = values(alignment_scores(SURE, SURE, POSSIBLE, LENGTHS))
    assert perfect["alignment_aer"] == 0 and perfect["alignment_f1"] == 1
    nothing = values(alignment_scores([set()] * 3, SURE, POSSIBLE, LENGTHS))
    assert nothing["alignment_precision"] is None and nothing["alignment_recall"] == 0
    assert nothing["alignment_aer"] == 1 and nothing["null_recall"] == 1


def test_intervals_hold_the_value_and_narrow_with_sentences():
    rng = np.random.default_rng(0)

    def at(n):
        gold = [{(i, i) for i in range(6)} for _ in range(n)]
        found = [{(i, i if rng.random() < 0.7 else 5 - i) for i in range(6)} for _ in range(n)]
        rows = alignment_scores(found, gold, [set()] * n, [(6, 6)] * n)
        return next(row for row in rows if row.measure == "alignment_f1")

    few, many = at(20), at(500)
    assert few.low < few.value < few.high and many.low < many.value < many.high
    assert many.high - many.low < 0.5 * (few.high - few.low)


def test_what_has_no_meaning_says_so():
    with pytest.raises(VectorError, match="no sure link"):
        alignment_scores(FOUND, [set()] * 3, POSSIBLE, LENGTHS)
    with pytest.raises(VectorError, match="3 sentences with found links, 2 with gold"):
        alignment_scores(FOUND, SURE[:2], POSSIBLE, LENGTHS)


def test_links_without_gold():
    one = Links(np.array([0, 0]), np.array([0, 2]), np.array([0.5, 0.8]), (2, 3))
    other = Links(np.array([0]), np.array([0]), np.array([1.0]), (1, 1))
    score, alone = link_scores([one, other], language="deu_Latn")
    assert score.value == pytest.approx(((0.8 + 0.5 + 0.8) / 5 + 1) / 2)
    assert alone.value == pytest.approx(2 / 7)  # over words, not over sentences
    for row in (score, alone):
        assert row.measure in MEASURES and row.low <= row.value <= row.high and row.n == 2
    with pytest.raises(VectorError, match="at least 2 items"):
        link_scores([one])


def test_the_error_of_a_sentence_is_that_of_the_sentence_alone():
    made = sentence_aer(FOUND, SURE, POSSIBLE, language="a")
    [items] = made.items.values()
    alone = [
        values(alignment_scores([a] * 2, [s] * 2, [p] * 2, [n] * 2))["alignment_aer"]
        for a, s, p, n in zip(FOUND, SURE, POSSIBLE, LENGTHS, strict=True)
    ]
    np.testing.assert_allclose(items, alone)
    assert made.scores[0].value == pytest.approx(items.mean())
    assert made.scores[0].measure in MEASURES
    assert sentence_aer([set()] * 2, [set()] * 2, [set()] * 2).scores[0].value == 0
