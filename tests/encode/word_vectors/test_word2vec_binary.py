"""word2vec binary, with and without the line feeds that only some tools write."""

import gzip

import numpy as np
import pytest

from isogloss.corpus import text_files
from isogloss.encode import read_word_vectors
from isogloss.encode.word_vectors import table
from isogloss.errors import CorpusError

WORDS = ["</s>", "，", "New_York", "\u00a0", "7", "z"]
ARRAY = np.random.default_rng(1).normal(size=(6, 4)).astype("<f4")


def binary(words=WORDS, array=ARRAY, feed=b"\n", promised=None):
    rows = [
        (word if isinstance(word, bytes) else word.encode()) + b" " + row.tobytes() + feed
        for word, row in zip(words, array, strict=True)
    ]
    return f"{promised or len(words)} {array.shape[1]}\n".encode() + b"".join(rows)


@pytest.mark.parametrize("feed", [b"\n", b""])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("block", [None, 7, 64])
def test_words_and_values_are_read_as_they_are(tmp_path, monkeypatch, feed, packed, block):
    data = binary(feed=feed)
    (tmp_path / "x.txt").write_bytes(gzip.compress(data) if packed else data)
    if block:
        start = table.look(tmp_path / "x.txt")
        monkeypatch.setattr("isogloss.encode.word_vectors.look", lambda path: start)
        monkeypatch.setattr(text_files, "BLOCK", block)
    found = read_word_vectors(tmp_path / "x.txt")
    assert list(found.words) == WORDS and np.array_equal(found.array, ARRAY)
    assert found.about["format"] == "word2vec_binary.v1" and found.about["rows"] == 6
    some = read_word_vectors(tmp_path / "x.txt", limit=2)
    assert list(some.words) == WORDS[:2] and some.about["left_out"] == {"beyond the limit": 4}


def test_it_reads_what_gensim_writes(tmp_path):
    models = pytest.importorskip("gensim.models", reason="compares with gensim")
    vectors = models.KeyedVectors(4)
    vectors.add_vectors(WORDS, ARRAY)
    for name, is_binary in (("x.bin", True), ("x.vec", False)):
        vectors.save_word2vec_format(str(tmp_path / name), binary=is_binary)
        found = read_word_vectors(tmp_path / name)
        assert ("binary" in found.about["format"]) is is_binary
        assert list(found.words) == vectors.index_to_key
        assert np.array_equal(found.array, vectors.vectors)


def with_bad(value):
    array = ARRAY.copy()
    array[3, 1] = value
    return array


BAD = {
    "cut": (binary()[:-9], r"x: row 6: the file ends .* promises 6 rows\n.*cut"),
    "cut in a word": (binary()[: 4 + 5 + 17 + 1], r"x: row 2: the file ends"),
    "short": (binary(promised=9), r"x: row 7: the file ends .* promises 9 rows\n"),
    "more": (binary(promised=5), r"x: goes on after the 5 rows"),
    "nan": (binary(array=with_bad(np.nan)), r"x: row 4: the vector of '\\xa0' holds NaN"),
    "twice": (binary([*WORDS[:5], "，"]), r"x: row 6: the word '，' occurs twice, first in row 2"),
    "utf-8": (binary([b"\xe4", *WORDS[1:]]), r"x: row 1: the word b'\\xe4' is not UTF-8\n"),
    "no word": (binary([b"", *WORDS[1:]]), r"x: row 1: the row has no word\n"),
}


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_bad_files(tmp_path, data, message):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(CorpusError, match=message) as caught:
        read_word_vectors(tmp_path / "x")
    assert caught.value.remedy


def test_words_that_are_not_utf8_are_left_out_when_asked(tmp_path):
    (tmp_path / "x").write_bytes(binary([b"\xe4", *WORDS[1:]]))
    found = read_word_vectors(tmp_path / "x", bad_rows="skip")
    assert list(found.words) == WORDS[1:] and found.about["left_out"] == {"not UTF-8": 1}
    assert np.array_equal(found.array, ARRAY[1:])
