"""Text files read strictly: UTF-8, plain or gzip, split at line feeds only.

Python's `splitlines` also breaks at U+2028, U+0085 and vertical tabs, which occur inside sentences
and would shift every line after them; nothing here uses it.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from isogloss.errors import CorpusError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 8 << 20  # bytes held at a time: the work per block costs nothing beside the decoding
_BOM = b"\xef\xbb\xbf"
_UTF16 = "UTF-16 text"
_OTHER_KINDS = {
    b"PK\x03\x04": "a zip archive",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"PAR1": "a Parquet file",
    b"\xff\xfe": _UTF16,
    b"\xfe\xff": _UTF16,
}


def read_blocks(path: Path, notes: list[str] | None = None) -> Iterator[tuple[int, list[str]]]:
    r"""Blocks of lines without their ends, each with the number of its first line from 1.

    `\n` and `\r\n` end a line, nothing else does.

    Raises:
        CorpusError: absent, empty, damaged gzip, not UTF-8 or a NUL, with file and line.
    """
    first, rest = 1, b""
    for block in byte_blocks(path):
        if first == 1 and not rest and block.startswith(_BOM):
            block = block.removeprefix(_BOM)
            if notes is not None:
                notes.append(f"{path.name} began with a byte-order mark, which was removed")
        head, feed, tail = block.rpartition(b"\n")
        if not feed:
            rest += block
            continue
        lines = _decode(rest + head, path, first)
        yield first, lines
        first += len(lines)
        rest = tail
    if rest:
        yield first, _decode(rest, path, first)
    elif first == 1:
        raise CorpusError("is empty", file=path, remedy="give a file with at least 2 lines")


def read_lines(path: Path, notes: list[str] | None = None) -> list[str]:
    """All lines of a file at once; raises what `read_blocks` raises."""
    return [line for _, lines in read_blocks(path, notes) for line in lines]


def read_column(path: Path, notes: list[str] | None = None) -> list[pa.Array]:
    """The lines of a file as Arrow arrays, held as Python strings only a block at a time."""
    import pyarrow as pa

    return [pa.array(lines, pa.string()) for _, lines in read_blocks(path, notes)]


def read_cells(
    path: Path, width: int | None = None, notes: list[str] | None = None
) -> list[list[str]]:
    """The cells of a TSV file, split at tabs only; quotes mean nothing.

    Raises:
        CorpusError: a row with another number of columns than `width` (or the first row).
    """
    rows = [line.split("\t") for line in read_lines(path, notes)]
    wanted = width or len(rows[0])
    for number, row in enumerate(rows, 1):
        if len(row) != wanted:
            columns = "1 column" if len(row) == 1 else f"{len(row)} columns"
            raise CorpusError(
                f"has {columns} where {wanted} are expected",
                file=path,
                line=number,
                remedy="rows are split at tabs only; remove stray tabs or fix the row",
            )
    return rows


def column_at(name: str, header: Sequence[str] | None, width: int, path: Path) -> int:
    """The position of a column given by its name in the header, or by its number from 1.

    Raises:
        CorpusError: no such column; the message lists those there are.
    """
    if header is not None and name in header:
        return list(header).index(name)
    if name.isdecimal() and 1 <= int(name) <= width:
        return int(name) - 1
    there = f"it has {', '.join(header)}" if header else f"it has {width} columns and no header"
    raise CorpusError(f"no column {name!r}", file=path, line=1, remedy=f"{there}; name one of them")


def wants_header(said: str | None) -> bool | None:
    """What `?header=yes` or `?header=no` says; None when it is left to be seen.

    Raises:
        UsageError: another word.
    """
    if said not in (None, "yes", "no"):
        raise UsageError(f"header={said} means nothing", remedy="write header=yes or header=no")
    return None if said is None else said == "yes"


def byte_blocks(path: Path, *, utf16: bool = False) -> Iterator[bytes]:
    """The bytes of a file, unpacked if it is gzip, at most `BLOCK` at a time.

    Args:
        path: the file.
        utf16: whether it may begin with the byte-order mark of UTF-16.

    Raises:
        CorpusError: absent, unreadable, damaged gzip, or another kind of archive.
    """
    try:
        with path.open("rb") as raw:
            start = raw.read(8)
            raw.seek(0)
            packed = _is_gzip(start, path, utf16)
            file = cast(IO[bytes], gzip.GzipFile(fileobj=raw) if packed else raw)
            while block := file.read(BLOCK):
                yield block
    except FileNotFoundError:
        raise CorpusError("no such file", file=path, remedy="check the path") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorpusError(
            f"is a truncated or damaged gzip file ({error})",
            file=path,
            remedy="fetch or compress it again; `gzip -t` tests a file",
        ) from None
    except OSError as error:
        raise CorpusError(
            f"cannot be read: {error.strerror or error}",
            file=path,
            remedy="check the path and that you may read it",
        ) from None


def _is_gzip(start: bytes, path: Path, utf16: bool) -> bool:
    for magic, what in _OTHER_KINDS.items():
        if start.startswith(magic) and not (utf16 and what == _UTF16):
            raise CorpusError(
                f"is {what}, not UTF-8 text",
                file=path,
                remedy="unpack or convert it to UTF-8 text, plain or compressed with gzip",
            )
    if path.suffix == ".gz" and start and not start.startswith(b"\x1f\x8b"):
        raise CorpusError(
            "is named .gz but is not a gzip file",
            file=path,
            remedy="rename it without .gz, or fetch it again",
        )
    return start.startswith(b"\x1f\x8b")


def _decode(block: bytes, path: Path, first: int) -> list[str]:
    if b"\0" in block:
        raise CorpusError(
            "holds a NUL byte",
            file=path,
            line=first + block.count(b"\n", 0, block.index(b"\0")),
            remedy="it is probably not a UTF-8 text file, or was cut off while being written",
        )
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"is not UTF-8: byte 0x{block[error.start]:02x}",
            file=path,
            line=first + block.count(b"\n", 0, error.start),
            remedy="convert it, for example with: iconv -f latin1 -t utf-8",
        ) from None
    lines = text.split("\n")
    return [line.removesuffix("\r") for line in lines] if "\r" in text else lines
