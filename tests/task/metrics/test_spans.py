"""Spans as seqeval reads them: plain readers of its rules, and values that seqeval 1.2.2 gave."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError
from isogloss.score import bootstrap_of_sums
from isogloss.task.metrics.spans import (
    Fault,
    Span,
    faults,
    repair,
    scores_of_spans,
    span_scores,
    span_scores_by_kind,
    spans,
    tags_of,
    token_accuracy,
    valid_rows,
)

BIO = ["O", "B-X", "I-X", "B-Y", "I-Y", "I-X-Z"]
ALL = [*BIO, "E-X", "S-X", "E-Y", "S-Y", "B", "I", "E"]
SCHEMES = ("bio", "iob1", "bioes")


def rows(tags):
    return st.lists(st.sampled_from(tags), max_size=9)


def of_scheme(scheme):
    return ALL if scheme == "bioes" else BIO


def value(tally):
    return float(tally.statistic(tally.columns.sum(0)))


def plain_lenient(tags):
    """Tokens other than O, joined to the one before by B or I, then I or E, of one kind."""
    cut = [(*tag.partition("-")[::2], at) for at, tag in enumerate(tags)]
    found = []
    for prefix, kind, at in cut:
        if prefix == "O":
            continue
        joined = at > 0 and prefix in "IE" and cut[at - 1][0] in "BI" and cut[at - 1][1] == kind
        if joined:
            found[-1][2] = at + 1
        else:
            found.append([kind or "_", at, at + 1])
    return [Span(*one) for one in found]


def plain_strict(tags, pattern):
    """A regular expression over the tags of one kind; those of others are as if outside."""
    found = []
    for kind in {tag.partition("-")[2] for tag in tags if tag != "O"}:
        text = "".join(t[0] if t != "O" and t.partition("-")[2] == kind else "O" for t in tags)
        found += [Span(kind or "_", *one.span()) for one in re.finditer(pattern, text)]
    return sorted(found, key=lambda one: one.start)


@given(rows(ALL))
def test_lenient_reading_equals_the_plain_one(tags):
    assert spans(tags) == plain_lenient(tags)


@given(rows(ALL))
def test_bioes_is_a_regular_expression(tags):
    assert spans(tags, "bioes") == plain_strict(tags, "BI*E|S")


@given(rows(BIO))
def test_bio_is_a_regular_expression(tags):
    assert spans(tags, "bio") == plain_strict(tags, "BI*")


@pytest.mark.parametrize("scheme", SCHEMES)
@given(data=st.data())
def test_valid_tags_read_the_same_either_way_and_repair_makes_tags_valid(scheme, data):
    tags = data.draw(rows(of_scheme(scheme)))
    made = repair(tags, scheme)
    assert not faults(made, scheme)
    assert spans(made, scheme) == spans(made) == spans(tags)
    if not faults(tags, scheme):
        assert made == tags
        assert spans(tags, scheme) == spans(tags)


@pytest.mark.parametrize("scheme", (*SCHEMES, "lenient"))
@given(row=rows(ALL))
def test_spans_that_are_written_are_read_back(scheme, row):
    found = spans(row)
    assert spans(tags_of(found, len(row), scheme), scheme) == found


ADVERSARIAL = [  # tags, lenient, strict as bio (None where it has not the prefix), as bioes
    ("O I-X I-X O", [("X", 1, 3)], [], []),
    ("B-X I-Y I-Y", [("X", 0, 1), ("Y", 1, 3)], [("X", 0, 1)], []),
    ("B-X B-X I-X", [("X", 0, 1), ("X", 1, 3)], [("X", 0, 1), ("X", 1, 3)], []),
    ("O E-X O", [("X", 1, 2)], None, []),
    ("S-X E-X", [("X", 0, 1), ("X", 1, 2)], None, [("X", 0, 1)]),
    ("B-X E-X E-X", [("X", 0, 2), ("X", 2, 3)], None, [("X", 0, 2)]),
    ("O O B-X", [("X", 2, 3)], [("X", 2, 3)], []),
    ("B-X I-X S-X", [("X", 0, 2), ("X", 2, 3)], None, [("X", 2, 3)]),
    ("B-A-B I-A-B", [("A-B", 0, 2)], [("A-B", 0, 2)], []),
    ("B I", [("_", 0, 2)], [("_", 0, 2)], []),
    ("", [], [], []),
]


@pytest.mark.parametrize(("text", "lenient", "bio", "bioes"), ADVERSARIAL)
def test_rows_that_are_read_in_several_ways(text, lenient, bio, bioes):
    tags = text.split()
    assert spans(tags) == lenient
    assert spans(tags, "bioes") == bioes
    if bio is None:
        with pytest.raises(CorpusError, match="none of the scheme bio"):
            spans(tags, "bio")
    else:
        assert spans(tags, "bio") == bio


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I-X I-X B-X", [("X", 0, 2), ("X", 2, 3)]),
        ("I-X I-Y", [("X", 0, 1), ("Y", 1, 2)]),
        ("B-X I-X", [("X", 1, 2)]),  # the B parts nothing, so it is no span; the I after it is
        ("I-X B-Y", [("X", 0, 1)]),
        ("I-X B-X B-Y", [("X", 0, 1)]),
    ],
)
def test_iob1_as_seqeval_reads_it(text, found):
    assert spans(text.split(), "iob1") == found


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


def test_raw_tags_are_kinds():
    tags = ["PER", "PER", "O", "LOC", "PER"]
    assert spans(tags, "raw") == [("PER", 0, 2), ("LOC", 3, 4), ("PER", 4, 5)]
    assert tags_of(spans(tags, "raw"), 5, "raw") == tags
    assert faults(tags, "raw") == []
    with pytest.raises(UsageError, match="cannot tell apart"):
        tags_of([Span("X", 0, 1), Span("X", 1, 2)], 2, "raw")


def test_nested_spans_are_scored_too():
    nested = [[Span("X", 0, 3), Span("Y", 1, 2)]]
    assert value(scores_of_spans(nested, [[Span("X", 0, 3)]])["recall"]) == 0.5


@pytest.mark.parametrize(
    ("scheme", "text", "found"),
    [
        ("bio", "O I-X", [(1, "I continues nothing of its kind")]),
        ("bio", "B-X I-Y I-Y", [(1, "I continues nothing of its kind")]),
        ("bio", "B-X B-X I-X", []),
        ("iob1", "I-X B-X I-X", []),
        ("iob1", "B-X I-Y B-X", [(0, "B parts it from nothing of its kind"),
                                 (2, "B parts it from nothing of its kind")]),
        ("bioes", "B-X I-X E-X S-X", []),
        ("bioes", "B-X I-X", [(1, "I is not continued")]),
        ("bioes", "S-X E-X B-Y", [(1, "E continues nothing of its kind"),
                                  (2, "B is not continued")]),
    ],
)  # fmt: skip
def test_faults_say_where_and_why(scheme, text, found):
    tags = text.split()
    assert faults(tags, scheme) == [Fault(at, tags[at], reason) for at, reason in found]


def test_invalid_rows_are_refused_with_their_line_or_repaired_and_counted():
    given_rows = [["B-X", "I-X"], ["O", "I-X", "I-Y"]]
    with pytest.raises(CorpusError, match=r"ner.conll:6: 'I-X', tag 2 of example 2.*2 tags of 1"):
        valid_rows(given_rows, file="ner.conll", lines=[1, 5])
    made, counts = valid_rows(given_rows, repaired=True)
    assert made == [["B-X", "I-X"], ["O", "B-X", "B-Y"]]
    assert counts == {"I continues nothing of its kind": 2}


def test_what_is_no_tag_is_said():
    with pytest.raises(CorpusError, match=r"'PER', tag 2 .* none of the scheme lenient"):
        spans(["O", "PER"])
    with pytest.raises(CorpusError, match="O-X"):
        spans(["O-X"])
    with pytest.raises(CorpusError, match="''"):
        spans([""])
    with pytest.raises(UsageError, match="no tagging scheme 'bil'"):
        spans(["O"], "bil")
    with pytest.raises(UsageError, match="example 1 has 1 gold tags and 2"):
        span_scores([["O"]], [["O", "O"]])
    with pytest.raises(UsageError, match="overlaps"):
        tags_of([Span("X", 0, 2), Span("Y", 1, 3)], 3)
    with pytest.raises(UsageError, match="outside"):
        tags_of([Span("X", 1, 4)], 3)


def test_the_interval_is_over_examples():
    gold = [["B-X"], ["B-X"], ["O"], ["B-Y"]] * 5
    told = [["B-X"], ["O"], ["B-X"], ["B-Y"]] * 5
    found = bootstrap_of_sums(*span_scores(gold, told)["f1"][:2])
    assert found.value == pytest.approx(2 / 3)
    assert found.low < found.value < found.high
