"""Words that translate each other, from parallel text."""

import numpy as np
import pytest

from isogloss import read_corpus
from isogloss.corpus.records import make_corpus
from isogloss.errors import CorpusError
from isogloss.recipe.aligned_words import aligned_words, read_words


@pytest.fixture(scope="module")
def corpus():
    return read_corpus("emoji", languages=["eng", "deu"])


def test_aligned_words_translate_each_other(corpus):
    counts = {(a, b): n for a, b, n in aligned_words(corpus, "eng", "deu")}
    assert counts["face", "gesicht"] > 50 and counts["cat", "katze"] > 1
    assert all(n > 0 for n in counts.values())


def test_words_are_by_frequency(corpus):
    found = read_words(corpus, ["deu"])
    assert (np.diff(found.counts) <= 0).all()
    assert found.counts.sum() == sum(map(len, found.lines))


def test_text_without_a_common_row_is_refused():
    corpus = make_corpus("apart", ["a", "b"], {"eng": ["one", None], "deu": [None, "zwei"]})
    with pytest.raises(CorpusError, match="no row has both deu and eng"):
        aligned_words(corpus, "eng", "deu")
