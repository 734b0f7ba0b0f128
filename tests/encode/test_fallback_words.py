"""Covered words keep their tokens, each other word is one id, and nothing is lost or told twice."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from isogloss.encode.fallback_words import FallbackTokenizer, Rule, spans
from isogloss.encode.tokens import RustTokenizer
from isogloss.errors import SettingsError
from isogloss.settings import read_settings

LETTERS = "abcdefghijklmnopqrstuvwxyzпривет日本"
NAMES = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    *LETTERS,
    *(f"##{c}" for c in LETTERS),
    "the",
    ",",
    "-",
]
UNKNOWN = 1
FIRST = len(NAMES)


def wordpiece():
    made = Tokenizer(models.WordPiece({t: i for i, t in enumerate(NAMES)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def fallback(window=40, lacking=lambda word: "", **rule):
    return FallbackTokenizer(
        RustTokenizer(wordpiece(), window, UNKNOWN), Rule(**rule), lacking, FIRST
    )


def named(tokenizer, text):
    """Tokens of a text by name, words in brackets."""
    words = {FIRST + number: f"<{word}>" for word, number in tokenizer.words.items()}
    (ids,) = tokenizer.read([text]).ids
    words |= {FIRST + number: f"<{word}>" for word, number in tokenizer.words.items()}
    return [words.get(int(i)) or NAMES[i] for i in ids[1:-1]]


def test_words_are_what_a_reader_takes_for_words():
    text = "Всё, don't 日本語のテスト! สวัสดี می‌خواهم naïve"
    assert [text[a:b] for a, b in spans(text)] == [
        "Всё", ",", "don", "'", "t", "日本", "語", "の", "テス", "ト", "!", "สวั", "สดี",
        "می‌خواهم", "naïve",
    ]  # fmt: skip
    assert [text[a:b] for a, b in spans(text, 1)][5:8] == ["日", "本", "語"]


@given(st.text(max_size=40), st.integers(1, 3))
def test_words_hold_every_character_that_is_not_a_space(text, letters):
    found = spans(text, letters)
    assert all(a < b for a, b in found)
    assert all(before[1] <= after[0] for before, after in pairwise(found))
    inside = {i for a, b in found for i in range(a, b)}
    assert all(text[i].isspace() for i in set(range(len(text))) - inside)


def test_covered_words_have_the_tokens_of_the_whole_text_and_others_one_id():
    assert named(fallback(pieces=4), "the ab, привет ξ the") == [
        "the", "a", "##b", ",", "<привет>", "<ξ>", "the",
    ]  # fmt: skip
    assert named(fallback(pieces=None), "abcdefgh ξ") == [
        "a", "##b", "##c", "##d", "##e", "##f", "##g", "##h", "<ξ>",
    ]  # fmt: skip
    assert named(fallback(pieces=None, scripts=["Cyrl"]), "a пр") == ["a", "<пр>"]
    assert named(fallback(pieces=1), "a-b ab") == ["a", "-", "b", "<ab>"]


def test_words_that_share_an_unknown_token_are_replaced_together():
    # kana are one word to WordPiece and one unknown token, and three words here
    assert named(fallback(), "a ありがと! b") == ["a", "<あり>", "<がと>", "<!>", "b"]
    assert named(fallback(), "日本") == ["日", "本"]


def test_one_word_has_one_id_wherever_and_however_it_is_composed():
    tokenizer = fallback()
    ids = tokenizer.read(["ξένος a", "a ξένος", "ξένος".replace("έ", "έ")]).ids
    assert list(tokenizer.words) == ["ξένος"]
    assert ids[0][1] == ids[1][2] == ids[2][1] == FIRST


def test_what_cannot_be_drawn_keeps_its_tokens_and_is_counted():
    tokenizer = fallback(lacking=lambda word: "ξ" * word.count("ξ"))
    assert named(tokenizer, "ξ ω a") == ["[UNK]", "<ω>", "a"]
    found = tokenizer.coverage(["ξ ω a", "ξξ"])
    assert (found.words, found.replaced, found.undrawn) == (4, 1, 2)
    assert found.characters == {"ξ": 3}
    assert str(found) == (
        "1 of 4 words are drawn; 2 keep their pieces since no font has ξ (U+03BE)"
    )
    assert list(tokenizer.words) == ["ω"]  # counting gives no ids


def test_lengths_are_full_and_long_texts_keep_their_ends():
    ids, lengths = fallback(window=5).read(["ξ ω ξ ω ξ", "a"])
    assert lengths.tolist() == [7, 3]
    assert ids[0].tolist() == [2, FIRST, FIRST + 1, FIRST, 3] and ids[1].tolist() == [2, 4, 3]


def test_invisible_characters_are_no_words():
    assert named(fallback(), "a \u200d b") == ["a", "b"]


@given(st.lists(st.text(alphabet="ab \u00e9пξω日あ,-", max_size=12), max_size=3))
def test_with_nothing_to_draw_the_tokens_are_the_tokenizers(texts):
    kept = fallback(lacking=lambda word: word)
    plain = RustTokenizer(wordpiece(), 40, UNKNOWN)
    for ours, theirs in zip(kept.read(texts).ids, plain.read(texts).ids, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@given(st.text(alphabet="ab \u00e9пξω日あ,-", max_size=12))
def test_with_every_word_replaced_there_are_as_many_ids_as_words(text):
    every = fallback(pieces=1, scripts=["Latn", "Cyrl", "Grek", "Hani", "Hira"])
    inside = every.read([text]).ids[0][1:-1]
    words = [text[a:b] for a, b in spans(text)]
    assert len(inside) == len(words)
    met = {FIRST + number: word for word, number in every.words.items()}
    assert [met.get(int(i), w) for i, w in zip(inside, words, strict=True)] == words


def test_words_of_sentences_know_their_word():
    tokenizer = fallback()
    (split,) = tokenizer.split([["ab", "ξω,", "the"]])
    assert split.words.tolist() == [0, 0, 1, 1, 2]
    assert split.ids.tolist()[2] == FIRST
    before, after = tokenizer.frame()
    assert before.tolist() == [2] and after.tolist() == [3]


def _byte_bpe(texts):
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(texts, trainer)
    return made


def _unigram(texts):
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=60, unk_token="<unk>", show_progress=False)
    made.train_from_iterator(texts, trainer)
    return made


@pytest.mark.parametrize("learn", [_byte_bpe, _unigram])
def test_other_tokenizers_keep_the_tokens_of_covered_words_in_context(learn):
    made = learn(["red circle", "красный круг", "red красный", "green circle"] * 5)
    plain = RustTokenizer(made, 99, None)
    tokenizer = FallbackTokenizer(plain, Rule(pieces=None, scripts=["Cyrl"]), lambda w: "", 10**6)
    text = "red circle красный круг red"
    (whole,), (mixed,) = plain.read([text]).ids, tokenizer.read([text]).ids
    own = [i for i in mixed if i < 10**6]
    assert list(tokenizer.words) == ["красный", "круг"]
    offsets = made.encode(text, add_special_tokens=False).offsets
    outside = [
        i
        for i, (a, b) in zip(whole, offsets, strict=True)
        if not any("а" <= c <= "я" for c in text[a:b])
    ]
    assert own == outside


def test_scripts_are_those_of_characters():
    with pytest.raises(SettingsError, match="no character has the script 'Jpan'"):
        read_settings(Rule, {"scripts": ["Jpan"]})
    assert read_settings(Rule, {"scripts": ["Hani", "Hira"]}).pieces is None
