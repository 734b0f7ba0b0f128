"""Tokens know their word, in every kind of tokenizer, and long sentences are read in parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from isogloss.encode import load_encoder
from isogloss.encode.tokens import RustTokenizer
from isogloss.encode.words import windows

WORDS = [["ab", "c", "dea"], [], ["b"], ["ab", "c", "dea", "bb", "a"]]


@given(total=st.integers(0, 60), size=st.integers(1, 20))
def test_windows_keep_each_token_once_and_in_context(total, size):
    made = windows(total, size)
    assert [i for w in made for i in range(w.first, w.last)] == list(range(total))
    for w in made:
        assert w.start <= w.first < w.last <= w.stop and w.stop - w.start <= size
        assert w.start == 0 or w.first - w.start >= size // 4
        assert w.stop == total or w.stop - w.last >= size // 4


@pytest.mark.parametrize("kind", ["bert", "roberta", "gpt2", "llama", "t5"])
def test_tokens_of_words_are_those_of_the_text(kind, tiny):
    encoder = load_encoder(tiny(kind))
    last = encoder.layers[-1]
    found = encoder.encode_words(WORDS, layers=[0, last])
    vectors = found[last]
    assert vectors.lengths.tolist() == [3, 0, 1, 5] and vectors.silent == 0
    assert np.diff(vectors.starts).tolist() == [6, 0, 1, 9]  # a letter is a token here
    assert vectors.words.tolist() == [0, 0, 1, 2, 2, 2, 0, 0, 0, 1, 2, 2, 2, 3, 3, 4]
    again = encoder.encode_words(WORDS[3:], layers=[last])[last]  # alone as in a batch
    np.testing.assert_allclose(vectors.array[vectors.starts[3] :], again.array, atol=1e-5)
    mean = encoder.encode([" ".join(WORDS[3])], language="eng_Latn", pooling="mean")[last].array
    if kind in ("gpt2", "llama"):  # the others put special tokens into the mean
        np.testing.assert_allclose(again.array.mean(0), mean[0], atol=1e-5)


def test_a_long_sentence_is_read_in_parts_and_the_first_part_as_it_is_alone(tiny):
    encoder = load_encoder(tiny("bert"))
    size = encoder.window - 2
    words = list("abcdefghij" * size)[: 2 * size + 7]
    vectors = encoder.encode_words([words, ["a"]])[encoder.layers[-1]]
    assert vectors.windowed == 1 and len(vectors.array) == len(words) + 1
    alone = encoder.encode_words([words[:size]])[encoder.layers[-1]]
    kept = windows(len(words), size)[0].last
    assert alone.windowed == 0 and 0 < kept < size
    np.testing.assert_allclose(vectors.array[:kept], alone.array[:kept], atol=1e-5)


def test_a_word_without_a_token_is_counted(tiny):
    vectors = load_encoder(tiny("bert")).encode_words([["ab", "\u0000", "c"]])
    last = vectors[max(vectors)]
    assert last.lengths.tolist() == [3]
    assert last.silent == 3 - len(set(last.words.tolist()))


def test_a_token_that_is_a_space_belongs_to_the_word_behind_it():
    pieces = ["<unk>", "▁", "a", "b", "▁a"]
    model = models.Unigram([(p, -1.0 - i / 10) for i, p in enumerate(pieces)], unk_id=0)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    [made] = RustTokenizer(tokenizer, 99, 0, special=False).split([["a", "bb", "b"]])
    assert [pieces[i] for i in made.ids] == ["▁a", "▁", "b", "b", "▁", "b"]
    assert made.words.tolist() == [0, 1, 1, 1, 2, 2]
