"""What tokens stand for, read from vocabularies of every algorithm."""

import numpy as np
import pytest

from isogloss.vocabulary.pieces import byte_of, read_pieces

TEXT = "cat face смеётся sonriente"


def test_texts_of_tokens_spell_the_text_and_starts_are_where_words_start(tokenizer):
    pieces = read_pieces(tokenizer)
    text = "cat face sonriente" if pieces.byte_level else TEXT  # half a letter has no text
    ids = tokenizer.encode(text).ids
    assert len(pieces) == tokenizer.get_vocab_size() == len(pieces.starts)
    words: list[str] = []
    for at, number in enumerate(ids):
        part = pieces.texts[number]
        assert part is not None and pieces.names[number] == tokenizer.id_to_token(number)
        if pieces.starts[number] or at == 0:  # byte-level marks the space before a word
            words.append("")
        words[-1] += part
    assert words in (text.split(), text.replace("ё", "е").split())


def test_special_tokens_and_bytes_have_no_text(tokenizer):
    pieces = read_pieces(tokenizer)
    without = np.array([text is None for text in pieces.texts])
    np.testing.assert_array_equal(without, pieces.special | pieces.bytes)
    assert pieces.special.any()


def test_bytes_are_told_from_characters(tokenizer_of):
    pieces = read_pieces(tokenizer_of("byte-bpe"))
    at = {name: i for i, name in enumerate(pieces.names)}
    assert pieces.bytes[at["Ð"]] and pieces.texts[at["Ð"]] is None  # half a Cyrillic letter
    assert pieces.texts[at["Ðµ"]] == "е" and not pieces.bytes[at["Ðµ"]]
    assert pieces.texts[at["Ġ"]] == " "
    fallback = read_pieces(tokenizer_of("bpe"))
    assert fallback.bytes.sum() == 256 and fallback.names[int(np.flatnonzero(fallback.bytes)[0])]


def test_the_table_of_bytes_is_the_one_of_tokenizers():
    from tokenizers import pre_tokenizers

    assert set(byte_of()) == set(pre_tokenizers.ByteLevel.alphabet())
    assert sorted(byte_of().values()) == list(range(256))
    cut = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str("é\n")
    assert [byte_of()[c] for part, _ in cut for c in part] == list("é\n".encode())


def test_tokens_of_different_vocabularies_have_the_same_keys(tokenizer_of):
    keys = {
        kind: {key for key in read_pieces(tokenizer_of(kind)).identities() if key is not None}
        for kind in ("byte-bpe", "bpe", "unigram")
    }
    assert (True, "face") in keys["byte-bpe"] & keys["bpe"] & keys["unigram"]
    pairs = read_pieces(tokenizer_of("wordpiece"))
    assert (True, "face") in set(pairs.identities())


def test_a_gap_between_ids_has_no_name():
    from tokenizers import Tokenizer, models

    made = Tokenizer(models.WordLevel({"a": 0, "b": 3}, unk_token="a"))
    pieces = read_pieces(made)
    assert pieces.names == ("a", None, None, "b")
    assert pieces.texts == ("a", None, None, "b") or pieces.texts[3] == "b"


@pytest.mark.parametrize("suffix", ["</w>"])
def test_ends_of_words_may_be_marked(suffix):
    from tokenizers import Tokenizer, models

    model = models.BPE(
        {"a": 0, "b</w>": 1, "ab</w>": 2}, [("a", "b</w>")], end_of_word_suffix=suffix
    )
    pieces = read_pieces(Tokenizer(model))
    assert pieces.ends_marked and pieces.texts == ("a", "b", "ab")
    assert pieces.starts.tolist() == [False, True, True]
