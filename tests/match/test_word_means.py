"""A text read in parts gives what it gives in one piece, and no more tokens are held than asked."""

import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.encode.words import TokenVectors
from isogloss.match import word_means as module
from isogloss.match.word_alignment import mean_words
from isogloss.match.word_means import word_means

LAYERS = (0, 2)
sentences = st.lists(st.lists(st.text("ab ", max_size=4), max_size=5), max_size=12)


class Counting:
    """Each letter a token, a space none; counts the token vectors that are held."""

    def __init__(self):
        self.held = self.most = self.calls = 0

    def encode_words(self, sentences, *, layers):
        self.calls += 1
        letters = [[(j, c) for j, w in enumerate(s) for c in w if c != " "] for s in sentences]
        flat = [(len(one), j, c) for one in letters for j, c in one]
        found = {}
        for layer in layers:
            # what a vector holds of its sentence is its length
            array = np.array([(layer, size, ord(c)) for size, _, c in flat], np.float32)
            array = array.reshape(-1, 3)
            self.held += len(array)
            weakref.finalize(array, self.let_go, len(array))
            found[layer] = TokenVectors(
                array=array,
                starts=np.cumsum([0, *map(len, letters)]),
                words=np.array([j for _, j, _ in flat], np.int64),
                lengths=np.array([len(s) for s in sentences], np.int64),
                windowed=sum(len(one) > 6 for one in letters),
            )
        self.most = max(self.most, self.held)
        return found

    def let_go(self, count):
        self.held -= count


@given(text=sentences, characters=st.integers(2, 40))
def test_parts_equal_the_whole_and_are_no_larger_than_asked(text, characters):
    encoder = Counting()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHARACTERS", characters)
        found = word_means(encoder, text, layers=LAYERS)
    longest = len(LAYERS) * max((sum(map(len, one)) for one in text), default=0)
    assert encoder.most <= max(characters, longest)
    whole = Counting().encode_words(text, layers=LAYERS)
    assert list(found) == list(LAYERS)
    for layer, made in found.items():
        wanted = mean_words(whole[layer])
        for name in ("array", "starts", "words", "lengths", "windowed"):
            np.testing.assert_array_equal(getattr(made, name), getattr(wanted, name))
        assert made.array.dtype == np.float32 and made.silent == wanted.silent


def test_a_long_text_is_read_in_parts_of_which_one_is_held(monkeypatch):
    monkeypatch.setattr(module, "CHARACTERS", 100)
    encoder, text = Counting(), [["ab", "aab"]] * 200
    assert len(word_means(encoder, text, layers=[1])[1].array) == 400
    assert encoder.most == 100 and encoder.calls == 10 and encoder.held == 0
