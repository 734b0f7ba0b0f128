"""Letters of a text by script, against the names that Unicode gives them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import UnknownLanguage
from isogloss.language.letters import letters


@pytest.mark.parametrize(
    "text, script, found",
    [
        ("Das, 12!", "Latn", (3, 3)),
        ("мир peace", "Cyrl", (3, 8)),
        ("漢字かなカナ", "Jpan", (6, 6)),
        ("한국 漢", "Kore", (3, 3)),
        ("漢字", "Hans", (2, 2)),
        ("हिन्दी", "Deva", (3, 3)),
        ("12 %!", "Latn", (0, 0)),
    ],
)
def test_letters_of_the_script_and_of_any(text, script, found):
    assert letters(text, script) == found


@given(st.text(st.characters(max_codepoint=0x2FF), max_size=40))
def test_latin_letters_are_those_that_unicode_calls_so(text):
    inside, every = letters(text, "Latn")
    named = [c for c in text if unicodedata.category(c)[0] == "L"]
    plain = [c for c in named if unicodedata.name(c, "").startswith("LATIN ") and c.isascii()]
    assert len(plain) <= inside <= every <= len(named)


def test_a_script_that_no_character_has():
    with pytest.raises(UnknownLanguage, match="Zzzx"):
        letters("a", "Zzzx")
