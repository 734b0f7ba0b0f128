"""CSV with quoting: a cell in double quotes may hold commas, quotes and line ends."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from isogloss.corpus.spec import Spec
from isogloss.errors import CorpusError, UsageError
from isogloss.registry import register
from isogloss.task.examples import Shape
from isogloss.task.readers.found import Found, ending, numbered_lines, one_file
from isogloss.task.readers.records import TABLE_OPTIONS, Row, from_table

csv.field_size_limit(2**31 - 1)  # the module stops at 131,072 characters, and books are longer
OPTIONS, NAMES_COLUMNS = (*TABLE_OPTIONS, "delimiter"), True


def accepts(spec: Spec, shape: Shape) -> int:
    """Surely for `.csv`."""
    return 2 if ending(spec) == ".csv" else 0


@register("examples", "csv.v1")
def read(spec: Spec, shape: Shape) -> Found:
    """Read rows with or without a header; `?delimiter=;` where it is no comma, or `tab`.

    Raises:
        CorpusError: a quote that is never closed, or text after a closing quote, with its line.
        UsageError: a delimiter of more than one character.

    Source: RFC 4180 (2005).
    """
    mark = spec.options.get("delimiter", ",")
    mark = "\t" if mark == "tab" else mark
    if len(mark) != 1:
        raise UsageError(f"{spec.text}: the delimiter {mark!r} is not one character")
    return from_table(_rows(spec, mark), spec, shape)


def _rows(spec: Spec, delimiter: str) -> Iterator[Row]:
    lines = (f"{line}\n" for _, line in numbered_lines(one_file(spec), spec.notes))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    begins = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise CorpusError(
                f"is not CSV: {error}", file=spec.text, line=begins,
                remedy='write a quote inside a cell in double quotes as ""; TSV without quoting is '
                "read with ?format=tsv",
            ) from None  # fmt: skip
        if cells:  # the module gives an empty list for an empty line
            yield begins, cells
        begins = reader.line_num + 1
