"""Words come behind the old ones, other scripts are spelled in Latin, English stays as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import ModelError, UsageError
from isogloss.vocabulary.extend import extend_wordpiece, new_words, with_romanisation
from isogloss.vocabulary.romanise import SCRIPTS, romanisation
from isogloss.vocabulary.words import words

SPELLED = {
    "Москва Щербаков": "moskva shcherbakov",
    "Αθήνα": "athina",
    "नई दिल्ली नरेंद्र मोदी ने कहा": "nai dilli narendr modi ne kaha",
    "সব ২০১৯": "sab 2019",
    "سلمان في الرِّياض": "slman fy alryad",
    "キャンディー・ソフトクリーム ファイル": "kyandi sofutokurimu fairu",
    "서울 바나나": "seoul banana",
    "Hello, wörld 12": "hello, world 12",
}


@pytest.fixture(scope="module")
def plain(minilm):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{minilm}/tokenizer.json")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@pytest.fixture(scope="module")
def romanised(plain):
    return with_romanisation(plain, SCRIPTS)


@pytest.mark.parametrize(("text", "latin"), SPELLED.items())
def test_scripts_are_spelled_in_latin(romanised, text, latin):
    assert romanised.normalizer.normalize_str(text) == latin


def test_it_lives_in_the_saved_file(romanised, tmp_path):
    from tokenizers import Tokenizer

    romanised.save(str(tmp_path / "t.json"))
    again = Tokenizer.from_file(str(tmp_path / "t.json"))
    for text in SPELLED:
        assert again.encode(text).ids == romanised.encode(text).ids


@given(st.text(st.characters(max_codepoint=0x24F, exclude_categories=["Cs"]), max_size=40))
def test_latin_text_is_cut_as_before(plain, romanised, text):
    assert romanised.encode(text).ids == plain.encode(text).ids


def test_new_words_come_behind_and_old_ids_stay(romanised):
    sentences = [words(romanised, "Москва слушает Москва"), words(romanised, "the Москва слово")]
    added = new_words(romanised, sentences, size=10)
    assert added == ["moskva"]
    extended = extend_wordpiece(romanised, added)
    old, new = romanised.get_vocab(), extended.get_vocab()
    assert {t: new[t] for t in old} == old and new["moskva"] == len(old)
    assert extended.encode("Москва", add_special_tokens=False).tokens == ["moskva"]
    assert extended.encode("Hello world").ids == romanised.encode("Hello world").ids
    with pytest.raises(ModelError, match="there already"):
        extend_wordpiece(extended, ["moskva"])


def test_other_kinds_of_vocabulary_are_refused():
    from isogloss.vocabulary.learn import learn_unigram

    with pytest.raises(ModelError, match="Unigram"):
        extend_wordpiece(learn_unigram({"eng_Latn": ["a b c"] * 5}, size=100), ["x"])
    with pytest.raises(UsageError, match="no romanisation for 'Hang'"):
        romanisation("Hang")
