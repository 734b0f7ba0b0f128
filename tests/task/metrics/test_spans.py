"""Scores of spans: values that seqeval 1.2.2 gave."""

import pytest

from isogloss.errors import UsageError
from isogloss.score import bootstrap_of_sums
from isogloss.task.metrics.spans import (
    scores_of_spans,
    span_scores,
    span_scores_by_kind,
    token_accuracy,
)
from isogloss.task.spans import Span


def value(tally):
    return float(tally.statistic(tally.columns.sum(0)))


def test_scores_that_seqeval_gave():
    gold = [["B-X", "I-X", "O", "B-Y"], ["O", "I-X"], ["B-Y", "I-Y", "I-Y"]]
    told = [["B-X", "I-X", "O", "I-Y"], ["O", "B-X"], ["B-Y", "I-Y", "O"]]
    assert {k: value(t) for k, t in span_scores(gold, told).items()} == {
        "f1": 0.75, "precision": 0.75, "recall": 0.75,
    }  # fmt: skip
    strict = span_scores(gold, told, "bio")
    assert value(strict["f1"]) == pytest.approx(1 / 3)
    assert value(strict["f1"]) == value(strict["precision"]) == value(strict["recall"])
    kinds = span_scores_by_kind(gold, told)
    assert {kind: value(one["f1"]) for kind, one in kinds.items()} == {"X": 1, "Y": 0.5}
    assert kinds["Y"]["f1"].settings == {"scheme": "lenient", "kind": "Y"}
    assert value(span_scores(gold, told, kind="Y")["recall"]) == 0.5
    assert value(token_accuracy(gold, told)) == pytest.approx(6 / 9)


def test_nothing_to_find_is_0_as_in_seqeval():
    assert value(span_scores([["O"]], [["O"]])["f1"]) == 0


def test_an_example_without_a_prediction_misses_its_spans():
    gold = [["B-X", "O"], ["B-X", "O"]]
    found = span_scores(gold, [["B-X", "O"], None])
    assert value(found["precision"]) == 1
    assert value(found["recall"]) == 0.5
    assert value(token_accuracy(gold, [["B-X", "O"], None])) == 0.5


def test_nested_spans_are_scored_too():
    nested = [[Span(0, 3, "X"), Span(1, 2, "Y")]]
    assert value(scores_of_spans(nested, [[Span(0, 3, "X")]])["recall"]) == 0.5


def test_unequal_rows_are_refused():
    with pytest.raises(UsageError, match="example 1 has 1 gold tags and 2"):
        span_scores([["O"]], [["O", "O"]])


def test_the_interval_is_over_examples():
    gold = [["B-X"], ["B-X"], ["O"], ["B-Y"]] * 5
    told = [["B-X"], ["O"], ["B-X"], ["B-Y"]] * 5
    found = bootstrap_of_sums(*span_scores(gold, told)["f1"][:2])
    assert found.value == pytest.approx(2 / 3)
    assert found.low < found.value < found.high
