"""Words lose no character, and marks stay with their letter."""

from hypothesis import given
from hypothesis import strategies as st

from isogloss.language.segment import tokens, words


@given(text=st.text(), script=st.sampled_from(["Latn", "Hans", "Thai"]))
def test_no_character_is_lost(text, script):
    assert "".join(words(text, script)) == "".join(text.split())
    assert "".join(tokens(text, script)) == "".join(text.split())


def test_words_by_script():
    assert words("Das  Haus, alt", "Latn") == ["Das", "Haus,", "alt"]
    assert words("我在IBM工作3.5年", "Hans") == ["我", "在", "IBM", "工", "作", "3.5", "年"]
    assert words("ที่นี่", "Thai") == ["ที่", "นี่"]


def test_tokens_have_punctuation_of_their_own():
    assert tokens('He said: "Kano, (U.S.) isn\'t 3.5!"', "Latn") == [
        "He", "said", ":", '"', "Kano", ",", "(", "U.S.", ")", "isn't", "3.5", "!", '"',
    ]  # fmt: skip
    assert tokens("J. Ba ... etc.", "Latn") == ["J.", "Ba", ".", ".", ".", "etc", "."]
