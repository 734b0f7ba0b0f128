"""Every text comes back; capitals and accents stand apart; what is apart in a text stays apart."""

import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from isogloss.vocabulary.decompose import characters, compose, decompose, letters

ACCENTS = "\u0301\u0302\u0323\u0308\u0345\u0338\u3099\u093c"
ODD = ACCENTS + "aAeEéÉẹệỆiıİIßẞǅǄǆſK\u212aΩ\u2126ΐ≠=がकि\0\ue000𐐀𐐨가ᄀ"


@given(st.text() | st.text(ODD), st.booleans())
@example("ẹ\u0302", True)
@example("e\u0301\u0301", True)
def test_every_text_comes_back(text, accents):
    apart = decompose(text, accents)
    assert compose(apart, accents) == text
    assert not set(apart) & set("BCDEFGHIJKLMNOPQRSTUVWXY")


@pytest.mark.parametrize("accents", [True, False])
def test_every_character_comes_back_alone_and_in_a_row(accents):
    every = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
    assert compose(decompose("".join(every), accents), accents) == "".join(every)
    table = letters(accents)
    assert len(set(table.parts.values())) == len(table.parts) == len(table.whole)
    assert all(compose(apart, accents) == whole for whole, apart in table.parts.items())


@pytest.mark.parametrize(
    ("text", "apart"),
    [("Él", "Ae\u0301l"), ("e\u0301", "eZ\u0301"), ("ẹ\u0302", "e\u0323Z\u0302"),
     ("ệ", "e\u0323\u0302"), ("E\u0301", "AeZ\u0301"), ("AZ", "AaAz"), ("İıIi", "Ai\u0307ıAii"),
     ("ẞßǅ", "ẞßǅ"), ("\u212a\u2126", "\u212a\u2126"), ("Ж", "Aж"), ("가", "가"),
     ("q\u0301", "q\u0301"), ("", "")],
)  # fmt: skip
def test_what_falls_apart(text, apart):
    assert decompose(text) == apart


def test_without_accents_only_capitals_fall_apart():
    assert decompose("Éé e\u0301", accents=False) == "Aéé e\u0301"


def test_parts_are_those_of_unicode():
    for whole, apart in letters(True).parts.items():
        again = apart[1].upper() + apart[2:] if apart.startswith("A") else apart
        assert unicodedata.normalize("NFC", again) == unicodedata.normalize("NFC", whole)


def test_marks_that_mean_nothing():
    assert compose("aZbZ") == "ab" and compose("A1 A") == "\ufffd1 \ufffd"
    assert compose("AA") == "\ufffd\ufffd" and compose("A\u0301") == "\ufffd\u0301"


@given(st.sets(st.characters(), min_size=1))
def test_a_class_of_characters_matches_them_alone(some):
    import re

    found = re.compile(f"[{characters(some)}]")
    assert all(found.fullmatch(c) for c in some)
    assert all(bool(found.fullmatch(c)) == (c in some) for c in map(chr, range(300)))
