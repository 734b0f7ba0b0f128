"""A clone has each word once and shares none; its dictionary is whole."""

import pytest

from isogloss import read_corpus
from isogloss.corpus.clone import clone_tag, clone_words, spell, with_clone
from isogloss.corpus.records import make_corpus
from isogloss.errors import UsageError

TEXTS = {
    "eng": ["The cat, the dog", None, "Café 7", "a-b"],
    "deu": ["Die Katze", "Hund", "1", "x"],
}


@pytest.fixture
def corpus():
    return make_corpus("small", ["1", "2", "3", "4"], TEXTS)


def test_letters_are_exchanged_one_for_one():
    signs = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    spelled = spell(signs)
    assert len(set(spelled)) == len(signs) == len(spelled) and not set(spelled) & set(signs)
    assert spell("Cat").lower() == spell("cat") != spell("Cat")
    assert spell("é") == spell("e") + "\u0301" and spell("?! -") == "?! -"


def test_rows_stay_beside_their_clone(corpus):
    made = with_clone(corpus, "eng")
    assert list(map(str, made.languages)) == ["eng_Latn", "deu_Latn", "eng_Geor"]
    assert made.texts("eng_Geor") == [None if t is None else spell(t) for t in TEXTS["eng"]]
    assert made.texts("eng") == TEXTS["eng"] and "one for one" in made.notes[-1]


def test_the_dictionary_has_each_word_once_frequent_ones_first(corpus):
    made = clone_words(corpus, "eng")
    assert made.texts("eng")[0] == "the"
    assert {"the", "cat", "dog", "café", "7"} <= set(made.texts("eng"))
    assert len(set(made.texts("eng"))) == len(made)
    assert made.texts("eng_Geor") == list(map(spell, made.texts("eng")))


def test_a_language_in_other_letters_has_none():
    assert clone_tag("eng") == "eng_Geor"
    with pytest.raises(UsageError, match="rus_Cyrl has no clone"):
        clone_tag("rus")


def test_a_path_may_ask_for_a_clone(tmp_path):
    (tmp_path / "eng.txt").write_text("red\nblue\n", encoding="utf-8")
    (tmp_path / "deu.txt").write_text("rot\nblau\n", encoding="utf-8")
    whole = read_corpus(f"{tmp_path}?clone=eng")
    assert set(map(str, whole.languages)) == {"eng_Latn", "deu_Latn", "eng_Geor"}
    both = read_corpus(f"{tmp_path}?clone=eng", languages=["eng_Geor"], pivot="eng")
    assert list(map(str, both.languages)) == ["eng_Latn", "eng_Geor"]
    alone = read_corpus(f"{tmp_path}?clone=eng", languages=["deu", "eng_Geor"])
    assert list(map(str, alone.languages)) == ["deu_Latn", "eng_Geor"]
    words = read_corpus(f"{tmp_path}?clone_words=eng", languages=["eng_Geor"], pivot="eng")
    assert words.texts("eng") == ["blue", "red"]
    assert words.texts("eng_Geor") == [spell("blue"), spell("red")]
