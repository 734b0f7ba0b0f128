"""What every format of word vectors shares: how a file begins, and the rows kept from it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from isogloss.corpus.text_files import byte_blocks
from isogloss.errors import CorpusError
from isogloss.files import fingerprint, fingerprint_texts

ZIP, NUMPY, FASTTEXT = b"PK\x03\x04", b"\x93NUMPY", (793712314).to_bytes(4, "little")
CHUNK = 1024  # rows parsed at a time
_MEND = 'mend the row, or leave such out: bad_rows="skip", on the command line --bad-rows skip'
_DENSEST = 1100  # gzip packs at most 1,032 to 1


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Words and their vectors, in the order of the file.

    Attributes:
        words: `[n]`, each once.
        array: `[n, d]` float32, all finite.
        about: `file`, `format`, `bytes`, `packed`; `rows` in the file, `kept`, `width`; `left_out`
            by reason; `zero_vectors`, which are kept; `fingerprint` of words and values, the same
            whatever format held them; `notes`; and what the format alone knows.
    """

    words: tuple[str, ...]
    array: np.ndarray
    about: dict[str, Any]

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        n, d = self.array.shape
        return f"WordVectors({self.about.get('format', 'made')}, [{n}, {d}])"


@dataclass(frozen=True)
class Start:
    """A file and how it begins.

    Attributes:
        path: the file.
        size: its bytes on disk.
        packed: whether it is gzip.
        head: its first bytes, unpacked.
    """

    path: Path
    size: int
    packed: bool
    head: bytes


def look(path: Path) -> Start:
    """Open a file and read how it begins.

    Raises:
        CorpusError: absent, empty, unreadable, or an archive that is not gzip or a numpy one.
    """
    try:
        with path.open("rb") as file:
            first = file.read(8)
    except OSError:
        first = b""  # `byte_blocks` says what is wrong
    head = first if first.startswith((ZIP, NUMPY, FASTTEXT)) else next(byte_blocks(path), b"")
    if not head:
        raise CorpusError("is empty", file=path, remedy="give a file of word vectors")
    return Start(path, path.stat().st_size, first.startswith(b"\x1f\x8b"), head)


@dataclass
class Rows:
    """Rows as they are read: bad ones are refused or counted, memory grows by doubling.

    Attributes:
        path: the file, for messages.
        limit: how many rows are kept; None for all.
        skip: leave bad rows out and count them, instead of refusing the file.
        lines: whether rows are lines of text, so that a message can name one.
        left_out: counts by reason.
        notes: sentences that readers add.
        seen: rows looked at so far.
        zeros: how many of the kept rows are all zero.
    """

    path: Path
    limit: int | None = None
    skip: bool = False
    lines: bool = False
    left_out: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seen: int = 0
    zeros: int = 0
    _at: dict[str, int] = field(default_factory=dict)
    _array: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32))

    @property
    def room(self) -> int:
        """How many rows the next block may have: 0 when the limit is reached."""
        return CHUNK if self.limit is None else min(CHUNK, self.limit - len(self._at))

    def expect(self, count: int | None, width: int, most: int) -> None:
        """Make room: for `count` rows where the file says so, but never more than `most`.

        Raises:
            CorpusError: the file is too short for one row.
        """
        if count != 0 and most < 1:
            self.refuse(
                None,
                f"is too short for one row of {width} values",
                "it was cut, or its header is wrong: get it again",
            )
        known = [n for n in (count, self.limit, most) if n is not None]
        capacity = min(known) if count is not None else min(CHUNK, *known)
        self._array = np.empty((capacity, width), np.float32)

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Count what is not kept."""
        if count:
            self.left_out[reason] = self.left_out.get(reason, 0) + count

    def add(self, numbers: Sequence[int], words: Sequence[str | bytes], block: np.ndarray) -> None:
        """Keep a block of rows, at most `room` of them.

        Args:
            numbers: where each row stands, counted from 1.
            words: one a row; bytes where they are not UTF-8.
            block: `[k, d]` their values.

        Raises:
            CorpusError: a row that is wrong, unless such rows are skipped.
        """
        kept = []
        bad = set(np.flatnonzero(~np.isfinite(block).all(1)).tolist())
        for i, (number, word) in enumerate(zip(numbers, words, strict=True)):
            wrong = self._wrong(word, i not in bad)
            if wrong is None:
                self._at[str(word)] = number
                kept.append(i)
            elif self.skip:
                self.leave_out(wrong[0])
            else:
                self.refuse(number, wrong[1], _MEND)
        self.seen += len(words)
        if len(kept) < len(block):
            block = block[kept]
        self.zeros += int((~block.any(1)).sum())
        start, end = len(self._at) - len(kept), len(self._at)
        if end > len(self._array):
            bigger = np.empty((max(end, 2 * len(self._array)), block.shape[1]), np.float32)
            bigger[:start] = self._array[:start]
            self._array = bigger
        self._array[start:end] = block

    def _wrong(self, word: str | bytes, finite: bool) -> tuple[str, str] | None:
        """Why a row cannot be kept: the reason that is counted, and the sentence that tells it."""
        if isinstance(word, bytes):
            return "not UTF-8", f"the word {word!r} is not UTF-8"
        if not word.strip(" "):
            return "no word", "the row has no word"
        if word in self._at:
            where = f"{'line' if self.lines else 'row'} {self._at[word]}"
            return "duplicate word", f"the word {word!r} occurs twice, first in {where}"
        if not finite:
            return "not finite", f"the vector of {word!r} holds NaN or infinity"
        return None

    def refuse(self, number: int | None, message: str, remedy: str) -> NoReturn:
        """Raise a `CorpusError` that names the line, or the row where there are no lines."""
        if number is not None and not self.lines:
            message = f"row {number}: {message}"
        line = number if self.lines else None
        raise CorpusError(message, file=self.path, line=line, remedy=remedy)

    def finish(self, total: int, **about: Any) -> WordVectors:
        """The rows kept of a file that has `total`.

        Raises:
            CorpusError: not one row was kept.
        """
        self.leave_out("beyond the limit", total - self.seen)
        words, array = tuple(self._at), self._array[: len(self._at)]
        if not words:
            raise CorpusError(
                f"holds no word vector that can be kept: {self.left_out or 'it has no rows'}",
                file=self.path,
                remedy="get the file again",
            )
        if len(array) < 0.9 * len(self._array):
            array = array.copy()
        digest = hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
        about |= {
            "rows": total,
            "kept": len(words),
            "width": array.shape[1],
            "left_out": self.left_out,
            "zero_vectors": self.zeros,
            "fingerprint": fingerprint(fingerprint_texts(words), list(array.shape), digest),
            "notes": self.notes,
        }
        return WordVectors(words, array, about)


def most_rows(start: Start, bytes_a_row: int) -> int:
    """How many rows a file can hold at the most: no header gets more memory than that."""
    return start.size * (_DENSEST if start.packed else 1) // bytes_a_row


def decoded(word: bytes) -> str | bytes:
    """The word as text, or as it is where it is not UTF-8."""
    try:
        return word.decode()
    except UnicodeDecodeError:
        return word
