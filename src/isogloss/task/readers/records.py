"""Rows with named or numbered cells as columns of a shape; shared by tables, JSON and Arrow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from isogloss.corpus.spec import Spec
from isogloss.corpus.text_files import column_at, wants_header
from isogloss.errors import CorpusError, UsageError
from isogloss.task.examples import Shape
from isogloss.task.readers.found import Found

OPTIONS = ("where", "separator")
TABLE_OPTIONS = (*OPTIONS, "header")
Row = tuple[int, Any]
"""The number of a line, and its cells as a sequence or a mapping."""


def from_table(rows: Iterable[Row], spec: Spec, shape: Shape) -> Found:
    """Columns of a table whose first row may be a header.

    It is one unless all columns that are needed are given by number; `?header=yes` or `no` settles
    it.

    Raises:
        CorpusError: a column that is not there, a cell of another type, or a row of another width.
    """
    left = iter(rows)
    number, first = next(left, (1, []))
    wanted = _wanted(spec, shape)
    needed = [n for c, n in wanted.items() if c in spec.options or _must(c, spec, shape)]
    named = not all(name.isdecimal() for name in needed)
    said = wants_header(spec.options.get("header"))
    has_header = said if said is not None else named
    header = [str(name).strip() for name in first] if has_header else None
    if header and len(set(header)) < len(header):
        raise CorpusError(
            "a column name occurs twice in the header", file=spec.text, line=number,
            remedy="rename one, or give columns by number with ?header=yes",
        )  # fmt: skip
    keys: dict[str, Any] = {}
    for column, name in wanted.items():
        if column in spec.options or _must(column, spec, shape) or name in (header or ()):
            keys[column] = column_at(name, header, len(first), spec.path)
    where = _where(spec, lambda name: column_at(name, header, len(first), spec.path))
    body = left if has_header else _again((number, first), left)
    return _found(_same_width(body, len(first), spec), keys, where, spec, shape)


def from_mappings(rows: Iterable[Row], spec: Spec, shape: Shape) -> Found:
    """Columns of rows whose cells have names; one that is absent is missing.

    Raises:
        CorpusError: a column that no row has, or a cell of another type.
    """
    keys = _wanted(spec, shape)
    found = _found(rows, keys, _where(spec, str), spec, shape)
    for column in list(found.columns):
        if any(value is not None for value in found.columns[column]):
            continue
        if column in spec.options or _must(column, spec, shape):
            raise CorpusError(
                f"no row has {keys[column]!r}", file=spec.text,
                remedy=f"name what has the {column}, such as ?{column}=body"
                + (", or say ?missing=keep" if column in shape.labels else ""),
            )  # fmt: skip
        del found.columns[column]
    return found


def _wanted(spec: Spec, shape: Shape) -> dict[str, str]:
    """Which column of the file each column of the shape is."""
    return {column: spec.options.get(column, column) for column in ("id", *shape.columns)}


def _must(column: str, spec: Spec, shape: Shape) -> bool:
    if column == "id" or column in shape.optional:
        return False
    return column not in shape.labels or spec.options.get("missing") in (None, "none")


def _where(spec: Spec, key_of: Callable[[str], Any]) -> tuple[Any, str] | None:
    said = spec.options.get("where")
    if said is None:
        return None
    name, colon, value = said.partition(":")
    if not (name and colon and value):
        raise UsageError(
            f"{spec.text}: where={said} means nothing",
            remedy="write where=column:value, or column:begin*",
        )
    return key_of(name), value


def _again(first: Row, rest: Iterable[Row]) -> Iterable[Row]:
    yield first
    yield from rest


def _same_width(rows: Iterable[Row], width: int, spec: Spec) -> Iterable[Row]:
    for line, cells in rows:
        if len(cells) != width:
            columns = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
            raise CorpusError(
                f"has {columns} where {width} are expected", file=spec.text, line=line,
                remedy="remove stray separators or fix the row",
            )  # fmt: skip
        yield line, cells


def _found(
    rows: Iterable[Row],
    keys: Mapping[str, Any],
    where: tuple[Any, str] | None,
    spec: Spec,
    shape: Shape,
) -> Found:
    kinds = {"id": "string", **shape.columns}
    columns: dict[str, list[Any]] = {column: [] for column in keys}
    lines, others = [], 0
    for line, cells in rows:
        if where and not _is(str(_cell(cells, where[0])), where[1]):
            others += 1
            continue
        lines.append(line)
        for column, key in keys.items():
            try:
                told = _value(_cell(cells, key), kinds[column], column, spec, shape)
            except ValueError as error:
                raise CorpusError(
                    f"the {column} {error}", file=spec.text, line=line,
                    remedy=f"correct it, or name another column, such as ?{column}=body",
                ) from None  # fmt: skip
            columns[column].append(told)
    if others:
        spec.note(f"{others} rows are not {spec.options['where']} and were not read")
    if not lines:
        raise CorpusError(
            "has no example" + (f" with {spec.options['where']}" if where else ""), file=spec.text,
            remedy="check the file" + (" and ?where=" if where else ""),
        )  # fmt: skip
    return Found(columns, lines)


def _is(cell: str, value: str) -> bool:
    return cell.startswith(value[:-1]) if value.endswith("*") else cell == value


def _cell(cells: Any, key: Any) -> Any:
    return cells.get(key) if isinstance(cells, Mapping) else cells[key]


def _value(cell: Any, kind: str, column: str, spec: Spec, shape: Shape) -> Any:
    """A cell as its column wants it; an empty label is missing, and white space around it none.

    Raises:
        ValueError: it cannot be that.
    """
    if column == "label" and isinstance(cell, str):
        cell = cell.strip()
    if cell is None or (cell == "" and (column in shape.labels or not kind.startswith("list"))):
        return None
    if kind == "string":
        return _text(cell, column, shape)
    if kind in ("int32", "double"):
        return _number(cell, kind)
    if kind == "list<string>":
        return _texts(cell, column, spec)
    if kind == "list<int32>":
        cells = cell.split() if isinstance(cell, str) else cell
        return [_number(one, "int32") for one in cells]
    if column == "answers":
        return _answers(cell)
    raise ValueError(f"cannot be read from this format; {kind} is wanted")


def _text(cell: Any, column: str, shape: Shape) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) and (column == "id" or column in shape.labels):
        return str(cell).lower()  # true and false are labels in JSON
    raise ValueError(f"is {type(cell).__name__}, not text")


def _number(cell: Any, kind: str) -> float | int:
    try:
        number = float(cell)
    except (TypeError, ValueError):
        number = math.nan
    whole = kind != "int32" or (number % 1 == 0 and abs(number) < 2**31)
    if isinstance(cell, bool) or not math.isfinite(number) or not whole:
        raise ValueError(f"{cell!r} is not a {'whole ' if kind == 'int32' else ''}number")
    return int(number) if kind == "int32" else number


def _texts(cell: Any, column: str, spec: Spec) -> list[str]:
    """A list, or text that is split: words and what each has at spaces, all else at `|`."""
    if isinstance(cell, str):
        spaced = column in ("words", "tags", "features", "relations")
        mark = spec.options.get("separator", " " if spaced else "|")
        parts = [one.strip() for one in cell.split(mark)]
        last = max((at for at, part in enumerate(parts, 1) if part), default=0)
        if column == "choices":  # an empty one that was left out would move those behind it
            return parts[:last]
        return [part for part in parts if part]
    if not isinstance(cell, Sequence) or not all(isinstance(one, str | int) for one in cell):
        raise ValueError("is not a list of texts")
    return [str(one) for one in cell]


def _answers(cell: Any) -> list[dict[str, Any]]:
    """Answers as records, or as two lists as Hugging Face keeps them."""
    if isinstance(cell, Mapping):
        texts, starts = cell.get("text"), cell.get("answer_start", cell.get("start"))
        if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
            raise ValueError("need as many texts as starts")
        cell = [{"text": t, "start": s} for t, s in zip(texts, starts, strict=True)]
    if not isinstance(cell, list):
        raise ValueError("are not a list of text and start")
    return [one_answer(one) for one in cell]


def one_answer(answer: Any) -> dict[str, Any]:
    """The text and start of an answer.

    Raises:
        ValueError: one of them is not there or of another type.
    """
    told = answer if isinstance(answer, Mapping) else {}
    text, start = told.get("text"), told.get("answer_start", told.get("start"))
    if not isinstance(text, str) or not isinstance(start, int) or isinstance(start, bool):
        raise ValueError("need a text and a whole number where it starts")
    if abs(start) >= 2**31:
        raise ValueError(f"start at {start}")
    return {"text": text, "start": start}
