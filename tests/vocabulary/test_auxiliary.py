"""Vectors trained on text: what stands alike is near, and the same text gives the same."""

import numpy as np
import pytest

from isogloss.errors import CorpusError
from isogloss.vocabulary.auxiliary import train_vectors

pytest.importorskip("gensim", reason="needs pip install isogloss[static]")
RNG = np.random.default_rng(0)
# `p` and `q` stand in the same places, `u` in others; the names share no letters.
PLACES = {"p": "abcd", "q": "abcd", "u": "wxyz"}
SENTENCES = [
    [*RNG.choice(list(PLACES[word]), 3), word, *RNG.choice(list(PLACES[word]), 3)]
    for word in RNG.choice(list("pqu"), 1500)
]


def test_words_in_the_same_places_are_near_and_the_same_text_gives_the_same():
    names, vectors = train_vectors([*SENTENCES, ["once"]], width=16, epochs=12, seed=1)
    assert "once" not in names and set("pqu") < set(names)
    at = {name: vectors[i] / np.linalg.norm(vectors[i]) for i, name in enumerate(names)}
    assert at["p"] @ at["q"] > at["p"] @ at["u"] + 0.05
    again = train_vectors([*SENTENCES, ["once"]], width=16, epochs=12, seed=1)
    assert again[0] == names
    np.testing.assert_array_equal(again[1], vectors)


def test_too_little_text_is_refused():
    for text in ([], [["a", "b"]]):
        with pytest.raises(CorpusError, match="occurs 5 times"):
            train_vectors(text)
