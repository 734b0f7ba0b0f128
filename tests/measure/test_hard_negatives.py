"""Every negative changes one thing of its kind, and the same seed changes the same."""

import difflib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError
from isogloss.measure.hard_negatives import hard_negatives

TEXTS = [
    "The river is higher than before because of the rain in New York.",
    "On Monday, I met Anna Schmidt's brother in Berlin, where 21 people can't vote.",
    "It was not the first time that 1,250 workers left France in 1994.",
    "nothing here to change",
]


def made(texts, kind, each=50, seed=0):
    found = hard_negatives(texts, each=each, kinds=[kind], seed=seed)
    return {row: {t for t, o in zip(found.texts, found.origins, strict=True) if o == row}
            for row in range(len(texts))}  # fmt: skip


def test_causality_negates_and_turns_into_opposites():
    found = made(TEXTS, "causality")
    assert found[0] == {
        "The river is not higher than before because of the rain in New York.",
        "The river is lower than before because of the rain in New York.",
        "The river is higher than after because of the rain in New York.",
        "The river is higher than before despite the rain in New York.",
    }
    assert found[1] == {TEXTS[1].replace("can't", "can")}
    assert TEXTS[2].replace("was not", "was") in found[2]
    assert TEXTS[2].replace("first", "last") in found[2]
    assert not any("not not" in text for text in found[2])


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("They won’t come.", "They will come."),
        ("He cannot swim.", "He can swim."),
        ("He can swim.", "He cannot swim."),
        ("She doesn't know.", "She does know."),
        ("Because he left, we ate.", "Although he left, we ate."),
        ("MORE RAIN", "LESS RAIN"),
    ],
)
def test_negation_and_case(text, changed):
    assert made([text], "causality")[0] == {changed}


def test_numbers_keep_their_shape():
    found = made(TEXTS, "number")
    assert all(len(t) == len(TEXTS[1]) for t in found[1]) and len(found[1]) > 3
    years = {t.split(" in ")[-1] for t in found[2] if "1,250" in t}
    assert len(years) > 2 and all(y.startswith("19") and y != "1994." for y in years)
    assert all("1994" in t or "1,250" in t for t in found[2])
    for text in made(["She came 3rd of two hundred on May 21st."], "number")[0]:
        assert not re.search(r"(?<!1)[123]th|[04-9](st|nd|rd)|1[123](st|nd|rd)", text)
    assert made(["Seven won."], "number")[0] <= {
        f"{w} won." for w in "Two Three Four Five Six Eight Nine Ten Eleven Twelve".split()
    }


def test_names_come_from_other_sentences():
    found = made(TEXTS, "entity")
    pool = {"New York", "Monday", "Anna Schmidt", "Berlin", "France"}
    assert found[0] <= {TEXTS[0].replace("New York", name) for name in pool}
    assert any("Schmidt" not in t and "'s brother" in t for t in found[1])
    assert not any(text.count("Berlin") > 1 for text in found[1])
    assert all(t.startswith("The ") for t in found[0])  # what begins a sentence is no name
    assert made(["Rome fell. Then we met Bo.", "We saw Ann."], "entity") == {
        0: {"Rome fell. Then we met Ann."}, 1: {"We saw Bo."},
    }  # fmt: skip


def test_counts_say_what_was_made_and_what_could_not():
    found = hard_negatives(TEXTS, each=2)
    for kind, count in found.counts.items():
        rows = [o for o, k in zip(found.origins, found.kinds, strict=True) if k == kind]
        assert len(rows) == count and max(map(rows.count, rows)) <= 2
        assert found.without[kind] == len(TEXTS) - len(set(rows))
    assert found.without == {"causality": 1, "number": 2, "entity": 1}
    nothing = hard_negatives(["nothing"])
    assert nothing.texts == () and len(nothing.origins) == 0


@given(st.integers(0, 500))
def test_they_are_new_repeatable_and_one_place_away(seed):
    found = hard_negatives(TEXTS, seed=seed)
    assert found.texts == hard_negatives(TEXTS, seed=seed).texts
    assert len(set(found.texts)) == len(found.texts) and not set(found.texts) & set(TEXTS)
    for text, origin in zip(found.texts, found.origins, strict=True):
        old, new = TEXTS[origin].split(), text.split()
        blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        assert sum(tag != "equal" for tag, *_ in blocks) == 1
    alone = hard_negatives(TEXTS, kinds=["number"], seed=seed).texts
    assert alone == tuple(t for t, k in zip(found.texts, found.kinds, strict=True) if k == "number")


def test_two_sentences_never_become_each_other():
    assert made(["It is more.", "It is less."], "causality") == {
        0: {"It is not more."}, 1: {"It is not less."},
    }  # fmt: skip


def test_seeds_differ():
    assert hard_negatives(TEXTS, seed=1).texts != hard_negatives(TEXTS, seed=2).texts


def test_bad_input_is_refused():
    with pytest.raises(UsageError, match="no kind 'colour'"):
        hard_negatives(TEXTS, kinds=["colour"])
    with pytest.raises(UsageError, match="each is 0"):
        hard_negatives(TEXTS, each=0)
    with pytest.raises(CorpusError, match="text 1 is missing"):
        hard_negatives(["a", None])
