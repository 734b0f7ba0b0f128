import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoModel, AutoModelForTextEncoding, AutoTokenizer, ByT5Tokenizer

from isogloss.encode import load_encoder
from isogloss.errors import ModelError, TruncationError, UsageError, VectorError

KINDS = ("bert", "roberta", "xlm-roberta", "gpt2", "llama", "mamba", "t5", "t5-encoder")
POOLINGS = ("mean", "cls", "last", "weighted")
TEXTS = ["abc", None, "the cat sat on the mat", "a", "q", "zzz", "été b", "ab " * 10, "mat"]


def plain_loop(folder, text, layer, pooling):
    """One text at a time through transformers, pooled by hand in float64."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    auto = AutoModelForTextEncoding if folder.name == "t5-encoder" else AutoModel
    model = auto.from_pretrained(folder).eval()
    model = model.get_encoder() if model.config.is_encoder_decoder else model
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        states = model(input_ids=ids, output_hidden_states=True).hidden_states
    hidden = states[layer][0].double().numpy()  # [t, d]
    if pooling == "cls":
        return hidden[0]
    if pooling == "last":
        return hidden[-1]
    total, weight = 0.0, 0
    for i, vector in enumerate(hidden):
        w = i + 1 if pooling == "weighted" else 1
        total, weight = total + w * vector, weight + w
    return total / weight


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_and_pooling_equals_a_plain_loop(kind, tiny):
    folder = tiny(kind)
    for fast in ("auto", "no"):
        encoder = load_encoder(folder, fast=fast)
        assert encoder.layers == (0, 1, 2, 3)
        for pooling in POOLINGS:
            found = encoder.encode(TEXTS, language="eng_Latn", layers=range(4), pooling=pooling)
            for layer, vectors in found.items():
                assert vectors.rows.tolist() == [0, 2, 3, 4, 5, 6, 7, 8]
                assert (vectors.layer, vectors.pooling, vectors.total) == (layer, pooling, 9)
                row = 2 + layer  # a text of another length at each layer
                at = vectors.rows.tolist().index(row)
                expected = plain_loop(folder, TEXTS[row], layer, pooling)
                np.testing.assert_allclose(vectors.array[at], expected, atol=1e-5)


def test_both_ways_agree_on_every_text_and_layer(tiny):
    for kind in ("bert", "roberta"):
        folder = tiny(kind)
        ours = load_encoder(folder).encode(TEXTS, language="eng_Latn", layers=range(4))
        theirs = load_encoder(folder, fast="no").encode(TEXTS, language="eng_Latn", layers=range(4))
        for layer in range(4):
            np.testing.assert_allclose(ours[layer].array, theirs[layer].array, atol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_a_batch_of_one_equals_a_batch_of_many_in_the_callers_order(kind, tiny):
    encoder = load_encoder(tiny(kind))
    words = st.text("abcdefgh ", min_size=1, max_size=60)

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.none() | words, min_size=1, max_size=12))
    def check(texts):
        many = encoder.encode(texts, language="eng_Latn", layers=[0, 3])
        for layer in (0, 3):
            alone = [
                encoder.encode([t], language="eng_Latn", layers=[layer])[layer].array
                for t in texts
                if t is not None
            ]
            expected = np.concatenate(alone) if alone else np.zeros((0, 16))
            np.testing.assert_allclose(many[layer].array, expected, atol=1e-5)

    check()


def test_default_pooling_layer_and_window(tiny):
    bert, gpt2 = load_encoder(tiny("bert")), load_encoder(tiny("gpt2"))
    roberta = load_encoder(tiny("roberta"))
    assert (bert.pooling, gpt2.pooling) == ("mean", "last")
    assert (bert.window, gpt2.window, roberta.window) == (40, 40, 40)
    assert list(bert.encode(["a"], language="eng_Latn")) == [3]
    assert list(bert.encode(["a"], language="eng_Latn", layers=[-1, 0, 3])) == [3, 0]


@pytest.mark.parametrize("kind", ["bert", "roberta", "gpt2"])
def test_what_is_cut_is_counted_and_strict_refuses(kind, tiny):
    encoder = load_encoder(tiny(kind, truncate=7))  # the tokenizer's own limit is overridden
    texts = ["ab", None, "abcde " * 20, "cd", "e" * 50]
    vectors = encoder.encode(texts, language="eng_Latn")[3]
    special = 0 if kind == "gpt2" else 2
    assert vectors.tokens.tolist() == [n + special for n in (2, 100, 2, 50)]
    assert vectors.truncated == 2
    with pytest.raises(TruncationError, match=r"2 of 4 texts .* \(rows 2, 4"):
        encoder.encode(texts, language="eng_Latn", strict=True)


def test_a_cut_text_keeps_its_special_tokens(tiny):
    encoder = load_encoder(tiny("bert"))
    long, cut = "a " * 60, "a " * 38  # 38 tokens and two special ones fill the window of 40
    both = encoder.encode([long, cut], language="eng_Latn")[3].array
    np.testing.assert_allclose(both[0], both[1], atol=1e-6)


def test_nothing_to_encode(tiny):
    bert = load_encoder(tiny("bert")).encode([None, None], language="eng_Latn")[3]
    assert bert.array.shape == (0, 16)
    assert bert.total == 2
    gpt2 = load_encoder(tiny("gpt2")).encode(["", "a"], language="eng_Latn")[3]
    assert gpt2.tokens.tolist() == [0, 1]
    assert not gpt2.array[0].any()  # no token, so zeros: similar to nothing, still counted


def test_progress_counts_every_row(tiny):
    seen = []
    load_encoder(tiny("gpt2")).encode(["a", None, "", "bc"], language="x", progress=seen.append)
    assert sum(seen) == 4


def test_the_reader_tells_how_texts_are_cut(tiny):
    encoder = load_encoder(tiny("bert"))
    reader = encoder.reader
    assert (reader.window, reader.added, reader.lower) == (encoder.window, 2, False)
    assert reader.tokenizer.id_to_token(reader.unknown) == "[UNK]"
    assert reader.tokenizer.truncation is None and reader.tokenizer.padding is None


def test_a_tokenizer_written_in_python(tiny):
    folder = tiny("t5")
    (folder / "tokenizer.json").unlink()
    ByT5Tokenizer(extra_ids=0).save_pretrained(folder)
    encoder = load_encoder(folder)
    assert encoder.reader.tokenizer is encoder._tokenizer._tokenizer
    assert (encoder.reader.window, encoder.reader.added) == (encoder.window, 1)
    ids = encoder._tokenizer.read(["!" * 600, "#"])
    assert ids.lengths.tolist() == [601, 2]
    assert [len(x) for x in ids.ids] == [encoder.window, 2]


def test_vectors_with_nan_are_refused(tiny):
    from safetensors.torch import load_file, save_file

    for kind in ("bert", "gpt2"):
        file = tiny(kind) / "model.safetensors"
        tensors = load_file(file)
        name = next(k for k in tensors if "word_embeddings" in k or k == "wte.weight")
        tensors[name][4] = 3e38  # the letter a; its square is too large
        save_file(tensors, file, {"format": "pt"})
        with pytest.raises(VectorError, match="1 of 2 vectors hold NaN"):
            load_encoder(file.parent).encode(["b", "a"], language="eng_Latn")


def test_weights_that_are_not_finite_are_refused(tiny):
    from safetensors.torch import load_file, save_file

    file = tiny("bert") / "model.safetensors"
    tensors = load_file(file)
    name = next(k for k in tensors if k.endswith("query.weight"))
    for value in ("nan", "inf"):
        tensors[name][0, 0] = float(value)
        save_file(tensors, file, {"format": "pt"})
        with pytest.raises(ModelError, match=r"query\.weight holds values that are not finite"):
            load_encoder(file.parent)


def test_missing_weights_are_counted(tiny):
    from safetensors.torch import load_file, save_file

    file = tiny("bert") / "model.safetensors"
    tensors = load_file(file)
    gone = [k for k in tensors if "layer.1." in k]
    save_file({k: v for k, v in tensors.items() if k not in gone}, file, {"format": "pt"})
    with pytest.raises(ModelError, match=f"{len(gone)} weights are missing"):
        load_encoder(file.parent)


def test_a_missing_pooler_does_not_matter(tiny):
    from safetensors.torch import load_file, save_file

    file = tiny("bert") / "model.safetensors"
    tensors = {k: v for k, v in load_file(file).items() if not k.startswith("pooler")}
    save_file(tensors, file, {"format": "pt"})
    assert load_encoder(file.parent).layers == (0, 1, 2, 3)


def test_wrong_names_list_the_right_ones(tiny):
    folder = tiny("bert")
    encoder = load_encoder(folder)
    with pytest.raises(UsageError, match="known: mean, cls, last, weighted"):
        encoder.encode(["a"], language="eng_Latn", pooling="median")
    with pytest.raises(UsageError, match="its layers are 0 to 3"):
        encoder.encode(["a"], language="eng_Latn", layers=[4])
    with pytest.raises(UsageError, match="one of auto, no"):
        load_encoder(folder, fast="warp")


def test_the_plain_products_equal_the_fused_ones(tiny, monkeypatch):
    from isogloss.encode import products

    for kind in ("bert", "gpt2"):
        folder = tiny(kind)
        fused = load_encoder(folder).encode(TEXTS, language="eng_Latn")[3].array
        with monkeypatch.context() as patch:
            patch.setattr(products, "has_fused", lambda: False)
            plain = load_encoder(folder).encode(TEXTS, language="eng_Latn")[3].array
        np.testing.assert_allclose(fused, plain, atol=1e-5)


def test_a_padding_token_inside_a_text_is_a_token_like_any_other(tiny):
    folder = tiny("roberta")
    found = load_encoder(folder).encode(["ab [PAD] c"], language="eng_Latn")[3].array
    expected = load_encoder(folder, fast="no").encode(["ab [PAD] c"], language="eng_Latn")[3].array
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_minilm_equals_sentence_transformers(minilm):
    st_library = pytest.importorskip("sentence_transformers")
    texts = [
        "Hello",
        "नमस्ते दुनिया",
        "The cat sat on the mat. " * 60,
        "",
        "x" * 3000,
        "Kia ora koutou",
    ]
    theirs = st_library.SentenceTransformer(minilm, device="cpu").encode(texts)
    for fast in ("auto", "no"):
        encoder = load_encoder(minilm, fast=fast)
        assert (encoder.window, encoder.licence) == (256, "apache-2.0")
        vectors = encoder.encode(texts, language="eng_Latn")[6]
        ours = vectors.array / np.linalg.norm(vectors.array, axis=1, keepdims=True)
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
        assert vectors.truncated == 1  # the 3,000 letters are one unknown token


def test_loading_says_nothing(tiny, capfd):
    folder = tiny("bert")
    capfd.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_encoder(folder).encode(["a"], language="eng_Latn")
    out, err = capfd.readouterr()
    assert out + err == ""


def test_ids_that_somebody_put_together_are_read_as_texts_are(minilm):
    encoder = load_encoder(minilm)
    texts = ["A house by the sea.", "", "Why?"]
    ids = [np.array(encoder.reader.tokenizer.encode(t).ids, np.int32) for t in texts]
    found = encoder.encode_ids([*ids, ids[0][:0]], language="eng_Latn", layers=[3, 6])
    for layer, read in encoder.encode(texts, language="eng_Latn", layers=[3, 6]).items():
        np.testing.assert_allclose(found[layer][:3], read.array, atol=1e-5)
        assert not found[layer][3].any()
