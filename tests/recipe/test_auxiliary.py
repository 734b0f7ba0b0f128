"""Dictionaries, alignments and vectors that initialisers need, from parallel text."""

import numpy as np
import pytest

from isogloss import read_corpus
from isogloss.corpus.records import make_corpus
from isogloss.errors import CorpusError
from isogloss.recipe.auxiliary import aligned_words, auxiliary, read_words
from isogloss.registry import names
from isogloss.vocabulary.learn import learn_unigram


@pytest.fixture(scope="module")
def case():
    corpus = read_corpus("emoji", languages=["eng", "deu"])
    sides = [
        learn_unigram({lang: [t for t in corpus.texts(lang) if t]}, size=600)
        for lang in ("eng", "deu")
    ]
    return corpus, sides


def help_for(case, name):
    corpus, (source, target) = case
    return auxiliary(name, corpus, source=source, target=target, pivot="eng", languages=["deu"])


def test_aligned_words_translate_each_other(case):
    aligned = aligned_words(case[0], "eng", "deu")
    counts = {(a, b): n for a, b, n in aligned}
    assert counts["face", "gesicht"] > 50 and counts["cat", "katze"] > 1
    assert all(n > 0 for n in counts.values())


def test_each_gets_what_it_needs_and_nothing_else(case):
    made = help_for(case, "trans_tokenization")
    assert made.translations.shape == tuple(t.get_vocab_size() for t in reversed(case[1]))
    assert made.dictionary is None and made.target_tokens is None
    row = made.translations[[case[1][1].token_to_id("▁gesicht")]].toarray()[0]
    assert row.argmax() == case[1][0].token_to_id("▁face")
    assert help_for(case, "overlap").source_words is None


def test_vectors_are_trained_on_the_text_and_one_space_is_one(case):
    pytest.importorskip("gensim", reason="needs pip install isogloss[static]")
    tokens = help_for(case, "focus.v1" if "focus.v1" in names("initialiser") else "overlap")
    if tokens.target_tokens is not None:
        seen = (tokens.target_tokens != 0).any(1)
        assert 0.5 < seen.mean() <= 1
    both = help_for(case, "ofa.v1")
    (ours, x), (theirs, y) = both.source_words, both.target_words
    at = {word: i for i, word in enumerate(theirs)}, {word: i for i, word in enumerate(ours)}
    pairs = [("face", "gesicht"), ("cat", "katze"), ("woman", "frau"), ("man", "mann")]
    right = [x[at[1][a]] @ y[at[0][b]] for a, b in pairs]
    rng = np.random.default_rng(0)
    wrong = (x[rng.integers(0, len(x), 300)] * y[rng.integers(0, len(y), 300)]).sum(1)
    assert np.mean(right) > wrong.mean() + wrong.std()


def test_words_are_by_frequency(case):
    found = read_words(case[0], ["deu"])
    assert (np.diff(found.counts) <= 0).all()
    assert found.counts.sum() == sum(map(len, found.lines))


def test_text_without_a_common_row_is_refused():
    corpus = make_corpus("apart", ["a", "b"], {"eng": ["one", None], "deu": [None, "zwei"]})
    with pytest.raises(CorpusError, match="no row has both deu and eng"):
        aligned_words(corpus, "eng", "deu")
