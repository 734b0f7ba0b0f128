"""Interleaving tells every pair once, side by side."""

import numpy as np
import pytest

from isogloss.corpus.records import make_corpus
from isogloss.errors import TrainingError, UsageError
from isogloss.train.transforms.interleave import concatenate, interleave

RNG = np.random.default_rng
ROWS = {
    "eng_Latn": ["a", "b", None, "d", "e", "f"],
    "deu_Latn": ["A", None, "C", "D", "E", "F"],
    "fra_Latn": [None, "1", None, None, None, "2"],
}


@pytest.fixture
def corpus():
    return make_corpus("m", list("uvwxyz"), ROWS)


def test_sentences_stand_in_turn_with_their_translations(corpus):
    made = interleave(corpus, "eng_Latn", RNG(0), rows=3, between="|")
    assert made.texts("deu_Latn") == ["a|A|d|D|e|E", None, None, None, None, "f|F"]
    assert made.texts("fra_Latn") == [None, "b|1|f|2", None, None, None, None]
    assert [*map(str, made.languages)] == ["deu_Latn", "fra_Latn"] and made.ids == corpus.ids
    assert made.notes == ("m: 6 rows stand beside their translation in eng_Latn, 1 have none",)
    kept = interleave(corpus, "eng_Latn", RNG(0), first="other", keep_pivot=True)
    assert kept.texts("eng_Latn") == ROWS["eng_Latn"] and kept.texts("fra_Latn")[1] == "1 b 2 f"


def test_concatenated_pairs_begin_with_either(corpus):
    seen = {concatenate(corpus, "eng_Latn", RNG(n)).texts("deu_Latn")[0] for n in range(12)}
    assert seen == {"a A", "A a"}
    fixed = concatenate(corpus, "eng_Latn", RNG(0), first="pivot").texts("deu_Latn")
    assert fixed == ["a A", None, None, "d D", "e E", "f F"]


def test_text_that_has_no_pairs_is_refused(corpus):
    with pytest.raises(UsageError, match="one row at least"):
        interleave(corpus, "eng_Latn", RNG(0), rows=0)
    with pytest.raises(TrainingError, match="no row of eng_Latn has a translation"):
        interleave(corpus.keep(["eng_Latn"]), "eng_Latn", RNG(0))
