"""Whole words of a vocabulary, however it marks them; words that a learned tokenizer must know."""

import pytest

from isogloss.vocabulary.learn import learn_unigram
from isogloss.vocabulary.words import whole_words, words

MARKS = {
    "wordpiece": ["[CLS]", "zebra", "##ing", "the", "of", "12", "Straße", "zebra"],
    "sentencepiece": ["<s>", "▁zebra", "ing", "▁the", "▁of", "▁12", "▁Straße", "▁"],
    "bytes": ["<s>", "Ġzebra", "ing", "Ġthe", "Ġof", "Ġ12", "ĠStraÃŁe", "Ġ"],
}


@pytest.mark.parametrize("kind", MARKS)
def test_whole_words_have_letters_and_start_a_word(kind):
    from tokenizers import Tokenizer, models

    vocabulary = {token: i for i, token in enumerate(dict.fromkeys(MARKS[kind]))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=MARKS[kind][0]))
    straße = [] if kind == "bytes" else ["Straße"]
    assert whole_words(tokenizer, size=9) == ["zebra", "the", *straße]
    assert whole_words(tokenizer, size=1) == ["zebra"]


@pytest.mark.parametrize("how", ["normaliser", "whole", "split"])
def test_words_begin_at_the_marks_of_spaces(how):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.BPE())
    if how == "normaliser":
        marks = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        tokenizer.normalizer = normalizers.Sequence(marks)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(split=how == "split")
    assert words(tokenizer, "red old fish") == ["▁red", "▁old", "▁fish"]


TEXTS = {
    "eng_Latn": ["a red panda", "a grey bird", "red and grey"] * 20,
    "rus_Cyrl": ["красная панда", "серая птица"] * 20,
}


def test_a_word_of_another_script_meets_the_same_word():
    plain = learn_unigram(TEXTS, size=80)
    met = learn_unigram(TEXTS, size=80, scripts=["Cyrl", "Latn"], words=["zebra", "panda"])
    assert met.encode("Zebra").tokens == ["▁zebra"] == met.encode("зебра").tokens
    assert met.encode("панда").ids == met.encode("panda").ids
    assert plain.encode("зебра").ids != plain.encode("zebra").ids
    assert "▁zebra" not in plain.get_vocab()


def test_words_change_no_piece_that_text_gave():
    plain = learn_unigram(TEXTS, size=80)
    known = next(p for p in plain.get_vocab() if p.startswith("▁") and len(p) > 1)
    more = learn_unigram(TEXTS, size=80, words=["zebra", known[1:], "zebra"])
    assert more.get_vocab_size() == plain.get_vocab_size() + 1
    for line in TEXTS["eng_Latn"] + TEXTS["rus_Cyrl"]:
        assert more.encode(line).tokens == plain.encode(line).tokens
