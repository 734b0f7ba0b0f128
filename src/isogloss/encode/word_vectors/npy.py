"""A numpy array `x.npy`, its words in `x.txt` or `x.vocab` beside it, one a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isogloss.corpus.text_files import read_lines
from isogloss.encode.word_vectors.npz import HEADER_ERRORS, as_float32, check_vectors
from isogloss.encode.word_vectors.table import NUMPY, Rows, Start, WordVectors
from isogloss.errors import CorpusError
from isogloss.registry import register

_BESIDE = (".txt", ".vocab")


def accepts(start: Start) -> int:
    """Surely where the file begins as arrays of numpy do."""
    return 2 if start.head.startswith(NUMPY) else 0


@register("word_vectors", "npy.v1")
def read(start: Start, rows: Rows) -> WordVectors:
    """Read an array, memory-mapped, and the words of its rows; a word is a whole line.

    Raises:
        CorpusError: no vocabulary beside it or two, other counts of rows and words, pickled or
            damaged arrays.
    """
    file = _vocabulary(start.path)
    words = read_lines(file, rows.notes)
    try:
        array = np.load(start.path, mmap_mode="r", allow_pickle=False)  # [n, d]
    except (*HEADER_ERRORS, EOFError, OSError) as error:
        raise CorpusError(
            f"cannot be read as an array: {error}",
            file=start.path,
            remedy="if it was cut, get it again; objects are not read, as they need pickle: write "
            "plain numbers with np.save",
        ) from None
    check_vectors(array.shape, array.dtype, rows)
    n = len(array)
    if len(words) != n:
        raise CorpusError(
            f"has {len(words)} lines, but {start.path.name} has {n} rows",
            file=file,
            remedy="the vocabulary needs one line a row, in order",
        )
    rows.expect(n, array.shape[1], n)
    while rows.seen < n and rows.room:
        part = slice(rows.seen, min(rows.seen + rows.room, n))
        numbers = range(part.start + 1, part.stop + 1)
        rows.add(numbers, words[part], as_float32(array[part]))
    return rows.finish(n, vocabulary=str(file))


def _vocabulary(path: Path) -> Path:
    there = [file for ending in _BESIDE if (file := path.with_suffix(ending)).is_file()]
    if len(there) == 1:
        return there[0]
    names = " or ".join(path.with_suffix(ending).name for ending in _BESIDE)
    raise CorpusError(
        "two vocabularies lie beside it" if there else "no vocabulary lies beside it",
        file=path,
        remedy=f"put its words into one of {names}, one a line",
    )
