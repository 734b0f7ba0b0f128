"""Scores of classes equal scikit-learn's, on the sample and on every resample."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle
from sklearn.preprocessing import MultiLabelBinarizer

from isogloss.errors import UsageError
from isogloss.score import bootstrap_of_sums, resampled
from isogloss.task.metrics.labels import (
    accuracy,
    class_f1,
    macro_f1,
    macro_f1_of_sets,
    matthews,
    micro_f1_of_sets,
    same_sets,
)

NAMES = "abcd"
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), min_size=1, max_size=30)
SETS = st.sets(st.sampled_from(NAMES))


def value(tally):
    return float(tally.statistic(tally.columns.sum(0)))


def quiet(function, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, zero_division=0, **kwargs)


@settings(max_examples=40)
@given(PAIRS)
def test_single_classes_equal_scikit_learn(pairs):
    gold, told = map(list, zip(*pairs, strict=True))
    assert value(accuracy(gold, told)) == pytest.approx(oracle.accuracy_score(gold, told))
    present = sorted(set(gold))
    expected = quiet(oracle.f1_score, gold, told, labels=present, average="macro")
    assert value(macro_f1(gold, told)) == pytest.approx(expected)
    expected = quiet(oracle.f1_score, gold, told, labels=list("abcdx"), average="macro")
    assert value(macro_f1(gold, told, classes="abcdx")) == pytest.approx(expected)
    each = quiet(oracle.f1_score, gold, told, labels=present, average=None)
    assert [value(t) for t in class_f1(gold, told).values()] == pytest.approx(list(each))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = oracle.matthews_corrcoef(gold, told)
    assert value(matthews(gold, told)) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=40)
@given(st.lists(st.tuples(SETS, SETS), min_size=1, max_size=20))
def test_sets_of_classes_equal_scikit_learn(pairs):
    gold, told = map(list, zip(*pairs, strict=True))
    binary = MultiLabelBinarizer(classes=list(NAMES))
    y, p = binary.fit_transform(gold), binary.transform(told)
    micro, macro = micro_f1_of_sets(gold, told), macro_f1_of_sets(gold, told, classes=NAMES)
    assert value(micro) == pytest.approx(quiet(oracle.f1_score, y, p, average="micro"))
    assert value(macro) == pytest.approx(quiet(oracle.f1_score, y, p, average="macro"))
    assert value(same_sets(gold, told)) == pytest.approx(oracle.accuracy_score(y, p))


def test_every_resample_has_the_score_of_its_own_examples():
    rng = np.random.default_rng(0)
    gold = list(rng.choice(list("aaabbc"), 12))  # c is absent from some resamples
    told = list(rng.choice(list("abcd"), 12))
    tally = macro_f1(gold, told)
    found = tally.statistic(resampled(tally.columns, resamples=200).T)
    draws = np.random.default_rng(0).integers(0, 12, size=(200, 12))
    expected = []
    for draw in draws:
        true, guess = [gold[i] for i in draw], [told[i] for i in draw]
        expected.append(
            quiet(oracle.f1_score, true, guess, labels=sorted(set(true)), average="macro")
        )
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("score", [accuracy, macro_f1, matthews])
def test_scale_does_not_matter_and_there_is_an_interval(score):
    tally = score(list("aabbcc" * 3), list("ababcc" * 3))
    sums = tally.columns.sum(0)
    assert tally.statistic(sums / 7) == pytest.approx(tally.statistic(sums))
    found = bootstrap_of_sums(*tally[:2])
    assert found.low < found.value < found.high


def test_none_is_wrong():
    assert value(accuracy(["a", "a"], ["a", None])) == 0.5
    assert value(macro_f1(["a", "a"], ["a", None])) == pytest.approx(2 / 3)
    assert value(matthews(["a", "b"], [None, None])) == 0
    assert value(micro_f1_of_sets([["a"], ["b"]], [["a"], None])) == pytest.approx(2 / 3)
    assert value(same_sets([["a"], []], [["a"], None])) == 0.5


def test_numbers_are_classes_too():
    assert value(accuracy([0, 1, 2], [0, 2, None])) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("gold", "told", "what"),
    [
        (["a"], [], "1 gold values and 0"),
        ([], [], "0 gold"),
        (["a", None], ["a", "a"], "example 2"),
    ],
)
def test_what_cannot_be_scored_is_said(gold, told, what):
    with pytest.raises(UsageError, match=what):
        accuracy(gold, told)
