"""Bilingual dictionaries: a word and a translation a line, as in MUSE, PanLex and GATITOS."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isogloss.corpus.text_files import read_lines
from isogloss.errors import CorpusError, UsageError

_LINES = 100  # looked at to find the delimiter and the width
_NAMES = {"\t": "tabs", " ": "spaces", ",": "commas"}


@dataclass(frozen=True)
class Lexicon:
    """A bilingual dictionary.

    Attributes:
        entries: pairs of a source word and a translation, each pair once, in the order of the file.
        source: the path it was read from, as the user gave it.
        delimiter: what stands between the columns.
        lines: lines of the file.
        dropped: lines left out, by reason.
        notes: what was decided or noticed, in sentences.
    """

    entries: list[tuple[str, str]]
    source: str
    delimiter: str
    lines: int
    dropped: dict[str, int]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        words = len({word for word, _ in self.entries})
        return f"Lexicon({self.source!r}, {len(self)} entries, {words} source words)"


def read_lexicon(
    path: str | Path,
    *,
    delimiter: str | None = None,
    columns: tuple[int, int] = (1, 2),
    header: bool = False,
) -> Lexicon:
    """Read a dictionary from lines with tabs, commas or spaces between the columns, plain or gzip.

    The delimiter is the one that half of the first 100 lines have: tabs before commas before
    spaces. With tabs and commas a word may be a phrase; with spaces, of which several count as
    one, a line is two words. Commas are those of CSV, with its quotation marks; elsewhere these
    mean nothing. Several translations are several lines. The same pair again is left out and
    counted, and so are blank lines.

    Args:
        path: the file.
        delimiter: a character that overrides the guess.
        columns: which columns hold the word and its translation, numbered from 1.
        header: whether the first line names the columns.

    Raises:
        CorpusError: a line with another number of columns than most have or with an empty one, no
            entry at all, an empty or absent file, not UTF-8; with file, line and remedy.
        UsageError: columns or a delimiter that cannot be.
    """
    if min(columns) < 1 or columns[0] == columns[1]:
        raise UsageError(f"columns={columns}: two different numbers from 1 are needed")
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '\n\r"'):
        raise UsageError(f"delimiter={delimiter!r} is not one character that separates words")
    notes: list[str] = []
    file = Path(path)
    lines = read_lines(file, notes)
    numbered = [(i, line) for i, line in enumerate(lines, 1) if line.strip()][int(header) :]
    sample = [line for _, line in numbered[:_LINES]]
    mark = delimiter or _delimiter(sample)
    width = _width(sample, mark, columns)
    if width > 2:
        notes.append(f"{file.name} has {width} columns; {columns[0]} and {columns[1]} were read")
    entries: dict[tuple[str, str], None] = {}
    trimmed = 0
    for number, line in numbered:
        cells = _split(line, mark)
        if len(cells) != width:
            _refuse_width(file, number, len(cells), width, mark)
        found = [cells[column - 1] for column in columns]
        word, translation = (cell.strip(" ") for cell in found)
        if not word.strip() or not translation.strip():
            raise CorpusError(
                f"column {columns[bool(word.strip())]} is empty",
                file=file,
                line=number,
                remedy="give a word and a translation, or remove the line",
            )
        trimmed += [word, translation] != found
        entries[word, translation] = None
    if not entries:
        raise CorpusError("has no entry", file=file, remedy="write a word and a translation a line")
    if trimmed:
        notes.append(f"{file.name}: spaces around the words of {trimmed} lines were removed")
    dropped = {
        "duplicate entry": len(numbered) - len(entries),
        "blank line": len(lines) - len(numbered) - header,
        "header": int(header),
    }
    return Lexicon(
        list(entries),
        str(path),
        mark,
        len(lines),
        {reason: count for reason, count in dropped.items() if count},
        tuple(notes),
    )


def _delimiter(sample: Sequence[str]) -> str:
    """What at least half of the lines have: tabs before commas before spaces."""
    for mark in "\t,":
        if 2 * sum(mark in line for line in sample) >= len(sample):
            return mark
    return " "


def _width(sample: Sequence[str], mark: str, columns: tuple[int, int]) -> int:
    """How many columns most lines have, but no fewer than are asked for."""
    if mark == " ":
        return max(2, *columns)
    widths = Counter(len(_split(line, mark)) for line in sample)
    return max(*columns, *(width for width, _ in widths.most_common(1)))


def _split(line: str, mark: str) -> list[str]:
    """The cells of a line."""
    if mark == " ":  # MUSE has files where some lines have a tab instead
        return [cell for cell in line.replace("\t", " ").split(" ") if cell]
    if mark == "\t":
        return line.split(mark)
    try:
        return next(csv.reader([line], delimiter=mark, skipinitialspace=True, strict=True))
    except csv.Error:
        return line.split(mark)  # a quotation mark that is a character


def _refuse_width(file: Path, line: int, found: int, width: int, mark: str) -> None:
    columns = "1 column" if found == 1 else f"{found} columns"
    between = f"{_NAMES.get(mark, repr(mark))} between them"
    remedy = f"write a word and a translation with {between}, or name another delimiter"
    if mark == " ":
        remedy = "words with spaces need tabs between the columns"
    raise CorpusError(
        f"has {columns} where {width} are expected, {between}",
        file=file,
        line=line,
        remedy=remedy,
    )
