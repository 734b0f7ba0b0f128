"""Rows of text: a word, then its values, a line each; how such a file is laid out, and its rows."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.corpus import text_files
from isogloss.encode.word_vectors.table import Rows, Start, WordVectors, most_rows
from isogloss.errors import CorpusError

_LINES = 50  # looked at to find the width
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Layout:
    """How the lines of a file are built.

    Attributes:
        width: values a row.
        delimiter: a space or a tab.
        promised: how many rows the first line says there are; None where it is a row itself.
    """

    width: int
    delimiter: str
    promised: int | None = None


def headed(start: Start) -> Layout | None:
    """The layout of a file whose first line is `n d`, be its rows text or binary; else None."""
    first, _, rest = start.head.removeprefix(_BOM).partition(b"\n")
    counts = first[:64].split()
    if len(counts) != 2 or not all(c.isdigit() and len(c) < 13 for c in counts):
        return None
    width = int(counts[1])
    second = rest[: rest.find(b"\n")] if b"\n" in rest else rest
    return Layout(width, "\t" if second.count(b"\t") >= max(width, 1) else " ", int(counts[0]))


def promised(start: Start) -> Layout:
    """The layout of a file that is read by its header.

    Raises:
        CorpusError: the header promises rows without values.
    """
    layout = headed(start)
    if layout is None or layout.width < 1:
        raise CorpusError(
            "its header promises no values",
            file=start.path,
            line=1,
            remedy="the first line must be the number of rows and the number of values of each",
        )
    return layout


def headless(start: Start) -> Layout | None:
    """The layout of a file without a header: most lines end in as many numbers; else None."""
    lines = start.head.removeprefix(_BOM).split(b"\n", _LINES)
    if len(lines) > _LINES or len(start.head) >= text_files.BLOCK:
        lines.pop()  # cut, or all that follows
    lines = [line for line in lines if line.strip()]
    for delimiter in (b" ", b"\t"):
        counts = [line.rstrip(b"\r" + delimiter).count(delimiter) for line in lines]
        width = Counter(counts).most_common(1)[0][0] if counts else 0
        good = sum(_is_row(line, delimiter, width) for line in lines)
        bare = sum(_is_fraction(line.partition(delimiter)[0]) for line in lines)
        # One number a line is a list of counts, and a matrix has no words.
        if width > 1 and 2 * good > len(lines) > 2 * bare:
            return Layout(width, delimiter.decode())
    return None


def is_text(start: Start, layout: Layout) -> bool:
    """Whether what follows the header is text: its first row ends in numbers, or it looks so."""
    rest = start.head.partition(b"\n")[2]
    row = rest.partition(b"\n")[0]
    if _is_row(row, layout.delimiter.encode(), layout.width):
        return True
    sample = rest[:4096]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # the end may be half a letter
    except UnicodeDecodeError:
        return False
    return not any(byte < 32 and byte not in b"\t\n\r" for byte in sample)


def read_rows(start: Start, rows: Rows, layout: Layout) -> WordVectors:
    """Stream the lines of a file into `rows`.

    A word may hold spaces: the vector is the last `width` fields. Only the delimiter separates, so
    that a no-break space or an ideographic one is a letter like others.

    Raises:
        CorpusError: a row of another width, a value that is no number, more or fewer rows than
            promised, and what `read_blocks` and `Rows.add` refuse.
    """
    rows.lines = True
    rows.expect(layout.promised, layout.width, most_rows(start, 2 * layout.width))
    total = 0
    for first, lines in text_files.read_blocks(start.path, rows.notes):
        at = int(first == 1 and layout.promised is not None)
        while at < len(lines) and (room := rows.room):
            part = [(i, line) for i, line in enumerate(lines[at : at + room], first + at) if line]
            rows.leave_out("blank line", min(room, len(lines) - at) - len(part))
            if part:
                rows.add(*_parse(part, layout, rows))
            total += len(part)
            at += room
        if not rows.room and layout.promised is not None:
            break  # the header has counted the rest
        total += sum(map(bool, lines[at:]))
    if layout.promised is None:
        return rows.finish(total, delimiter=layout.delimiter)
    if total != layout.promised and rows.room:
        fault = "it was cut" if total < layout.promised else "two files were put together"
        rows.refuse(
            1,
            f"the header promises {layout.promised} rows and the file has {total}",
            f"probably {fault}: get it again, or correct the header",
        )
    return rows.finish(layout.promised, delimiter=layout.delimiter)


def _parse(
    part: Sequence[tuple[int, str]], layout: Layout, rows: Rows
) -> tuple[list[int], list[str], np.ndarray]:
    """Line numbers, words and `[k, d]` values of some lines."""
    numbers = [number for number, _ in part]
    words, texts = [], []
    for number, line in part:
        word, values = _split(line, number, layout, rows)
        words.append(word)
        texts.append(values)
    block = _floats(texts, layout)
    if block is None:
        number, bad = next(
            (n, text)
            for n, text in zip(numbers, texts, strict=True)
            if _floats([text], layout) is None
        )
        fields = bad.split(layout.delimiter)
        value = next(f for f in fields if _floats([f], Layout(1, layout.delimiter)) is None)
        rows.refuse(
            number,
            f"{value!r} is not a number" if value else "two delimiters stand together",
            "a row is a word and its values, with one space (or one tab) between them",
        )
    return numbers, words, block


def _split(line: str, number: int, layout: Layout, rows: Rows) -> tuple[str, str]:
    """The word of a line and the text of its values."""
    d = layout.delimiter
    line = line.rstrip(d)
    found = line.count(d)
    if found == layout.width:
        word, _, values = line.partition(d)
        return word, values
    word, *fields = line.rsplit(d, layout.width)
    last = word.rpartition(d)[2]
    spaced = found > layout.width and d == " "
    if spaced and not (_is_number(last) and any(map(str.isdigit, last))):
        return word, d.join(fields)
    remedy = "the file was cut or damaged there: get it again, or remove the line"
    if spaced:
        remedy = f"remove the line, or join the parts of a word that ends in {last!r} by '_'"
    expected = f"{layout.width} are expected"
    rows.refuse(number, f"has {found} value{'s' * (found != 1)} where {expected}", remedy)


def _floats(texts: Sequence[str], layout: Layout) -> np.ndarray | None:
    """`[k, d]` float32 of `k` texts of `d` numbers each; None if one of them is not that."""
    import pyarrow as pa
    from pyarrow import csv

    # Arrow's reader is strict, and twice as fast as numpy's; a row a value is one column.
    data = "\n".join(texts).replace(layout.delimiter, "\n").encode()
    try:
        column = csv.read_csv(
            pa.BufferReader(data),
            read_options=csv.ReadOptions(use_threads=False, column_names=["value"]),
            parse_options=csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types={"value": pa.float32()}, null_values=[], strings_can_be_null=False
            ),
        ).column(0)
    except pa.ArrowInvalid:
        return None
    if len(column) != len(texts) * layout.width:
        return None
    return column.to_numpy().reshape(len(texts), layout.width)


def _is_row(line: bytes, delimiter: bytes, width: int) -> bool:
    fields = line.rstrip(b"\r" + delimiter).rsplit(delimiter, width)
    return width > 0 and len(fields) == width + 1 and all(map(_is_number, fields[1:]))


def _is_number(text: str | bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_fraction(text: bytes) -> bool:
    return b"." in text and _is_number(text)
