"""Agreement of clusters with classes equals scikit-learn's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from isogloss.errors import UsageError
from isogloss.score import bootstrap_of_sums
from isogloss.task.metrics import clusters
from isogloss.task.metrics.clusters import cluster_scores

PAIRS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4)), min_size=1, max_size=30)


def value(tally):
    return float(tally.statistic(tally.columns.sum(0)))


@given(PAIRS)
def test_it_equals_scikit_learn(pairs):
    gold, told = map(list, zip(*pairs, strict=True))
    h, c, v = oracle.homogeneity_completeness_v_measure(gold, told)
    found = cluster_scores(gold, told)
    assert value(found["homogeneity"]) == pytest.approx(h, abs=1e-9)
    assert value(found["completeness"]) == pytest.approx(c, abs=1e-9)
    assert value(found["v_measure"]) == pytest.approx(v, abs=1e-9)
    nmi = oracle.normalized_mutual_info_score(gold, told)
    assert value(found["v_measure"]) == pytest.approx(nmi, abs=1e-9)


def test_names_of_clusters_mean_nothing_and_chance_is_near_0():
    assert value(cluster_scores(list("aabb"), [7, 7, 3, 3])["v_measure"]) == pytest.approx(1)
    assert value(cluster_scores(list("aabb"), [1, 2, 1, 2])["v_measure"]) == pytest.approx(0)


def test_no_prediction_is_a_cluster_of_its_own():
    found = value(cluster_scores(list("aabb"), [1, None, 2, None])["v_measure"])
    assert found == pytest.approx(oracle.v_measure_score(list("aabb"), [1, 0, 2, 0]))


def test_there_is_an_interval():
    found = bootstrap_of_sums(*cluster_scores(list("aabb") * 9, [1, 1, 1, 2] * 9)["v_measure"][:2])
    assert found.low < found.value < found.high


def test_bad_input(monkeypatch):
    monkeypatch.setattr(clusters, "_MOST", 3)
    with pytest.raises(UsageError, match="2 examples in 2 pairs"):
        cluster_scores(["a", "b"], [1, 2])
    with pytest.raises(UsageError, match="no gold value"):
        cluster_scores(["a", None], [1, 2])
