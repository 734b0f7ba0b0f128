"""Measures of rankings against plain slow versions and what scikit-learn has."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score

from isogloss.errors import UsageError
from isogloss.score import bootstrap_of_sums
from isogloss.task.metrics.rankings import judge

IDS = [f"d{i}" for i in range(12)]
NAMES = ["ndcg@10", "ndcg@3", "recall@100", "recall@2", "mrr@10", "precision@1", "map@3", "map@99"]


@st.composite
def judged(draw):
    rankings, relevant = [], []
    for _ in range(draw(st.integers(1, 5))):
        rankings.append(draw(st.permutations(IDS))[: draw(st.integers(0, 12))])
        relevant.append(draw(st.sets(st.sampled_from([*IDS, "elsewhere"]), max_size=6)))
    return relevant, rankings


def plain(kind, depth, known, ranking):
    """As defined, one place at a time."""
    hits = [one in known for one in ranking][:depth]
    if kind == "precision":
        return sum(hits) / depth
    if kind == "recall":
        return sum(hits) / len(known)
    if kind == "mrr":
        return next((1 / place for place, hit in enumerate(hits, 1) if hit), 0.0)
    if kind == "map":
        at_hits = [sum(hits[:place]) / place for place, hit in enumerate(hits, 1) if hit]
        return sum(at_hits) / len(known)
    best = sum(1 / math.log2(place + 1) for place in range(1, min(len(known), depth) + 1))
    return sum(hit / math.log2(place + 1) for place, hit in enumerate(hits, 1)) / best


@pytest.mark.parametrize("name", NAMES)
@given(judged())
def test_a_measure_is_the_plain_mean_over_queries_that_are_judged(name, case):
    relevant, rankings = case
    kind, depth = name.split("@")
    tally = judge(name, relevant, rankings)
    values = [plain(kind, int(depth), known, ranking)
              for known, ranking in zip(relevant, rankings, strict=True) if known]  # fmt: skip
    assert tally.columns[:, 1].sum() == len(values)
    without = len(relevant) - len(values)
    assert tally.settings.get("queries without a relevant id", 0) == without
    if values:
        sums = tally.columns.sum(0)
        assert tally.statistic(sums) == pytest.approx(np.mean(values))
        assert tally.statistic(7 * sums) == pytest.approx(np.mean(values))
        both = np.stack([sums, 2 * sums], 1)  # [2, resamples]
        np.testing.assert_allclose(tally.statistic(both), np.mean(values))


def test_they_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    for _ in range(20):
        true = rng.random(12) < 0.4
        true[0] = True
        scores = rng.permutation(12).astype(float)
        ranking = [IDS[i] for i in np.argsort(-scores)]
        known = {IDS[i] for i in np.flatnonzero(true)}
        gain = judge("ndcg@5", [known], [ranking]).columns[0, 0]
        assert gain == pytest.approx(ndcg_score([true.astype(int)], [scores], k=5))
        average = judge("map@12", [known], [ranking]).columns[0, 0]
        assert average == pytest.approx(label_ranking_average_precision_score([true], [scores]))


def test_a_query_without_a_ranking_found_nothing():
    assert judge("mrr@10", [{"a"}, {"a"}], [["a"], None]).columns.tolist() == [[1, 1], [0, 1]]


def test_the_interval_is_over_queries():
    told = [["a", "b"], ["b", "a"]] * 8
    found = bootstrap_of_sums(*judge("mrr@10", [{"a"}] * 16, told)[:2])
    assert found.value == pytest.approx(0.75)
    assert found.low < 0.75 < found.high


@pytest.mark.parametrize("name", ["ndcg", "ndcg@", "ndcg@0", "ndcg@-1", "err@10", "precision@²"])
def test_measures_that_there_are_not(name):
    with pytest.raises(UsageError, match="no measure of rankings"):
        judge(name, [], [])


def test_bad_rankings():
    with pytest.raises(UsageError, match="1 rankings cannot answer 2"):
        judge("precision@1", [{"a"}, {"b"}], [["a"]])
    with pytest.raises(UsageError, match="query 2 names 'b' twice"):
        judge("precision@1", [{"a"}, {"b"}], [["a"], ["b", "a", "b"]])
