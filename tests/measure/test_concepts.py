"""Concepts align through a dictionary and overlap by language, as their definitions say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError, VectorError
from isogloss.match.clusters import kmeans
from isogloss.measure.catalogue import MEASURES
from isogloss.measure.concepts import concept_alignment, concept_overlap

DAYS = ([0, 0, 0, 1, 1, 1, 0], ["mon", "tue", "wed", "red", "blue", "green", "mon"])
TAGE = ([5, 5, 5, 9, 9, 7], ["Mo", "Di", "Mi", "rot", "blau", "gruen"])
ENTRIES = [("mon", "Mo"), ("tue", "Di"), ("wed", "Mi"), ("red", "rot"), ("blue", "blau"),
           ("green", "gruen")]  # fmt: skip


def test_a_concept_aligns_where_theta_of_its_words_are_translated_in_one():
    found = concept_alignment(DAYS, TAGE, ENTRIES, language="eng_Latn", pivot="deu_Latn")
    assert found.concepts.tolist() == [0, 1] and found.partners.tolist() == [5, 9]
    assert found.shares == pytest.approx([1, 2 / 3])  # green went elsewhere
    row = found.score
    assert row.value == 0.5 and row.n == 2 and row.measure in MEASURES
    assert row.language == "eng_Latn" and row.settings["untranslatable"] == 0
    assert concept_alignment(DAYS, TAGE, ENTRIES, theta=2 / 3).score.value == 1


def test_words_outside_the_dictionary_count_against_and_are_counted():
    row = concept_alignment(DAYS, TAGE, ENTRIES[1:]).score
    assert row.value == 0 and row.settings["untranslatable"] == 1
    assert row.settings["reachable"] == 0.5 and row.settings["words"] == 6


def test_one_large_concept_does_not_swallow_the_small_ones():
    lumped = ([1] * 6, TAGE[1])
    assert concept_alignment(DAYS, lumped, ENTRIES).score.value == 0
    assert concept_alignment(DAYS, lumped, ENTRIES, size=None).score.value == 1
    assert concept_alignment(DAYS, lumped, ENTRIES).partners.tolist() == [-1, -1]


def test_small_concepts_are_left_out_and_counted():
    small = ([*DAYS[0], 2], [*DAYS[1], "lone"])
    row = concept_alignment(small, TAGE, ENTRIES, least=2).score
    assert row.n == 2 and row.dropped == {"fewer than 2 words": 1}


def plain(source, target, entries, theta, size):
    """The definition, word by word."""

    def concepts(labels, words):
        return [{w for k, w in zip(labels, words, strict=True) if k == c} for c in set(labels)]

    hits = []
    for one in concepts(*source):
        hit = False
        for other in concepts(*target):
            near = size is None or abs(len(one) - len(other)) <= size * max(len(one), len(other))
            share = sum(any((w, v) in entries for v in other) for w in one) / len(one)
            hit |= near and share >= theta
        hits.append(hit)
    return np.mean(hits)


@given(st.integers(0, 300))
def test_it_equals_the_definition(seed):
    rng = np.random.default_rng(seed)
    sides = [
        (rng.integers(0, 5, 40).tolist(), [f"{p}{i}" for i in rng.integers(0, 15, 40)])
        for p in "sv"
    ]
    entries = {(f"s{rng.integers(15)}", f"v{rng.integers(15)}") for _ in range(60)}
    for theta, size in ((0.5, 0.4), (0.8, None)):
        found = concept_alignment(*sides, entries, theta=theta, size=size).score
        assert found.value == pytest.approx(plain(*sides, entries, theta, size))


def test_overlap_counts_concepts_with_enough_of_every_language():
    labels = [0] * 4 + [1] * 10 + [2] * 3
    languages = ["a", "a", "b", "b"] + ["a"] * 7 + ["b"] * 3 + ["b"] * 3
    assert concept_overlap(labels, languages).value == pytest.approx(2 / 3)
    row = concept_overlap(labels, languages, theta=0.31)
    assert row.value == pytest.approx(1 / 3) and row.measure in MEASURES
    assert row.settings["tokens"] == {"a": 9, "b": 8}
    assert row.low <= row.value <= row.high


def test_overlap_tells_a_shared_space_from_two():
    rng = np.random.default_rng(0)
    concept = rng.integers(0, 8, 400)
    x = 8 * rng.normal(size=(8, 6))[concept] + rng.normal(size=(400, 6))
    languages = np.where(np.arange(400) < 200, "a", "b")
    apart = x + 40 * (languages == "b")[:, None]
    assert concept_overlap(kmeans(x, 8), languages).value > 0.9
    assert concept_overlap(kmeans(apart, 8), languages).value == 0


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(CorpusError, match="no entry"):
        concept_alignment(DAYS, TAGE, [])
    with pytest.raises(UsageError, match="theta is 0"):
        concept_alignment(DAYS, TAGE, ENTRIES, theta=0)
    with pytest.raises(VectorError, match="2 labels for 1 words"):
        concept_alignment(([0, 1], ["a"]), TAGE, ENTRIES)
    with pytest.raises(VectorError, match="1 concepts have"):
        concept_alignment(([0, 0], ["a", "b"]), TAGE, ENTRIES)
    with pytest.raises(UsageError, match=r"theta is 0.4 for 3"):
        concept_overlap([0, 0, 1], ["a", "b", "c"], theta=0.4)
    with pytest.raises(UsageError, match="for 1 languages"):
        concept_overlap([0, 1], ["a", "a"])
    with pytest.raises(VectorError, match="3 labels for 2"):
        concept_overlap([0, 0, 1], ["a", "b"])
