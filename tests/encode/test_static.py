import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from isogloss.encode import load_encoder
from isogloss.errors import ModelError, TruncationError, UsageError

TEXTS = ["abc", None, "the cat", "é", "q" * 30, "zebra crossing"]


@pytest.mark.parametrize("truncate", [None, 5])
def test_equals_sentence_transformers(tiny_static, truncate):
    from sentence_transformers import SentenceTransformer

    folder = tiny_static(truncate=truncate)
    encoder = load_encoder(folder)
    assert (encoder.layers, encoder.pooling) == ((0,), "mean")
    vectors = encoder.encode(TEXTS, language="eng_Latn")[0]
    theirs = SentenceTransformer(str(folder)).encode([t for t in TEXTS if t is not None])
    np.testing.assert_allclose(vectors.array, theirs, atol=1e-6)
    assert vectors.rows.tolist() == [0, 2, 3, 4, 5]
    assert vectors.tokens.tolist() == [3, 6, 1, 30, 13]
    assert vectors.truncated == (3 if truncate else 0)


def test_a_text_without_tokens_gets_zeros_and_the_others_keep_their_place(tiny_static):
    encoder = load_encoder(tiny_static())
    array = encoder.encode(["", "abc", ""], language="eng_Latn")[0].array
    assert not array[0].any() and not array[2].any()
    np.testing.assert_array_equal(array[1], encoder.encode(["abc"], language="x")[0].array[0])


def test_strict_and_wrong_switches(tiny_static):
    encoder = load_encoder(tiny_static(truncate=5))
    with pytest.raises(TruncationError):
        encoder.encode(TEXTS, language="eng_Latn", strict=True)
    with pytest.raises(UsageError, match="no layer 1"):
        encoder.encode(TEXTS, language="eng_Latn", layers=[1])
    with pytest.raises(UsageError, match="mean"):
        encoder.encode(TEXTS, language="eng_Latn", pooling="cls")


def test_the_reader_adds_no_special_tokens(tiny_static):
    reader = load_encoder(tiny_static(truncate=5)).reader
    assert (reader.window, reader.added) == (5, 0)
    assert reader.tokenizer.encode("ab é").ids.count(reader.unknown) == 1


def test_mapped_and_weighted_tables_are_folded(tiny_static):
    folder = tiny_static()
    plain = load_encoder(folder).encode(["abc"], language="eng_Latn")[0].array
    file = next(folder.rglob("model.safetensors"))
    table = load_file(file)["embedding.weight"]
    order = np.random.default_rng(0).permutation(len(table))
    weights = np.linspace(0.5, 2, len(table)).astype(np.float32)
    scaled = table / weights[:, None]
    save_file({"embeddings": scaled[order], "mapping": np.argsort(order), "weights": weights}, file)
    again = load_encoder(folder).encode(["abc"], language="eng_Latn")[0].array
    np.testing.assert_allclose(again, plain, rtol=1e-5)


def test_damaged_folders(tiny_static):
    folder = tiny_static()
    file = next(folder.rglob("model.safetensors"))
    table = load_file(file)["embedding.weight"]
    save_file({"embedding.weight": table[:-3]}, file)
    with pytest.raises(ModelError, match="56 tokens and the table 53 rows"):
        load_encoder(folder)
    save_file({"other": table}, file)
    with pytest.raises(ModelError, match="no table of static vectors"):
        load_encoder(folder)
    next(folder.rglob("tokenizer.json")).unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        load_encoder(folder)
