"""Arrays of numpy with their words in a file beside them."""

import numpy as np
import pytest

from isogloss.encode import read_word_vectors
from isogloss.errors import CorpusError

WORDS = ["New York", "，", "\u00a0", "z 1"]
ARRAY = np.arange(12).reshape(4, 3)


def put(folder, array=ARRAY, text="New York\n，\n\u00a0\nz 1\n", ending=".txt"):
    np.save(folder / "x.npy", array)
    (folder / f"x{ending}").write_text(text, encoding="utf-8")
    return folder / "x.npy"


@pytest.mark.parametrize("ending", [".txt", ".vocab"])
@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32])
def test_a_line_is_a_word(tmp_path, ending, dtype):
    found = read_word_vectors(put(tmp_path, ARRAY.astype(dtype), ending=ending))
    assert list(found.words) == WORDS and found.array.dtype == np.float32
    assert np.array_equal(found.array, ARRAY)
    assert found.about["vocabulary"].endswith(f"x{ending}")
    some = read_word_vectors(tmp_path / "x.npy", limit=3)
    assert np.array_equal(some.array, ARRAY[:3])
    assert some.about["left_out"] == {"beyond the limit": 1} and some.about["rows"] == 4


def test_bad_rows_are_left_out_when_asked(tmp_path):
    array = ARRAY.astype(np.float32)
    array[1, 1] = np.inf
    path = put(tmp_path, array, "a\nb\n\na\n")
    with pytest.raises(CorpusError, match=r"x.npy: row 2: the vector of 'b' holds NaN"):
        read_word_vectors(path)
    found = read_word_vectors(path, bad_rows="skip")
    assert found.words == ("a",)
    assert found.about["left_out"] == {"not finite": 1, "no word": 1, "duplicate word": 1}


BAD = {
    "fewer words": (ARRAY, "a\nb\n", r"x.txt: has 2 lines, but x.npy has 4 rows\n"),
    "more words": (ARRAY, "a\nb\nc\nd\ne\n", r"x.txt: has 5 lines, but x.npy has 4 rows\n"),
    "objects": (ARRAY.astype(object), "a\n", r"x.npy: cannot be read as an array: .*\n.*pickle"),
    "shape": (ARRAY[0], "a\n", r"x.npy: its vectors are int64 \[3\], not numbers"),
    "empty words": (ARRAY, "", r"x.txt: is empty\n"),
}


@pytest.mark.parametrize(("array", "text", "message"), BAD.values(), ids=BAD)
def test_bad_arrays(tmp_path, array, text, message):
    with pytest.raises(CorpusError, match=message):
        read_word_vectors(put(tmp_path, array, text))


def test_a_vocabulary_that_is_missing_or_there_twice(tmp_path):
    path = put(tmp_path)
    (tmp_path / "x.vocab").write_text("a\n")
    with pytest.raises(CorpusError, match=r"two vocabularies .*\n.*x.txt or x.vocab"):
        read_word_vectors(path)
    (tmp_path / "x.vocab").unlink()
    (tmp_path / "x.txt").unlink()
    with pytest.raises(CorpusError, match=r"no vocabulary .*\n.*x.txt or x.vocab"):
        read_word_vectors(path)


@pytest.mark.parametrize("change", [(-8, 8), (12, 1), (20, 30), (60, 1)])
def test_a_cut_or_damaged_array(tmp_path, change):
    path = put(tmp_path)
    data = bytearray(path.read_bytes())
    at, count = change[0] % len(data), change[1]
    del data[at : at + count]
    path.write_bytes(data)
    with pytest.raises(CorpusError, match="cannot be read as an array"):
        read_word_vectors(path)
