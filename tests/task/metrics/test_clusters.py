"""Agreement of clusters with classes equals scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from isogloss.errors import UsageError
from isogloss.score import bootstrap_of_sums
from isogloss.task.metrics.clusters import cluster_scores

PAIRS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4)), min_size=1, max_size=30)


def value(tally):
    return float(tally.statistic(tally.columns.sum(0)))


@settings(max_examples=40)
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


def plain_interval(gold, told, resamples=200):
    draws = np.random.default_rng(0).integers(0, len(gold), size=(resamples, len(gold)))
    found = [oracle.v_measure_score(gold[draw], told[draw]) for draw in draws]
    return np.percentile(found, [2.5, 97.5])


def world(n, classes, clusters):
    rng = np.random.default_rng(0)
    gold = rng.integers(0, classes, n)
    return gold, np.where(rng.random(n) < 0.5, gold, rng.integers(0, clusters, n))


def test_a_few_large_clusters_have_the_interval_of_resampled_entropies():
    gold, told = world(1000, 4, 4)
    found = bootstrap_of_sums(*cluster_scores(gold, told)["v_measure"][:2])
    np.testing.assert_allclose(found[1:], plain_interval(gold, told), atol=0.012)


def test_many_small_clusters_have_an_interval_around_the_value():
    gold, told = world(200, 7, 50)
    found = bootstrap_of_sums(*cluster_scores(gold, told)["v_measure"][:2])
    low, high = plain_interval(gold, told)
    assert low > found.value  # what influences are for
    assert found.low < found.value < found.high
    assert found.high - found.low == pytest.approx(high - low, rel=0.5)


def test_one_class_or_one_cluster():
    found = cluster_scores(["a", "a"], [1, 2])
    assert {name: value(tally) for name, tally in found.items()} == {
        "v_measure": 0, "homogeneity": 1, "completeness": 0,
    }  # fmt: skip
    assert value(cluster_scores(["a", "a"], [1, 1])["v_measure"]) == 1


def test_bad_input():
    with pytest.raises(UsageError, match="no gold value"):
        cluster_scores(["a", None], [1, 2])
