"""Transforms keep rows, draw from the seed alone, and are told of in the notes."""

import pytest

from isogloss.corpus.records import make_corpus
from isogloss.errors import TrainingError
from isogloss.train.transforms.apply import repeated, transformed

ROWS = {
    "eng_Latn": ["the sun is red", "a moon", None, "Anna sees the sea"],
    "rus_Cyrl": ["солнце красное", None, "море", "Анна видит море"],
}


@pytest.fixture
def corpus():
    return make_corpus("mine", list("abcd"), ROWS)


def test_copies_are_the_rows_again_with_ids_of_their_own(corpus):
    twice = repeated(corpus, 2)
    assert twice.texts("eng_Latn") == ROWS["eng_Latn"] * 2
    assert twice.ids == ["a (1)", "b (1)", "c (1)", "d (1)", "a (2)", "b (2)", "c (2)", "d (2)"]
    assert repeated(corpus, 1) is corpus


def test_transforms_follow_each_other_beside_the_text_as_it_was(corpus):
    factors = [{"use": "romanize.v1"}, {"use": "interleave.v1", "rows": 2}]
    before, after = transformed(corpus, "eng_Latn", factors, copies=2)
    assert before.texts("rus_Cyrl") == ROWS["rus_Cyrl"] * 2 and len(after) == 8
    told = after.texts("rus_Cyrl")
    assert told[0] == "the sun is red solntse krasnoe Anna sees the sea anna vidit more"
    assert [text is None for text in told] == [False, True, True, True] * 2
    assert len(after.notes) == 2


def test_draws_depend_on_the_seed_and_differ_by_copy(corpus):
    factors = [{"use": "concatenate.v1", "first": "either"}]

    def told(seed, copies=8):
        return transformed(corpus, "eng_Latn", factors, copies=copies, seed=seed)[1].texts("rus")

    assert told(1) == told(1) != told(2)
    assert len(set(filter(None, told(1)))) == 4  # both orders of both rows that have a translation


def test_a_text_of_which_nothing_is_left_is_refused():
    marks = make_corpus("marks", ["a", "b"], {"ara_Arab": ["\u064e", None], "eng_Latn": [None] * 2})
    with pytest.raises(TrainingError, match=r"romanize\.v1: nothing is left of marks"):
        transformed(marks, "eng_Latn", [{"use": "romanize.v1"}])
