"""Switching by alignment puts the linked word where its own stood."""

import numpy as np
import pytest

from isogloss.corpus.records import make_corpus
from isogloss.errors import TrainingError
from isogloss.train.transforms.switch_aligned import exchanged, switch_aligned

RNG = np.random.default_rng


def test_chosen_links_exchange_their_word():
    links = [(0, 1), (2, 0)]
    assert exchanged(list("abc"), list("xy"), links, [True, False]) == ["y", "b", "c"]
    assert exchanged(list("abc"), list("xy"), links, [True, True]) == ["y", "b", "x"]


def cloned(rows=120):
    """A language and its clone in the order of a mirror: only alignment finds what stands where."""
    rng = RNG(1)
    texts = [
        [f"w{i}" for i in rng.choice(30, rng.integers(2, 6), replace=False)] for _ in range(rows)
    ]
    mirrored = [" ".join(word.replace("w", "v") for word in reversed(words)) for words in texts]
    ids = [str(i) for i in range(rows)]
    return make_corpus("m", ids, {"eng_Latn": [*map(" ".join, texts)], "deu_Latn": mirrored})


def test_words_become_those_of_the_translation_not_those_of_the_same_place():
    pytest.importorskip("thot", reason="needs pip install isogloss[align-stat]")
    corpus = cloned()
    made = switch_aligned(corpus, "eng_Latn", RNG(0), share=0.5, model="ibm1")
    own, new, changed, right = corpus.texts("eng_Latn"), made.texts("eng_Latn"), 0, 0
    for before, after in zip(own, new, strict=True):
        for a, b in zip(before.split(), after.split(), strict=True):
            changed += a != b
            right += a != b and b == a.replace("w", "v")
    total = sum(len(text.split()) for text in own)
    assert 0.4 < changed / total < 0.55 and right / changed > 0.95
    assert made.texts("deu_Latn") == corpus.texts("deu_Latn")
    again = switch_aligned(corpus, "eng_Latn", RNG(0), share=0.5, model="ibm1", alone=True)
    assert again.texts("eng_Latn") == new and len(again.languages) == 1


def test_text_without_translations_is_refused():
    pytest.importorskip("thot", reason="needs pip install isogloss[align-stat]")
    alone = make_corpus("m", ["a", "b"], {"eng_Latn": ["x", None], "deu_Latn": [None, "y"]})
    with pytest.raises(TrainingError, match="no row of eng_Latn has a translation"):
        switch_aligned(alone, "eng_Latn", RNG(0))
