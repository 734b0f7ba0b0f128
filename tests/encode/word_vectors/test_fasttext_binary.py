"""fastText models: a tiny file written field by field, against a plain and slow reading."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.encode import read_word_vectors
from isogloss.encode.word_vectors import fasttext_binary
from isogloss.encode.word_vectors.fasttext_binary import Subwords, ngram_ids
from isogloss.errors import CorpusError

WORDS = ["</s>", "the", "Straße", "，", "語学", "a", "\u00a0", "😀é"]


def slow_hash(data: bytes) -> int:
    """The hash as fastText's C++ says it: every byte is a signed char, widened with its sign."""
    h = 2166136261
    for byte in data:
        signed = byte - 256 if byte > 127 else byte
        h = ((h ^ (signed % 2**32)) * 16777619) % 2**32
    return h


def slow_ngrams(word: str, shortest: int, longest: int, buckets: int) -> list[int]:
    found = []
    for n in range(1, longest + 1):
        for i in range(len(word) - n + 1):
            ends = n == 1 and i in (0, len(word) - 1)
            if n >= shortest and not ends:
                found.append(slow_hash(word[i : i + n].encode()) % buckets)
    return found


def slow_vector(row, word, n, matrix, shortest, longest, buckets):
    rows = [row]
    if word != "</s>":
        rows += [n + b for b in slow_ngrams(f"<{word}>", shortest, longest, buckets)]
    return sum(matrix[r].astype(np.float64) for r in rows) / len(rows)


def model(
    words=WORDS,
    labels=(),
    *,
    matrix,
    shortest=2,
    longest=4,
    buckets=50,
    kind=2,
    version=12,
    quantised=False,
    pruned=-1,
):
    """The bytes of a model file, as `FastText::saveModel` puts them."""
    n, d = len(words), matrix.shape[1]
    data = struct.pack("<ii", 793712314, version)
    data += struct.pack("<12i", d, 5, 5, 1, 5, 1, 2, kind, buckets, shortest, longest, 100)
    data += struct.pack("<d", 1e-4)
    data += struct.pack("<iiiqq", n + len(labels), n, len(labels), 999, pruned)
    for is_label, word in [*((0, w) for w in words), *((1, w) for w in labels)]:
        data += (word if isinstance(word, bytes) else word.encode()) + b"\0"
        data += struct.pack("<qb", 7, is_label)
    data += struct.pack("<?qq", quantised, *matrix.shape) + matrix.astype("<f4").tobytes()
    return data + struct.pack("<?qq", False, n, d) + matrix[:n].astype("<f4").tobytes()


def table(n=8, buckets=50, d=6):
    return np.random.default_rng(n).normal(size=(n + buckets, d)).astype(np.float32)


@pytest.mark.parametrize("name", ["x.bin", "xy.bin", "xyz.bin", "wxyz.bin"])
@pytest.mark.parametrize(("shortest", "longest"), [(1, 1), (1, 3), (2, 4), (3, 6), (5, 5)])
def test_vectors_are_means_of_words_and_ngrams(tmp_path, name, shortest, longest):
    # The dictionary's length moves the matrix off multiples of 4.
    words = [*WORDS, name.removesuffix(".bin")]
    matrix = table(len(words))
    data = model(words, matrix=matrix, shortest=shortest, longest=longest)
    (tmp_path / name).write_bytes(data)
    found = read_word_vectors(tmp_path / name)
    expected = [
        slow_vector(i, word, len(words), matrix, shortest, longest, 50)
        for i, word in enumerate(words)
    ]
    assert list(found.words) == words and np.allclose(found.array, expected, atol=1e-6)
    assert not np.allclose(found.array[1:], matrix[1 : len(words)], atol=1e-2)
    about = found.about
    assert about["format"] == "fasttext_binary.v1" and about["fasttext"]["model"] == "skipgram"
    assert about["fasttext"]["minn"] == shortest and about["fasttext"]["bucket"] == 50


# Known values of the 32-bit FNV-1a for ASCII; signs of bytes matter beyond it.
@pytest.mark.parametrize(
    ("text", "value"), [("a", 0xE40C292C), ("foobar", 0xBF9CF968), ("b", 0xE70C2DE5)]
)
def test_the_hash_of_ascii_is_fnv1a(text, value):
    assert slow_hash(text.encode()) == value
    of, ids = ngram_ids([b"<" + text.encode() + b">"], Subwords(len(text), len(text), 2**31 - 1))
    assert value % (2**31 - 1) in ids and set(of) == {0}


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=6),
    st.integers(0, 5),
    st.integers(0, 6),
    st.integers(1, 2**31 - 1),
)
def test_ngrams_are_those_of_the_slow_reading(words, shortest, longest, buckets):
    spelt = [f"<{word}>" for word in words]
    of, ids = ngram_ids([w.encode() for w in spelt], Subwords(shortest, longest, buckets))
    for i, word in enumerate(spelt):
        assert ids[of == i].tolist() == slow_ngrams(word, shortest, longest, buckets)


