"""word2vec and GloVe text: words with odd spaces, counts of what is left out, and bad files."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus import text_files
from isogloss.encode import read_word_vectors, write_word_vectors
from isogloss.encode.word_vectors import table
from isogloss.errors import CorpusError, UsageError

# A full-width comma, a no-break space, an ideographic one, a next-line, a number, a quotation mark.
ODD = [
    "，",
    "\u00a0",
    "\u3000",
    "a\u2028b",
    "\x85",
    "7",
    '"',
    "'''",
    "</s>",
    "Ä\u0308",
    "😀",
    "nan",
]


def text_of(words, array, header=True, end=" \n", delimiter=" "):
    texts = [[w, *map(repr, row.tolist())] for w, row in zip(words, array, strict=True)]
    rows = "".join(delimiter.join(fields) + end for fields in texts)
    return (f"{len(words)} {array.shape[1]}\n" if header else "") + rows


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("end", [" \n", "\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [" ", "\t"])
@pytest.mark.parametrize("packed", [True, False])
def test_words_are_what_stands_before_the_last_fields(tmp_path, header, end, delimiter, packed):
    words = [*ODD, "New York", ". . .", "at name@domain.com"]
    array = np.random.default_rng(0).normal(size=(len(words), 5)).astype(np.float32)
    data = text_of(words, array, header, end, delimiter).encode()
    path = tmp_path / "x.jpg"  # names mean nothing
    path.write_bytes(gzip.compress(data) if packed else data)
    found = read_word_vectors(path)
    assert list(found.words) == words and found.array.dtype == np.float32
    assert np.array_equal(found.array, array)
    assert found.about["format"] == ("word2vec_text.v1" if header else "glove_text.v1")
    assert found.about["packed"] is packed and found.about["left_out"] == {}
    assert found.about["rows"] == found.about["kept"] == len(words)


@given(st.integers(1, 200), st.integers(1, 7), st.integers(1, 12), st.booleans())
def test_blocks_and_limits_of_any_size_keep_the_first_rows(
    tmp_path_factory, block, chunk, limit, header
):
    words = [f"{w}{i}" for i in range(2) for w in ODD[:5]]
    array = np.random.default_rng(0).integers(-4, 4, (10, 3)).astype(np.float32)
    path = tmp_path_factory.mktemp("blocks") / "x"
    path.write_text(text_of(words, array, header) + "\n")
    start = table.look(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "CHUNK", chunk)
        patch.setattr("isogloss.encode.word_vectors.look", lambda path: start)
        patch.setattr("isogloss.encode.word_vectors.text._LINES", 5)  # the head is not cut here
        patch.setattr(text_files, "BLOCK", block)
        found = read_word_vectors(path, limit=limit)
    kept = min(limit, 10)
    assert list(found.words) == words[:kept] and np.array_equal(found.array, array[:kept])
    assert found.about["rows"] == 10
    assert found.about["left_out"].get("beyond the limit", 0) == 10 - kept


def test_every_float32_is_read_as_it_was_written(tmp_path):
    bits = np.random.default_rng(0).integers(0, 2**32, 40_000, dtype=np.uint32).view(np.float32)
    array = bits[np.isfinite(bits)][:39_000].reshape(-1, 30)
    write_word_vectors(tmp_path / "x.vec", [str(i) for i in range(len(array))], array)
    found = read_word_vectors(tmp_path / "x.vec")
    assert np.array_equal(found.array.view(np.uint32), array.view(np.uint32))


def test_zero_vectors_are_kept_and_counted(tmp_path):
    (tmp_path / "x").write_text("a 0 0\nb 0 -1\nc 0.0 -0\n")
    found = read_word_vectors(tmp_path / "x")
    assert found.words == ("a", "b", "c") and found.about["zero_vectors"] == 2


def test_bad_rows_are_left_out_and_counted_when_asked(tmp_path):
    (tmp_path / "x").write_text("7 2\na 1 2\na 3 4\nb nan 1\n 5 6\nc 1 -inf\nd 7 8\n\na 9 9\n")
    found = read_word_vectors(tmp_path / "x", bad_rows="skip")
    assert found.words == ("a", "d") and found.array.tolist() == [[1, 2], [7, 8]]
    assert found.about["left_out"] == {
        "duplicate word": 2,
        "not finite": 2,
        "no word": 1,
        "blank line": 1,
    }
    # A limit counts rows that are kept, and does not stop at those that are not.
    found = read_word_vectors(tmp_path / "x", bad_rows="skip", limit=2)
    assert found.words == ("a", "d") and found.about["left_out"]["beyond the limit"] == 1


def test_a_byte_order_mark_is_no_part_of_a_word(tmp_path):
    (tmp_path / "x").write_text("\ufeffa 1 2\nb 3 4\n")
    found = read_word_vectors(tmp_path / "x")
    assert found.words == ("a", "b") and "byte-order mark" in found.about["notes"][0]


def test_the_same_vectors_have_the_same_fingerprint_in_any_format(tmp_path):
    words, array = ["a", "b"], np.eye(2, 3, dtype=np.float32)
    for name in ("x.vec", "x.npz"):
        write_word_vectors(tmp_path / name, words, array)
    (tmp_path / "x.txt").write_text(text_of(words, array, header=False))
    found = [read_word_vectors(tmp_path / name) for name in ("x.vec", "x.npz", "x.txt")]
    assert len({f.about["format"] for f in found}) == 3
    assert len({f.about["fingerprint"] for f in found}) == 1
    write_word_vectors(tmp_path / "y.vec", words, array + 1e-7)
    assert read_word_vectors(tmp_path / "y.vec").about["fingerprint"] not in {
        found[0].about["fingerprint"]
    }


BAD = {
    "empty": (b"", r"x: is empty\n"),
    "prose": (b"It was a dark night.\nThe rain fell.\n", r"x: is not word vectors: .*\n.*glove"),
    "counts": (b"the 120\nof 60\nand 50\n", r"x: is not word vectors"),
    "matrix": (b"0.1 0.2 0.3\n0.4 0.5 0.6\n", r"x: is not word vectors"),
    "image": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), r"x: is not word vectors"),
    "utf-16": ("a 1 2\n".encode("utf-16"), r"x: is UTF-16 text"),
    "wide": (b"2 2\na 1 2\nb 1 2 3\n", r"x:3: has 3 values where 2 are expected\n.*join"),
    "wide tab": (b"2 2\na\t1\t2\nb\t1\t2\t3\n", r"x:3: has 3 values where 2 are expected\n"),
    "narrow": (b"2 2\na 1 2\nb 1\n", r"x:3: has 1 value where 2 are expected\n.*cut"),
    "narrow glove": (b"a 1 2\nb 1 2\nc 1\n", r"x:3: has 1 value where 2"),
    "number": (b"2 2\na 1 2\nb 1 zwei\n", r"x:3: 'zwei' is not a number\n"),
    "comma": (b"a 1 2\nb 1 2\nc 1 2,5\n", r"x:3: '2,5' is not a number\n"),
    "two spaces": (b"a 1 2\nb 1 2\nc 1  2\n", r"x:3: "),
    "nan": (b"2 2\na 1 2\nb 1 nan\n", r"x:3: the vector of 'b' holds NaN or infinity\n.*skip"),
    "inf": (b"a 1 2\nb 1 1e999\n", r"x:2: the vector of 'b' holds NaN or infinity\n"),
    "twice": (b"a 1 2\nb 1 2\n\na 1 2\n", r"x:4: the word 'a' occurs twice, first in line 1\n"),
    "no word": (b"a 1 2\n 1 2\n", r"x:2: the row has no word\n"),
    "no rows": (b"0 300\n", r"x: holds no word vector .*it has no rows\n"),
    "no rows, huge": (b"0 999999999999\n", r"x: holds no word vector .*it has no rows\n"),
    "beyond counting": (b"5 " + b"9" * 30 + b"\na 1 2\n", r"x: is not word vectors"),
    "no values": (b"3 0\na\nb\nc\n", r"x:1: its header promises no values\n"),
    "cut": (b"5 2\na 1 2\nb 1 2\n", r"x:1: .* promises 5 rows and the file has 2\n.*cut"),
    "more": (b"1 2\na 1 2\nb 1 2\n", r"x:1: .* promises 1 rows and the file has 2\n.*together"),
    "huge": (b"9999999999 99999999999\na 1 2\n", r"x: is too short for one row of 99999999999"),
    "latin": (b"2 2\na 1 2\nb\xe4 1 2\n", r"x:3: is not UTF-8: byte 0xe4\n"),
    "latin first": (b"2 2\n\xe4 1 2\nb 1 2\n", r"x:2: is not UTF-8: byte 0xe4\n"),
    "prose header": (b"2 3\nsome prose here\nand more\n", r"x:2: has 2 values where 3"),
    "gzip": (gzip.compress(b"a 1 2\n" * 99)[:-9], r"x: is a truncated or damaged gzip"),
    "zipped npz": (gzip.compress(b"PK\x03\x04" + b"x" * 99), r"x: is packed .*\n.*gunzip"),
}


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_bad_files(tmp_path, data, message):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(CorpusError, match=message) as caught:
        read_word_vectors(tmp_path / "x")
    assert caught.value.remedy


def test_a_row_far_down_is_named_by_its_line(tmp_path):
    lines = [f"w{i} 1 2 3" for i in range(3000)]
    lines[2500] = "w2500 1 2 drei"
    (tmp_path / "x").write_text("\n".join(lines))
    with pytest.raises(CorpusError, match=r"x:2501: 'drei'"):
        read_word_vectors(tmp_path / "x")
    assert len(read_word_vectors(tmp_path / "x", limit=2500)) == 2500


def test_a_header_asks_for_no_more_memory_than_the_file_can_fill(tmp_path):
    (tmp_path / "x").write_text("2000000000 2\na 1 2\n")
    start = table.look(tmp_path / "x")
    rows = table.Rows(start.path)
    rows.expect(2_000_000_000, 2, table.most_rows(start, 4))
    assert rows._array.shape == (len(b"2000000000 2\na 1 2\n") // 4, 2)


def test_settings_that_mean_nothing(tmp_path):
    (tmp_path / "x").write_text("a 1 2\n")
    with pytest.raises(UsageError, match="limit=0"):
        read_word_vectors(tmp_path / "x", limit=0)
    with pytest.raises(UsageError, match="bad_rows='keep'"):
        read_word_vectors(tmp_path / "x", bad_rows="keep")
    with pytest.raises(CorpusError, match="no such file"):
        read_word_vectors(tmp_path / "y")
    with pytest.raises(CorpusError, match="cannot be read"):
        read_word_vectors(tmp_path)
