"""A model with a fallback reads covered words as before and the others by rows of their own."""

import shutil

import numpy as np
import pytest
import torch

from isogloss.encode import load_encoder
from isogloss.encode.fallback_words import Rule
from isogloss.encode.folder import open_folder
from isogloss.encode.pixel_network import (
    FallbackNetwork,
    Shape,
    load_fallback,
    save_fallback,
    word_rows,
)
from isogloss.encode.pixels import Bytes
from isogloss.encode.resolve import load_reader
from isogloss.errors import ModelError

COVERED = ["ab cd", "hello", "a b c d e f"]
MIXED = ["ab слово cd", "слово", None, "日本 и a", "слово слово мир", "a"]


@pytest.fixture
def beside(tiny):
    """From a kind to the folder of such a model with a fallback over bytes."""

    def make(kind, columns=16):
        folder = tiny(kind)
        torch.manual_seed(1)
        network = FallbackNetwork(
            Shape(inputs=256, columns=columns, longest=20, width=16, heads=2, layers=1)
        )
        torch.nn.init.normal_(network.core.leave.weight, std=0.3)
        save_fallback(folder, network, Bytes(20), Rule(pieces=None), {})
        return folder

    return make


def only(encoder, texts, **options):
    return next(iter(encoder.encode(texts, language="rus_Cyrl", **options).values()))


@pytest.mark.parametrize("kind", ["bert", "roberta", "gpt2", "t5"])
def test_covered_texts_have_the_vectors_of_the_model_alone(beside, tmp_path, kind):
    folder = beside(kind)
    plain = shutil.copytree(folder, tmp_path / "plain")
    (plain / "pixel_fallback.json").unlink()
    (plain / "pixel_fallback.safetensors").unlink()
    encoder = load_encoder(folder)
    only(encoder, MIXED)  # rows of words are there now
    found, expected = only(encoder, COVERED), only(load_encoder(plain), COVERED)
    np.testing.assert_array_equal(found.array, expected.array)
    assert found.model_fingerprint != expected.model_fingerprint


@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama", "t5"])
def test_words_are_rows_of_the_network_in_the_place_of_their_tokens(beside, kind):
    from isogloss.encode.weights import load_body

    folder = beside(kind)
    encoder = load_encoder(folder)
    tokenizer = encoder.reader.tokenizer
    network, renderer, _ = load_fallback(folder)
    body = load_body(open_folder(folder, "x"))
    table = body.get_input_embeddings().weight.detach()
    row = word_rows(network, renderer, ["слово"])
    own = [tokenizer.encode(x, add_special_tokens=False).ids for x in ("ab", "cd")]
    whole = tokenizer.encode("ab").ids
    first = whole[: whole.index(own[0][0])]
    last = whole[len(first) + len(own[0]) :]
    embedded = torch.cat([table[first + own[0]], row, table[own[1] + last]])[None]
    with torch.no_grad():
        states = body(inputs_embeds=embedded).last_hidden_state[0].numpy()
    expected = states[-1] if encoder.pooling == "last" else states.mean(0)
    np.testing.assert_allclose(only(encoder, MIXED[:1]).array[0], expected, atol=2e-5)


def test_one_text_and_many_give_the_same_vectors(beside):
    folder = beside("bert")
    for fast in ("auto", "no"):
        many = load_encoder(folder, fast=fast).encode(MIXED, language="rus_Cyrl", layers=[0, 2, 3])
        for at, text in enumerate(t for t in MIXED if t is not None):
            one = load_encoder(folder).encode([text], language="rus_Cyrl", layers=[0, 2, 3])
            for layer, vectors in one.items():
                np.testing.assert_allclose(vectors.array[0], many[layer].array[at], atol=1e-5)


def test_the_row_of_a_word_does_not_depend_on_its_place(beside):
    """Layer 0 of two texts that differ in the place of one word differs by positions alone."""
    encoder = load_encoder(beside("t5"))  # no positions in the embedding layer
    a, b = (only(encoder, [text], layers=[0]).array[0] for text in ("ab слово", "слово ab"))
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_each_word_is_drawn_once(beside, monkeypatch):
    drawn = []
    draw = Bytes.draw
    monkeypatch.setattr(Bytes, "draw", lambda self, word: drawn.append(word) or draw(self, word))
    encoder = load_encoder(beside("bert"))
    first = only(encoder, MIXED).array
    np.testing.assert_array_equal(only(encoder, MIXED).array, first)
    only(encoder, ["новое слово"])
    assert sorted(drawn) == sorted(["слово", "日本", "и", "мир", "новое"])


def test_with_too_many_words_it_begins_anew(beside, monkeypatch):
    monkeypatch.setattr("isogloss.encode.fallback_words._MOST", 2)
    folder = beside("bert")
    encoder, fresh = load_encoder(folder), load_encoder(folder)
    for texts in (MIXED, ["новое", "a"], MIXED[::-1], MIXED):
        np.testing.assert_allclose(only(encoder, texts).array, only(fresh, texts).array, atol=1e-5)
        fresh = load_encoder(folder)


def test_words_in_context_and_counts(beside):
    encoder = load_encoder(beside("bert"))
    found = encoder.encode_words([["ab", "слово", "c"], ["мир"]])[3]
    assert found.words.tolist() == [0, 0, 1, 2, 0] and found.silent == 0
    vectors = only(encoder, ["слово " * 60])
    assert vectors.tokens.tolist() == [62] and vectors.truncated == 1
    covered = encoder.coverage(MIXED)
    assert (covered.words, covered.replaced, covered.undrawn) == (11, 7, 0)


def test_readers_tell_of_the_models_own_tokenizer(beside):
    folder = beside("bert")
    reader = load_reader(folder)
    assert reader.unknown == 1
    assert reader.tokenizer.encode("слово", add_special_tokens=False).ids == [1]
    assert load_encoder(folder).reader.unknown == 1


def test_a_network_of_another_width_is_refused(beside):
    with pytest.raises(ModelError, match="rows of 12 columns for a table of 16"):
        load_encoder(beside("bert", columns=12))