def test_the_hash_is_gensims_too():
    fasttext = pytest.importorskip("gensim.models.fasttext", reason="compares with gensim")
    for word in WORDS:
        assert slow_hash(word.encode()) == fasttext.ft_hash_bytes(word.encode())


def test_vectors_are_gensims_too(tmp_path):
    fasttext = pytest.importorskip("gensim.models.fasttext", reason="compares with gensim")
    matrix = table(len(WORDS) - 1)
    (tmp_path / "x.bin").write_bytes(model(WORDS[1:], matrix=matrix, shortest=1))
    theirs = fasttext.load_facebook_vectors(str(tmp_path / "x.bin"))
    found = read_word_vectors(tmp_path / "x.bin")
    assert list(found.words) == theirs.index_to_key
    assert np.allclose(found.array, theirs.vectors, atol=1e-6)


def test_labels_of_a_supervised_model_are_no_words(tmp_path):
    data = model(labels=["__label__x", "__label__y"], matrix=table(), kind=3)
    (tmp_path / "x.bin").write_bytes(data)
    found = read_word_vectors(tmp_path / "x.bin")
    assert list(found.words) == WORDS and found.about["fasttext"]["labels"] == 2
    assert found.about["rows"] == len(WORDS)
    expected = [slow_vector(i, w, len(WORDS), table(), 2, 4, 50) for i, w in enumerate(WORDS)]
    assert np.allclose(found.array, expected, atol=1e-6)


def test_old_supervised_models_have_no_ngrams_and_so_has_a_model_without_buckets(tmp_path):
    (tmp_path / "x.bin").write_bytes(model(matrix=table(), kind=3, version=11))
    assert np.array_equal(read_word_vectors(tmp_path / "x.bin").array, table()[: len(WORDS)])
    data = model(matrix=table(buckets=0), longest=0, shortest=0, buckets=0)
    (tmp_path / "x.bin").write_bytes(data)
    assert np.array_equal(
        read_word_vectors(tmp_path / "x.bin").array, table(buckets=0)[: len(WORDS)]
    )


@pytest.mark.parametrize("gathered", [1, 9, 40])
def test_a_limit_and_blocks_of_any_size_give_the_same(tmp_path, monkeypatch, gathered):
    (tmp_path / "x.bin").write_bytes(model(matrix=table()))
    whole = read_word_vectors(tmp_path / "x.bin")
    monkeypatch.setattr(fasttext_binary, "_GATHERED", gathered)
    some = read_word_vectors(tmp_path / "x.bin", limit=3)
    assert some.words == whole.words[:3] and np.array_equal(some.array, whole.array[:3])
    assert some.about["left_out"] == {"beyond the limit": 5}


def test_words_that_are_not_utf8_count_and_keep_the_others_in_place(tmp_path):
    words = ["ja", b"\xc3", "nein"]
    (tmp_path / "x.bin").write_bytes(model(words, matrix=table(3)))
    with pytest.raises(CorpusError, match=r"x.bin: row 2: the word b'\\xc3' is not UTF-8\n.*skip"):
        read_word_vectors(tmp_path / "x.bin")
    found = read_word_vectors(tmp_path / "x.bin", bad_rows="skip", limit=2)
    assert found.words == ("ja", "nein") and found.about["left_out"] == {"not UTF-8": 1}
    assert np.allclose(found.array[1], slow_vector(2, "nein", 3, table(3), 2, 4, 50), atol=1e-6)


def infinite():
    return np.full((58, 6), 3e38, np.float32)  # finite, but its sums are not


BAD = {
    "overflow": (model(matrix=infinite()), r"row 2: the vector of 'the' holds NaN or infinity"),
    "quantised": (model(matrix=table(), quantised=True), r"quantised .*\n.*\.vec"),
    "pruned": (model(matrix=table(), pruned=0), r"quantised"),
    "version": (model(matrix=table(), version=13), r"version 13\n.*11 and 12"),
    "header": (model(matrix=table())[:30], r"ends too early\n.*cut"),
    "dictionary": (model(matrix=table())[:120], r"ends too early\n.*cut"),
    "matrix": (model(matrix=table())[:-300], r"ends too early\n.*cut"),
    "rows": (model(matrix=table(), buckets=49), r"damaged .*\[58, 6\] for 8 words"),
    "buckets": (model(matrix=table(buckets=0), buckets=0), r"damaged .*without buckets"),
    "gzip": (gzip.compress(model(matrix=table())), r"packed .*\n.*gunzip"),
    "no words": (model([], matrix=table(0)), r"holds no word vector"),
}


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_bad_models(tmp_path, data, message):
    (tmp_path / "x.bin").write_bytes(data)
    with pytest.raises(CorpusError, match=rf"x.bin: .*{message}") as caught:
        read_word_vectors(tmp_path / "x.bin")
    assert caught.value.remedy
