"""Tokens are spelled by another vocabulary in their place in a word."""

import pytest

from isogloss.vocabulary.initialise.spelling import byte_pieces, bytes_of, cutter, words_of
from isogloss.vocabulary.pieces import read_pieces


def names(tokenizer, text, starts):
    pieces = read_pieces(tokenizer)
    return [pieces.names[i] for i in cutter(tokenizer, pieces)(text, starts)]


@pytest.mark.parametrize("text", ["woman", "Dancer", "женщина", "dogs"])
def test_a_word_is_cut_as_the_tokenizer_cuts_it(tokenizer, text):
    pieces = read_pieces(tokenizer)
    wanted = tokenizer.encode(f" {text}" if pieces.byte_level else text, add_special_tokens=False)
    words = words_of(text, True, tokenizer, pieces)
    cut = [i for word in words for i in cutter(tokenizer, pieces)(*word)]
    assert cut == [i for i in wanted.ids if not pieces.special[i]] != []


def test_what_is_inside_a_word_is_not_cut_as_the_begin_of_one(tokenizer_of):
    for kind, mark in (("wordpiece", "##"), ("unigram", "▁"), ("bpe", "▁"), ("byte-bpe", "Ġ")):
        first = names(tokenizer_of(kind), "woman", False)[0]
        assert first.startswith(mark) == (kind == "wordpiece"), kind
        assert "".join(n.removeprefix("##") for n in names(tokenizer_of(kind), "woman", False)) == (
            "woman"
        )


def test_ends_of_words_are_marked_only_where_they_are():
    from tokenizers import Tokenizer, models

    vocabulary = {"a": 0, "b": 1, "b</w>": 2, "ab": 3, "ab</w>": 4}
    merges = [("a", "b"), ("a", "b</w>")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, end_of_word_suffix="</w>"))
    assert names(tokenizer, "ab", True) == ["ab</w>"] and names(tokenizer, "ab", False) == ["ab"]


def test_the_normaliser_is_heard_and_its_marks_are_not(tokenizer_of):
    bert, plain = tokenizer_of("wordpiece"), tokenizer_of("bpe")
    assert words_of("Ça", False, bert, read_pieces(bert)) == [("ca", False)]
    assert words_of("中国", False, bert, read_pieces(bert)) == [("中", False), ("国", True)]
    assert words_of("of▁The", True, plain, read_pieces(plain)) == [("of", True), ("The", True)]
    assert words_of("▁", True, plain, read_pieces(plain)) == []


def test_bytes_of_both_kinds_of_vocabulary(tokenizer_of):
    fallback, level = (read_pieces(tokenizer_of(k)) for k in ("bpe", "byte-bpe"))
    assert bytes_of("<0xE2>", fallback) == b"\xe2" == bytes_of("â", level)
    for pieces in (fallback, level):
        found = byte_pieces(pieces)
        assert sorted(found) == list(range(256))
        assert all(bytes_of(pieces.names[i], pieces) == bytes([b]) for b, i in found.items())
    assert byte_pieces(read_pieces(tokenizer_of("wordpiece"))) == {}
