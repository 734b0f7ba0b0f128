"""Spans of tags, and back."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import CorpusError
from isogloss.task.projection.spans import Span, are_spans, read_spans, write_tags


def random_spans(draw):
    spans, at = [], 0
    for gap, length, name in draw:
        spans.append(Span(at + gap, at + gap + length, name))
        at += gap + length
    return spans


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from("AB"))))
def test_spans_come_back(draw):
    spans = random_spans(draw)
    length = spans[-1].stop + 1 if spans else 2
    tags = write_tags(spans, length)
    assert read_spans(tags) == spans and are_spans([tags])
    for first, stop, name in spans:  # the same in BIOES
        tags[stop - 1] = ("S-" if stop - first == 1 else "E-") + name
    assert read_spans(tags) == spans


def test_invalid_sequences_are_read_as_conlleval_does():
    counts = Counter()
    found = read_spans(["I-A", "I-B", "O", "B-A", "I-A", "B-A", "E-A", "I-A"], counts)
    assert found == [Span(0, 1, "A"), Span(1, 2, "B"), Span(3, 5, "A"), Span(5, 7, "A"),
                     Span(7, 8, "A")]  # fmt: skip
    assert sum(counts.values()) == 3
    with pytest.raises(CorpusError, match="'NOUN' of word 2"):
        read_spans(["O", "NOUN"])
    assert not are_spans([["O", "NOUN"]]) and read_spans(["B-a-b"]) == [Span(0, 1, "a-b")]


@pytest.mark.parametrize("spans", [[Span(1, 1, "A")], [Span(0, 3, "A")],
                                   [Span(0, 2, "A"), Span(1, 2, "B")]])  # fmt: skip
def test_spans_that_cannot_be(spans):
    with pytest.raises(CorpusError):
        write_tags(spans, 2)
