"""Scores of rankings equal plain loops, and scikit-learn where it has them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score

from isogloss.errors import UsageError, VectorError
from isogloss.score import bootstrap_of_sums
from isogloss.task.metrics.rankings import ranked, ranking_scores

IDS = [f"d{i}" for i in range(8)]
RANKINGS = st.permutations(IDS)
RELEVANT = st.sets(st.sampled_from(IDS), min_size=1)


def value(tally):
    return float(tally.statistic(tally.columns.sum(0)))


def values(gold, told, k=10):
    return {name: value(tally) for name, tally in ranking_scores(gold, told, k).items()}


def plain(relevant, ranking, k):
    """By the definitions, place by place."""
    dcg = sum(1 / math.log2(i + 1) for i, d in enumerate(ranking[:k], 1) if d in relevant)
    ideal = sum(1 / math.log2(i + 1) for i in range(1, min(k, len(relevant)) + 1))
    precisions = []
    for i, d in enumerate(ranking, 1):
        if d in relevant:
            precisions.append(sum(one in relevant for one in ranking[:i]) / i)
    first = [i for i, d in enumerate(ranking[:k], 1) if d in relevant]
    return {
        "precision@1": float(ranking[:1] != [] and ranking[0] in relevant),
        f"recall@{k}": len(relevant & set(ranking[:k])) / len(relevant),
        f"mrr@{k}": 1 / first[0] if first else 0,
        f"ndcg@{k}": dcg / ideal,
        "map": sum(precisions) / len(relevant),
    }


@given(RELEVANT, RANKINGS, st.integers(0, 8), st.integers(1, 10))
def test_it_equals_the_definitions(relevant, ranking, length, k):
    ranking = ranking[:length]
    assert values([relevant | {"lost"}], [ranking], k) == pytest.approx(
        plain(relevant | {"lost"}, ranking, k)
    )


@given(RELEVANT, RANKINGS, st.integers(1, 8))
def test_it_equals_scikit_learn(relevant, ranking, k):
    true = np.array([[float(name in relevant) for name in IDS]])
    scores = np.array([[-float(ranking.index(name)) for name in IDS]])
    found = values([relevant], [ranking], k)
    assert found[f"ndcg@{k}"] == pytest.approx(ndcg_score(true, scores, k=k))
    assert found["map"] == pytest.approx(label_ranking_average_precision_score(true, scores))


def test_values_by_hand():
    found = values([{"a", "b"}], [["x", "a", "y", "b"]], 3)
    assert found == pytest.approx(
        {"precision@1": 0, "recall@3": 0.5, "mrr@3": 0.5, "map": 0.5,
         "ndcg@3": (1 / math.log2(3)) / (1 + 1 / math.log2(3))}
    )  # fmt: skip


def test_equal_scores_stand_in_the_order_of_ids():
    assert ranked(["c", "a", "b", "d"], [1, 1, 2, -np.inf]) == ["b", "a", "c", "d"]
    assert ranked(["a", "c"], [0.0, -0.0]) == ranked(["c", "a"], [0.0, 0.0]) == ["a", "c"]


def test_no_prediction_is_worth_nothing():
    assert set(values([{"a"}, {"a"}], [["a"], None]).values()) == {0.5}


def test_the_interval_is_over_queries():
    told = [["a", "b"], ["b", "a"]] * 8
    found = bootstrap_of_sums(*ranking_scores([{"a"}] * 16, told)["mrr@10"][:2])
    assert found.value == pytest.approx(0.75)
    assert found.low < 0.75 < found.high


def test_bad_input():
    with pytest.raises(UsageError, match="nothing answers query 2"):
        ranking_scores([{"a"}, set()], [["a"], ["a"]])
    with pytest.raises(UsageError, match="query 1 has an id twice"):
        ranking_scores([{"a"}], [["a", "a"]])
    with pytest.raises(UsageError, match="cut at 0"):
        ranking_scores([{"a"}], [["a"]], k=0)
    with pytest.raises(UsageError, match="1 gold values and 2"):
        ranking_scores([{"a"}], [["a"], ["b"]])
    with pytest.raises(UsageError, match="1 different ids of 2"):
        ranked(["a", "a"], [1, 2])
    with pytest.raises(UsageError, match="one score an id"):
        ranked(["a", "b"], [1])
    with pytest.raises(VectorError, match="'b' is not a number"):
        ranked(["a", "b"], [1, np.nan])
