"""Characters and words of texts, against str.split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import UsageError
from isogloss.vocabulary.lines import find_words, read_lines

TEXTS = st.lists(st.text(st.sampled_from("ab \t\u00a0\u3000字́é𐍈"), max_size=12), max_size=6)


@given(TEXTS)
def test_words_are_those_of_split(texts):
    lines = read_lines(texts)
    words = find_words(texts, lines, "Latn")
    assert words.counts.tolist() == [len(text.split()) for text in texts]
    characters = "".join(texts)
    found = [""] * int(words.counts.sum())
    for character, word in zip(characters, words.word_of, strict=True):
        if word >= 0:
            found[word] += character
        else:
            assert character.isspace()
    assert found == [word for text in texts for word in text.split()]


@given(TEXTS)
def test_characters_know_their_text_and_their_blanks(texts):
    lines = read_lines(texts)
    assert lines.space.tolist() == [c.isspace() for text in texts for c in text]
    assert lines.text_of.tolist() == [i for i, text in enumerate(texts) for _ in text]
    assert lines.starts.tolist() == np.cumsum([0, *map(len, texts)])[: len(texts)].tolist()


def test_scripts_without_spaces_have_words_only_from_a_segmenter():
    texts = ["猫が好き", "犬 も"]
    lines = read_lines(texts)
    assert find_words(texts, lines, "Jpan") is None
    pieces = {"猫が好き": ["猫", "が", "好き"], "犬 も": ["犬", " ", "も"]}
    words = find_words(texts, lines, "Jpan", pieces.__getitem__)
    assert words.counts.tolist() == [3, 2]
    assert words.word_of.tolist() == [0, 1, 2, 2, 3, -1, 4]


def test_a_segmenter_must_give_parts_of_the_text():
    lines = read_lines(["ab"])
    with pytest.raises(UsageError, match="which is not in the rest of 'b'"):
        find_words(["ab"], lines, "Latn", lambda text: ["a", "c"])
