"""numpy archives: `vectors` `[n, d]` beside `words` (or `vocabulary`) `[n]`."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from dataclasses import replace
from typing import IO

import numpy as np

from isogloss.encode.word_vectors.table import ZIP, Rows, Start, WordVectors, decoded, most_rows
from isogloss.errors import CorpusError
from isogloss.registry import register

_WORDS = ("words", "vocabulary")
# Over a damaged header, which is a Python literal, numpy lets these through.
HEADER_ERRORS = (ValueError, SyntaxError, TypeError, tokenize.TokenError)


def accepts(start: Start) -> int:
    """Surely for a zip archive, which nothing else that is read here is."""
    return 2 if start.head.startswith(ZIP) else 0


@register("word_vectors", "npz.v1")
def read(start: Start, rows: Rows) -> WordVectors:
    """Read the two arrays, without pickle; with a limit, only their first rows.

    Raises:
        CorpusError: not such an archive, damaged, arrays of other kinds or lengths.
    """
    try:
        with zipfile.ZipFile(start.path) as archive:
            there = [name.removesuffix(".npy") for name in archive.namelist()]
            named = next((name for name in _WORDS if name in there), None)
            if "vectors" not in there or named is None:
                raise CorpusError(
                    f"holds {', '.join(there[:5]) or 'nothing'}, not `vectors` and `words`",
                    file=start.path,
                    remedy="write it with: np.savez(path, words=np.array(words), vectors=array)",
                )
            with archive.open("vectors.npy") as values, archive.open(f"{named}.npy") as names:
                return _read(values, names, replace(start, packed=True), rows)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise CorpusError(
            f"is a damaged numpy archive: {error}", file=start.path, remedy="write it again"
        ) from None


def check_vectors(shape: tuple[int, ...], dtype: np.dtype, rows: Rows) -> None:
    """Refuse an array that is not `[n, d]` of real numbers."""
    if len(shape) != 2 or not shape[1] or dtype.kind not in "fiu":
        rows.refuse(
            None,
            f"its vectors are {dtype} {list(shape)}, not numbers [n, d]",
            "write one row a word: np.asarray(vectors, np.float32)",
        )


def as_float32(block: np.ndarray) -> np.ndarray:
    """The values as float32; what does not fit becomes infinite, which `Rows.add` refuses."""
    with np.errstate(over="ignore"):
        return block.astype(np.float32)


def _read(values: IO[bytes], names: IO[bytes], start: Start, rows: Rows) -> WordVectors:
    vectors, words = _Array(values), _Array(names)
    check_vectors(vectors.shape, vectors.dtype, rows)
    if words.dtype.kind not in "US" or len(words.shape) != 1:
        rows.refuse(
            None,
            f"its words are {words.dtype} {list(words.shape)}, not strings [n]",
            "objects are not read, as they need pickle; write np.array(words, dtype=str)",
        )
    n = vectors.shape[0]
    if words.shape[0] != n:
        rows.refuse(
            None, f"has {words.shape[0]} words and {n} vectors", "write one row a word, in order"
        )
    rows.expect(n, vectors.shape[1], most_rows(start, vectors.dtype.itemsize * vectors.shape[1]))
    while rows.seen < n and rows.room:
        numbers = range(rows.seen + 1, min(rows.seen + rows.room, n) + 1)
        some = [_text(word) for word in words.take(len(numbers)).tolist()]
        rows.add(numbers, some, as_float32(vectors.take(len(numbers))))
    return rows.finish(n)


def _text(word: str | bytes) -> str | bytes:
    """The word as text; as bytes where it is not Unicode."""
    if isinstance(word, bytes):
        return decoded(word)
    return decoded(word.encode("utf-8", "surrogatepass"))


class _Array:
    """An array in a file, read a few rows at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read_header is None:
            raise ValueError(f"version {version} of the numpy format is not known")
        try:
            self.shape, by_columns, self.dtype = read_header(file)
        except HEADER_ERRORS as error:
            raise ValueError(error) from None
        self._file, self._whole, self._at = file, None, 0
        if by_columns and len(self.shape) == 2 and not self.dtype.hasobject:
            # Stored by columns, the first rows are everywhere.
            self._whole = self._numbers(self.shape[::-1]).T

    def take(self, count: int) -> np.ndarray:
        """The next rows."""
        self._at += count
        if self._whole is not None:
            return self._whole[self._at - count : self._at]
        return self._numbers((count, *self.shape[1:]))

    def _numbers(self, shape: tuple[int, ...]) -> np.ndarray:
        size = int(np.prod(shape, dtype=np.int64)) * self.dtype.itemsize
        data = self._file.read(size)
        if len(data) < size:
            raise EOFError("it ends before its arrays do")
        return np.frombuffer(data, self.dtype).reshape(shape)
