"""Files that gensim reads, and words that no such file can hold."""

import numpy as np
import pytest

from isogloss.encode import read_word_vectors, write_word_vectors
from isogloss.errors import CorpusError, UsageError, VectorError

WORDS = ["，", "\u00a0", "7", "</s>"]
ARRAY = np.array([[0.1, -1e-40], [0, 3.4e38], [1 / 3, 2], [-0.0, 1e-7]], np.float32)


def test_text_is_short_and_exact(tmp_path):
    write_word_vectors(tmp_path / "x.vec", WORDS, ARRAY)
    lines = (tmp_path / "x.vec").read_text().split("\n")
    assert lines[0] == "4 2" and lines[3].startswith("7 0.33333334 2") and lines[5:] == [""]
    found = read_word_vectors(tmp_path / "x.vec")
    assert np.array_equal(found.array.view(np.int32), ARRAY.view(np.int32))


def test_gensim_reads_it(tmp_path):
    models = pytest.importorskip("gensim.models", reason="compares with gensim")
    write_word_vectors(tmp_path / "x.vec", WORDS, ARRAY)
    theirs = models.KeyedVectors.load_word2vec_format(str(tmp_path / "x.vec"))
    assert theirs.index_to_key == WORDS and np.array_equal(theirs.vectors, ARRAY)


def test_an_archive_takes_words_with_spaces(tmp_path):
    words = ["New York", *WORDS[1:]]
    write_word_vectors(tmp_path / "x.npz", words, ARRAY)
    found = read_word_vectors(tmp_path / "x.npz")
    assert list(found.words) == words and np.array_equal(found.array, ARRAY)


@pytest.mark.parametrize("name", ["x.vec", "x.npz"])
@pytest.mark.parametrize("word", ["", " ", "7", "a\0", "\ud800"])
def test_words_that_no_file_can_hold(tmp_path, name, word):
    with pytest.raises(CorpusError, match=rf"{name}: word 1, |{name}: word 3, '7', occurs twice"):
        write_word_vectors(tmp_path / name, [word, *WORDS[1:]], ARRAY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("word", ["New York", "a\n", "\ta", "a\r"])
def test_words_that_text_cannot_hold(tmp_path, word):
    with pytest.raises(CorpusError, match=r"x.vec: word 1, .* ends a word"):
        write_word_vectors(tmp_path / "x.vec", [word, *WORDS[1:]], ARRAY)


def test_arrays_and_endings_that_do_not_fit(tmp_path):
    with pytest.raises(VectorError, match=r"\[4, 2\] do not fit 3 words"):
        write_word_vectors(tmp_path / "x.vec", WORDS[1:], ARRAY)
    with pytest.raises(VectorError, match="NaN"):
        write_word_vectors(tmp_path / "x.vec", WORDS, ARRAY * np.float32(np.nan))
    with pytest.raises(UsageError, match=r"x\.bin: text and \.npz are written"):
        write_word_vectors(tmp_path / "x.bin", WORDS, ARRAY)
    assert list(tmp_path.iterdir()) == []
