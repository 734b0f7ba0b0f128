"""Text files read strictly: UTF-8, plain or gzip, split at line feeds only."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from isogloss.errors import CorpusError


def read_lines(path: Path, notes: list[str] | None = None) -> list[str]:
    r"""The lines of a text file without their ends; `\n` and `\r\n` end a line, nothing else does.

    Raises:
        CorpusError: absent, empty, damaged gzip, not UTF-8 or a NUL, with file and line.
    """
    data = _bytes(path)
    if not data:
        raise CorpusError("is empty", file=path, remedy="give a file with at least 2 lines")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CorpusError(
            f"is not UTF-8: byte 0x{data[error.start]:02x}",
            file=path,
            line=line,
            remedy="convert it, for example with: iconv -f latin1 -t utf-8",
        ) from None
    if (nul := text.find("\0")) >= 0:
        raise CorpusError(
            "holds a NUL byte",
            file=path,
            line=text.count("\n", 0, nul) + 1,
            remedy="it is probably not a text file, or was cut off while being written",
        )
    if text.startswith("\ufeff"):
        text = text[1:]
        if notes is not None:
            notes.append(f"{path.name} began with a byte-order mark, which was removed")
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


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
            raise CorpusError(
                f"has {len(row)} columns where {wanted} are expected",
                file=path,
                line=number,
                remedy="rows are split at tabs only; remove stray tabs or fix the row",
            )
    return rows


def _bytes(path: Path) -> bytes:
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as file:
                return file.read()
        return path.read_bytes()
    except FileNotFoundError:
        raise CorpusError("no such file", file=path, remedy="check the path") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorpusError(
            f"is a damaged gzip file ({error})", file=path, remedy="fetch or compress it again"
        ) from None
    except OSError as error:
        raise CorpusError(f"cannot be read: {error.strerror}", file=path) from None
