"""word2vec binary, as word2vec and gensim write it: a line `n d`, then words and raw float32."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

import numpy as np

from isogloss.corpus.text_files import byte_blocks
from isogloss.encode.word_vectors.table import Rows, Start, WordVectors, decoded, most_rows
from isogloss.encode.word_vectors.text import headed, is_text, promised
from isogloss.errors import CorpusError
from isogloss.registry import register

_LONGEST = 1 << 16  # bytes of a word; where there is no space so far, this is not the format


def accepts(start: Start) -> int:
    """Surely where the first line is two counts and what follows is no text."""
    layout = headed(start)
    return 2 if layout is not None and not is_text(start, layout) else 0


@register("word_vectors", "word2vec_binary.v1")
def read(start: Start, rows: Rows) -> WordVectors:
    """Read `word`, a space, `d` little-endian float32, and the line feed that word2vec adds.

    Plain or gzip; streamed, so that a limit reads no further than it must.

    Raises:
        CorpusError: fewer or more bytes than the header promises, and what `Rows.add` refuses.

    Source: the original word2vec tool (Mikolov et al., 2013), its option `-binary 1`.
    """
    layout = promised(start)
    total = layout.promised or 0
    rows.expect(total, layout.width, most_rows(start, 4 * layout.width))
    stream = _Bytes(start)
    stream.until(b"\n", total)
    while rows.seen < total and rows.room:
        numbers = range(rows.seen + 1, min(rows.seen + rows.room, total) + 1)
        words, values = [], []
        for number in numbers:
            words.append(decoded(stream.until(b" ", total, number).lstrip(b"\n")))
            values.append(stream.take(4 * layout.width, total, number))
        block = np.frombuffer(b"".join(values), "<f4").reshape(-1, layout.width)  # [k, d]
        rows.add(numbers, words, block)
    if rows.seen == total and stream.rest().strip(b"\n"):
        raise CorpusError(
            f"goes on after the {total} rows that its header promises",
            file=start.path,
            remedy="probably its words hold spaces, or the header is wrong: write it again as text",
        )
    return rows.finish(total)


class _Bytes:
    """A file taken off from the front, a piece at a time."""

    def __init__(self, start: Start) -> None:
        self._path, self._held, self._at = start.path, b"", 0
        self._blocks: Iterator[bytes] = byte_blocks(start.path)

    def until(self, mark: bytes, promised: int, number: int = 0) -> bytes:
        """All up to a mark, which is taken off too."""
        while (end := self._held.find(mark, self._at)) < 0:
            if len(self._held) - self._at > _LONGEST or not self._more():
                self._cut(promised, number)
        piece = self._held[self._at : end]
        self._at = end + 1
        return piece

    def take(self, size: int, promised: int, number: int) -> bytes:
        """The next `size` bytes."""
        while len(self._held) - self._at < size:
            if not self._more():
                self._cut(promised, number)
        piece = self._held[self._at : self._at + size]
        self._at += size
        return piece

    def rest(self) -> bytes:
        """What is left of the bytes held, or of the next ones."""
        while self._at >= len(self._held) and self._more():
            pass
        return self._held[self._at :]

    def _more(self) -> bool:
        block = next(self._blocks, b"")
        self._held, self._at = self._held[self._at :] + block, 0
        return bool(block)

    def _cut(self, promised: int, number: int) -> NoReturn:
        raise CorpusError(
            f"row {number}: the file ends or makes no sense here, and its header promises "
            f"{promised} rows",
            file=self._path,
            remedy="it was cut or damaged: get it again",
        )
