"""Archives of numpy: two arrays, never pickle, and only the rows asked for."""

import gzip

import numpy as np
import pytest

from isogloss.encode import read_word_vectors
from isogloss.encode.word_vectors import npz
from isogloss.errors import CorpusError

WORDS = ["New York", "，", "\u00a0", "z"]
ARRAY = np.random.default_rng(0).normal(size=(4, 3))


@pytest.mark.parametrize("name", ["words", "vocabulary"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_words_and_vectors_of_any_layout(tmp_path, name, save, order, dtype):
    array = np.asarray(ARRAY, dtype, order=order)
    save(tmp_path / "x.npz", **{name: np.array(WORDS), "vectors": array, "other": np.eye(2)})
    found = read_word_vectors(tmp_path / "x.npz")
    assert list(found.words) == WORDS and found.array.dtype == np.float32
    assert np.array_equal(found.array, array.astype(np.float32))
    some = read_word_vectors(tmp_path / "x.npz", limit=3)
    assert np.array_equal(some.array, found.array[:3]) and some.words == found.words[:3]
    assert some.about["left_out"] == {"beyond the limit": 1}


def test_words_may_be_bytes_of_utf8(tmp_path):
    words = np.array([word.encode() for word in WORDS])
    np.savez(tmp_path / "x.npz", words=words, vectors=ARRAY)
    assert list(read_word_vectors(tmp_path / "x.npz").words) == WORDS


def test_a_limit_reads_no_further(tmp_path, monkeypatch):
    np.savez(tmp_path / "x.npz", words=np.array(WORDS), vectors=ARRAY)
    read = []
    plain = npz._Array._numbers
    monkeypatch.setattr(
        npz._Array, "_numbers", lambda self, shape: read.append(shape) or plain(self, shape)
    )
    read_word_vectors(tmp_path / "x.npz", limit=2)
    assert read == [(2,), (2, 3)]


BAD = {
    "names": ({"vector": ARRAY, "words": WORDS}, r"holds vector, words, not `vectors` and `words`"),
    "objects": ({"vectors": ARRAY, "words": np.array(WORDS, object)}, r"object \[4\]"),
    "object vectors": ({"vectors": ARRAY.astype(object), "words": WORDS}, r"object \[4, 3\]"),
    "counts": ({"vectors": ARRAY, "words": WORDS[:3]}, r"has 3 words and 4 vectors"),
    "shape": ({"vectors": ARRAY[0], "words": WORDS}, r"float64 \[3\], not numbers \[n, d\]"),
    "complex": ({"vectors": ARRAY * 1j, "words": WORDS}, r"complex128 \[4, 3\]"),
    "overflow": ({"vectors": ARRAY * 1e300, "words": WORDS}, r"row 1: .* NaN or infinity"),
    "surrogate": ({"vectors": ARRAY, "words": ["a", "\ud800", "b", "c"]}, r"row 2: .*not UTF-8"),
    "twice": ({"vectors": ARRAY, "words": list("abba")}, r"row 3: the word 'b' occurs twice"),
    "none": ({"vectors": ARRAY[:0], "words": np.array([], str)}, r"holds no word vector"),
}


@pytest.mark.parametrize(("arrays", "message"), BAD.values(), ids=BAD)
def test_bad_archives(tmp_path, arrays, message):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(CorpusError, match=rf"x.npz: .*{message}") as caught:
        read_word_vectors(tmp_path / "x.npz")
    assert caught.value.remedy


@pytest.mark.parametrize("cut", [10, 100, 300, 900])
def test_damaged_archives(tmp_path, cut):
    np.savez(tmp_path / "x.npz", words=np.array(WORDS), vectors=np.zeros((4, 99)))
    data = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(data[:-cut])
    with pytest.raises(CorpusError, match="damaged numpy archive"):
        read_word_vectors(tmp_path / "x.npz")
    damaged = data.replace(bytes(cut), bytes(cut - 1) + b"?", 1)
    assert damaged != data
    (tmp_path / "x.npz").write_bytes(damaged)
    with pytest.raises(CorpusError, match="damaged numpy archive"):
        read_word_vectors(tmp_path / "x.npz")
    (tmp_path / "x.npz").write_bytes(data.replace(b"'descr'", b"'descr,"))
    with pytest.raises(CorpusError, match="damaged numpy archive"):
        read_word_vectors(tmp_path / "x.npz")
    (tmp_path / "x.npz").write_bytes(gzip.compress(data))
    with pytest.raises(CorpusError, match=r"packed with gzip.*\n.*gunzip"):
        read_word_vectors(tmp_path / "x.npz")
