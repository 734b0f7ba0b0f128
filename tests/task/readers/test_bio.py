"""Which sequences of tags are valid, against rules written out, and what becomes of others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.task.readers.bio import Span, encoded, repaired, retyped, scheme_of, spans

TAGS = {
    "BIIB": ["O", *(f"{letter}-{kind}" for letter in "BI" for kind in ("X", "Y"))],
    "BIES": ["O", *(f"{letter}-{kind}" for letter in "BIES" for kind in ("X", "Y"))],
}


def valid_bio(tags):
    """I only after B or I of the same type."""
    return all(
        tag[0] != "I" or (at and tags[at - 1] in (f"B-{tag[2:]}", f"I-{tag[2:]}"))
        for at, tag in enumerate(tags)
    )


def valid_bioes(tags):
    """An entity is S, or B, any I and E of one type; nothing else stands outside."""
    within = None
    for tag in tags:
        letter, kind = tag[0], tag[2:]
        if (letter in "IE") != (within is not None) or (letter in "IE" and kind != within):
            return False
        within = kind if letter in "BI" else None
    return within is None


@pytest.mark.parametrize(("scheme", "valid"), [("BIIB", valid_bio), ("BIES", valid_bioes)])
def test_what_repair_leaves_alone_is_what_the_rules_allow(scheme, valid):
    @given(st.lists(st.sampled_from(TAGS[scheme]), max_size=7))
    def check(tags):
        made = repaired(tags, scheme)
        assert (made == tags) == valid(tags)
        assert valid(made)
        assert repaired(made, scheme) == made
        assert [t == "O" for t in made] == [t == "O" for t in tags]  # no word gains or loses one

    check()


@given(st.data())
def test_entities_come_back_from_their_tags(data):
    scheme = data.draw(st.sampled_from(["BIIB", "BIES", "BILU"]))
    made, at = [], 0
    for gap, length in data.draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)))):
        kind = data.draw(st.sampled_from(["PER", "LOC-x", "O"]))
        made.append(Span(at + gap, at + gap + length, kind))
        at += gap + length
    assert spans(encoded(made, at + 1, scheme)) == made


def test_invalid_tags_mean_what_conlleval_takes_them_for():
    assert repaired(["I-PER", "I-PER", "O", "I-LOC"], "BIIB") == ["B-PER", "I-PER", "O", "B-LOC"]
    assert repaired(["B-PER", "I-LOC"], "BIIB") == ["B-PER", "B-LOC"]
    assert repaired(["I-X", "I-X", "S-X", "E-X"], "BIES") == ["B-X", "E-X", "S-X", "S-X"]


def test_a_type_that_becomes_o_leaves_its_neighbours_apart():
    tags = ["B-group", "B-corporation", "I-corporation", "B-product", "O"]
    table = {"group": "ORG", "corporation": "ORG", "product": "O"}
    assert retyped(tags, table, "BIIB") == ["B-ORG", "B-ORG", "I-ORG", "O", "O"]


def test_the_kind_of_tags_is_seen():
    assert scheme_of([["O", "B-PER"], None]) == "BIIB"
    assert scheme_of([["S-PER"]]) == "BIES"
    assert scheme_of([["U-PER", "O"]]) == "BILU"
    assert scheme_of([["NOUN", "B-PER"]]) is None
    assert scheme_of([["O", "O"]]) is None
