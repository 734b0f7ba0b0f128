"""Spans as their tags spell them, valid or not: plain readers and rules, written out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError
from isogloss.task.spans import Span, are_spans, repair, retyped, scheme_of, spans, tags_of

BIO = ["O", "B-X", "I-X", "B-Y", "I-Y", "I-X-Z"]
ALL = [*BIO, "E-X", "S-X", "E-Y", "S-Y", "B", "I", "E"]
SCHEMES = ("bio", "iob1", "bioes")
TAGS = {
    "bio": ["O", *(f"{letter}-{kind}" for letter in "BI" for kind in ("X", "Y"))],
    "iob1": ["O", *(f"{letter}-{kind}" for letter in "BI" for kind in ("X", "Y"))],
    "bioes": ["O", *(f"{letter}-{kind}" for letter in "BIES" for kind in ("X", "Y"))],
}


def rows(tags):
    return st.lists(st.sampled_from(tags), max_size=9)


def valid_bio(tags):
    """I only after B or I of the same type."""
    return all(
        tag[0] != "I" or (at and tags[at - 1] in (f"B-{tag[2:]}", f"I-{tag[2:]}"))
        for at, tag in enumerate(tags)
    )


def valid_iob1(tags):
    """B only after B or I of the same type."""
    return all(
        tag[0] != "B" or (at and tags[at - 1] in (f"B-{tag[2:]}", f"I-{tag[2:]}"))
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


VALID = {"bio": valid_bio, "iob1": valid_iob1, "bioes": valid_bioes}


@pytest.mark.parametrize(("scheme", "valid"), VALID.items())
def test_what_repair_leaves_alone_is_what_the_rules_allow(scheme, valid):
    @given(st.lists(st.sampled_from(TAGS[scheme]), max_size=7))
    def check(tags):
        made = repair(tags, scheme)
        assert (made == tags) == valid(tags)
        assert valid(made)
        assert repair(made, scheme) == made
        assert spans(made, scheme) == spans(made) == spans(tags)
        assert [t == "O" for t in made] == [t == "O" for t in tags]  # no word gains or loses one

    check()


@given(st.data())
def test_entities_come_back_from_their_tags(data):
    scheme = data.draw(st.sampled_from(["bio", "bioes", "bilou"]))
    made, at = [], 0
    for gap, length in data.draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)))):
        kind = data.draw(st.sampled_from(["PER", "LOC-x", "O"]))
        made.append(Span(at + gap, at + gap + length, kind))
        at += gap + length
    assert spans(tags_of(made, at + 1, scheme)) == made


def test_invalid_tags_mean_what_conlleval_takes_them_for():
    assert repair(["I-PER", "I-PER", "O", "I-LOC"], "bio") == ["B-PER", "I-PER", "O", "B-LOC"]
    assert repair(["B-PER", "I-LOC"], "bio") == ["B-PER", "B-LOC"]
    assert repair(["I-X", "I-X", "S-X", "E-X"], "bioes") == ["B-X", "E-X", "S-X", "S-X"]


def test_a_type_that_becomes_o_leaves_its_neighbours_apart():
    tags = ["B-group", "B-corporation", "I-corporation", "B-product", "O"]
    table = {"group": "ORG", "corporation": "ORG", "product": "O"}
    assert retyped(tags, table, "bio") == ["B-ORG", "B-ORG", "I-ORG", "O", "O"]


def test_the_kind_of_tags_is_seen():
    assert scheme_of([["O", "B-PER"], None]) == "bio"
    assert scheme_of([["S-PER"]]) == "bioes"
    assert scheme_of([["U-PER", "O"]]) == "bilou"
    assert scheme_of([["NOUN", "B-PER"]]) is None
    assert scheme_of([["O", "O"]]) is None
    assert are_spans([["O", "O"], None, ["L-x"]]) and not are_spans([["O", "NOUN"]])


@given(rows([*TAGS["bioes"]]), st.sampled_from(["lenient", "bilou"]))
def test_bilou_is_bioes_in_other_letters(tags, scheme):
    other = [tag.translate(str.maketrans("ES", "LU")) for tag in tags]
    same = "bioes" if scheme == "bilou" else scheme
    assert spans(other, scheme) == spans(tags, same)
    assert spans(tags_of(spans(other), len(tags), "bilou"), "bilou") == spans(other)


def plain_lenient(tags):
    """Tokens other than O, joined to the one before by B or I, then I or E, of one kind."""
    cut = [(*tag.partition("-")[::2], at) for at, tag in enumerate(tags)]
    found = []
    for prefix, kind, at in cut:
        if prefix == "O":
            continue
        joined = at > 0 and prefix in "IE" and cut[at - 1][0] in "BI" and cut[at - 1][1] == kind
        if joined:
            found[-1][1] = at + 1
        else:
            found.append([at, at + 1, kind or "_"])
    return [Span(*one) for one in found]


def plain_strict(tags, pattern):
    """A regular expression over the tags of one kind; those of others are as if outside."""
    found = []
    for kind in {tag.partition("-")[2] for tag in tags if tag != "O"}:
        text = "".join(t[0] if t != "O" and t.partition("-")[2] == kind else "O" for t in tags)
        found += [Span(*one.span(), kind or "_") for one in re.finditer(pattern, text)]
    return sorted(found)


@given(rows(ALL))
def test_lenient_reading_equals_the_plain_one(tags):
    assert spans(tags) == plain_lenient(tags)


@given(rows(ALL))
def test_bioes_is_a_regular_expression(tags):
    assert spans(tags, "bioes") == plain_strict(tags, "BI*E|S")


@given(rows(BIO))
def test_bio_is_a_regular_expression(tags):
    assert spans(tags, "bio") == plain_strict(tags, "BI*")


@pytest.mark.parametrize("scheme", (*SCHEMES, "lenient"))
@given(row=rows(ALL))
def test_spans_that_are_written_are_read_back(scheme, row):
    found = spans(row)
    assert spans(tags_of(found, len(row), scheme), scheme) == found


ADVERSARIAL = [  # tags, lenient, strict as bio (None where it has not the prefix), as bioes
    ("O I-X I-X O", [(1, 3, "X")], [], []),
    ("B-X I-Y I-Y", [(0, 1, "X"), (1, 3, "Y")], [(0, 1, "X")], []),
    ("B-X B-X I-X", [(0, 1, "X"), (1, 3, "X")], [(0, 1, "X"), (1, 3, "X")], []),
    ("O E-X O", [(1, 2, "X")], None, []),
    ("S-X E-X", [(0, 1, "X"), (1, 2, "X")], None, [(0, 1, "X")]),
    ("B-X E-X E-X", [(0, 2, "X"), (2, 3, "X")], None, [(0, 2, "X")]),
    ("O O B-X", [(2, 3, "X")], [(2, 3, "X")], []),
    ("B-X I-X S-X", [(0, 2, "X"), (2, 3, "X")], None, [(2, 3, "X")]),
    ("B-A-B I-A-B", [(0, 2, "A-B")], [(0, 2, "A-B")], []),
    ("B I", [(0, 2, "_")], [(0, 2, "_")], []),
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
        ("I-X I-X B-X", [(0, 2, "X"), (2, 3, "X")]),
        ("I-X I-Y", [(0, 1, "X"), (1, 2, "Y")]),
        ("B-X I-X", [(1, 2, "X")]),  # the B parts nothing, so it is no span; the I after it is
        ("I-X B-Y", [(0, 1, "X")]),
        ("I-X B-X B-Y", [(0, 1, "X")]),
    ],
)
def test_iob1_as_seqeval_reads_it(text, found):
    assert spans(text.split(), "iob1") == found


def test_raw_tags_are_kinds():
    tags = ["PER", "PER", "O", "LOC", "PER"]
    assert spans(tags, "raw") == [(0, 2, "PER"), (3, 4, "LOC"), (4, 5, "PER")]
    assert tags_of(spans(tags, "raw"), 5, "raw") == tags
    with pytest.raises(UsageError, match="cannot tell apart"):
        tags_of([Span(0, 1, "X"), Span(1, 2, "X")], 2, "raw")


def test_what_is_no_tag_is_said():
    with pytest.raises(CorpusError, match=r"'PER', tag 2 .* none of the scheme lenient"):
        spans(["O", "PER"])
    with pytest.raises(CorpusError, match="O-X"):
        spans(["O-X"])
    with pytest.raises(CorpusError, match="''"):
        spans([""])
    with pytest.raises(CorpusError, match="E-X"):
        spans(["B-X", "E-X"], "bilou")
    with pytest.raises(UsageError, match="no tagging scheme 'bil'"):
        spans(["O"], "bil")


@pytest.mark.parametrize("found", [[Span(1, 1, "A")], [Span(0, 3, "A")],
                                   [Span(0, 2, "A"), Span(1, 2, "B")]])  # fmt: skip
def test_spans_that_cannot_be(found):
    with pytest.raises(UsageError, match=r"overlaps .* empty, or lies outside of 2 words"):
        tags_of(found, 2)
