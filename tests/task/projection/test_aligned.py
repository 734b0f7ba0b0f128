"""Labels along links: spans, tags and trees, and what becomes of those that have no link."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError
from isogloss.task.projection.aligned import (
    Rules,
    aligned,
    aligned_tags,
    aligned_tree,
)
from isogloss.task.projection.contract import Labelled
from isogloss.task.spans import Span

SOURCE = Labelled("Ann Lee saw Kano today".split(), [Span(0, 2, "PER"), Span(3, 4, "LOC")])
TARGET = "yau Ann ta ga Lee Kano".split()


def one(links, **rules):
    made = aligned([SOURCE], [TARGET], links=[links], rules=Rules(**rules))
    found = made.sentences[0]
    return None if found is None else list(found.spans), made.counts


def test_the_hull_of_linked_words():
    spans, counts = one([(0, 1), (1, 4), (3, 5), (4, 0)])
    assert spans == [Span(1, 5, "PER"), Span(5, 6, "LOC")]
    assert counts == {"spans of the source": 2, "spans projected": 2}
    array = np.array([[0, 1], [1, 4], [3, 5]])
    assert one(array)[0] == spans


def test_a_gap_is_cut():
    spans, counts = one([(0, 1), (1, 4), (3, 5)], gap=1)
    assert spans == [Span(1, 2, "PER"), Span(5, 6, "LOC")] and counts["spans cut at a gap"] == 1
    assert one([(0, 1), (1, 4), (3, 5)], gap=2)[0][0] == Span(1, 5, "PER")


def test_a_span_without_a_link_is_counted_and_its_sentence_left_out():
    spans, counts = one([(0, 1), (1, 4)])
    assert spans is None and counts["spans projected"] == 0
    assert counts["spans lost: no word has a link"] == 1
    assert counts["sentences left out: a span was lost"] == 1
    assert one([(0, 1), (1, 4)], lost="span")[0] == [Span(1, 5, "PER")]


def test_spans_that_meet():
    links = [(0, 0), (3, 1), (1, 2)]  # the LOC lies inside the PER
    for meeting, left in (("larger", ["PER"]), ("first", ["PER"]), ("neither", [])):
        spans, counts = one(links, meeting=meeting, lost="span")
        assert [s.kind for s in spans] == left
        assert counts["spans lost: met another"] == 2 - len(left)
    more = [(0, 2), (3, 1), (3, 2), (3, 3)]
    assert one(more, lost="span")[0] == [Span(1, 4, "LOC")]
    assert one(more, lost="span", meeting="first")[0] == [Span(2, 3, "PER")]


def test_few_links_leave_a_sentence_out():
    spans, counts = one([(0, 1), (3, 5)], coverage=0.5)
    assert spans is None and counts["sentences left out: too few linked words"] == 1
    assert one([(0, 1), (3, 5)], coverage=2 / 6)[0] is not None


def test_links_may_be_made_and_are_checked():
    made = aligned([SOURCE], [TARGET], links=lambda x, y: [[(0, 1), (1, 1), (3, 5)]])
    assert made.sentences[0].spans == [Span(1, 2, "PER"), Span(5, 6, "LOC")]
    with pytest.raises(CorpusError, match="sentence 1: the link 0-6"):
        one([(0, 6)])
    with pytest.raises(CorpusError, match="links of 0 sentences"):
        aligned([SOURCE], [TARGET], links=[])
    with pytest.raises(CorpusError, match="1 sentences and 0 trans"):
        aligned([SOURCE], [], links=[])
    with pytest.raises(UsageError, match="meeting is 'both'"):
        one([], meeting="both")


@given(st.sets(st.tuples(st.integers(0, 4), st.integers(0, 5))),
       st.sampled_from(["larger", "first", "neither"]), st.none() | st.integers(0, 3))  # fmt: skip
def test_every_span_is_projected_or_counted(links, meeting, gap):
    spans, counts = one(links, meeting=meeting, gap=gap, lost="span")
    lost = sum(n for why, n in counts.items() if why.startswith("spans lost"))
    assert lost + counts["spans projected"] == counts["spans of the source"] == 2
    assert all(a.stop <= b.first for a, b in pairwise(spans))
    for span in spans:  # ends are linked to a word of the span itself
        own = next(s for s in SOURCE.spans if s.kind == span.kind)
        for end in (span.first, span.stop - 1):
            assert any(own.first <= i < own.stop and j == end for i, j in links)


def test_tags_by_majority():
    tags, counts = aligned_tags(
        [["a", "b", "c", "d"]], [["X", "Y", "Y", "_"]], [["p", "q", "r", "s"]],
        links=[[(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (3, 2)]],
    )  # fmt: skip
    assert tags == [["Y", "X", "_", "_"]]
    assert counts == {"words tagged": 2, "words without a tag: no link": 2,
                      "words whose links disagreed": 2}  # fmt: skip
    assert aligned_tags([["a"]], [["X"]], [["b", "c"]], links=[[(0, 0)]], coverage=0.6)[0] == [None]


def test_a_tree_along_one_to_one_links_keeps_its_arcs():
    made = aligned_tree([2, 0, 2], ["nsubj", "root", "obj"], 3, [(0, 2), (1, 0), (2, 1)])
    assert made.heads == [0, 1, 1] and made.relations == ["root", "obj", "nsubj"]


def test_words_passed_over_and_words_that_share():
    # 1 <- 2 <- 3 (root): the middle one has no link, so its child climbs
    assert aligned_tree([2, 3, 0], ["a", "b", "root"], 2, [(0, 0), (2, 1)]).heads == [2, 0]
    # two target words of the root, and a target word of two source words
    made = aligned_tree([2, 0], ["det", "root"], 3, [(1, 0), (1, 1), (0, 1)])
    assert made.heads == [0, 1, None] and made.relations == ["root", "dep", None]
    # an unlinked root leaves two
    made = aligned_tree([2, 0, 2], ["a", "root", "b"], 2, [(0, 0), (2, 1)])
    assert made.heads == [0, 1] and made.relations == ["root", "b"]
    with pytest.raises(CorpusError, match="no tree"):
        aligned_tree([2, 1], ["a", "b"], 1, [])


@st.composite
def trees(draw):
    n = draw(st.integers(1, 6))
    order = draw(st.permutations(range(n)))
    heads = [0] * n
    for at, i in enumerate(order[1:], 1):
        heads[i] = order[draw(st.integers(0, at - 1))] + 1
    return heads


@given(trees(), st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5))))
def test_projected_trees_are_trees(heads, links):
    links = {(i, j) for i, j in links if i < len(heads)}
    made = aligned_tree(heads, ["r"] * len(heads), 6, links).heads
    linked = {j for _, j in links}
    assert {j for j, head in enumerate(made) if head is not None} == linked
    assert sum(head == 0 for head in made) == bool(linked)
    for j in linked:
        seen = set()
        while j >= 0:
            assert j not in seen
            seen.add(j)
            j = made[j] - 1
