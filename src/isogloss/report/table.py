"""Every score as data for the page: columns, not rows, and each word written once.

Twenty thousand rows stay small and open fast: a column of words is a list of the words and one
number a row, a column in which nothing varies is said once above the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isogloss.report.rows import shown
from isogloss.score import COLUMNS, Scores

TABLE = (
    "stage", "measure", "language", "direction", "layer", "value", "low", "high", "n", "truncated",
    "dropped", "interval", "system", "dataset", "pooling", "task", "strategy", "seed", "settings",
)  # fmt: skip
NUMERIC = {"layer", "value", "low", "high", "n", "truncated", "seed"}
KEPT = {"measure", "language", "value", "low", "high", "n"}  # columns shown whatever they hold
assert set(TABLE) <= set(COLUMNS)


def table(scores: Scores) -> dict[str, Any]:
    """`columns` (numbers, or words and their index a row), `constant` facts, `rows`: how many."""
    columns: list[dict[str, Any]] = []
    constant: list[list[str]] = []
    for name in TABLE:
        values = [_cell(name, getattr(row, name)) for row in scores]
        distinct = set(values)
        if distinct <= {None}:
            continue
        if len(distinct) == 1 and name not in KEPT:
            constant.append([name, str(values[0])])
        elif name in NUMERIC:
            columns.append({"name": name, "numbers": values})
        else:
            words = sorted(str(value) for value in distinct if value is not None)
            at = {word: index for index, word in enumerate(words)}
            index = [-1 if value is None else at[str(value)] for value in values]
            columns.append({"name": name, "words": words, "index": index})
    return {"columns": columns, "constant": constant, "rows": len(scores)}


def _cell(name: str, value: Any) -> Any:
    if name == "language" and value is not None:
        return shown(str(value)).label
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {_short(v)}" for k, v in value.items()) or None
    return _short(value)


def _short(value: Any) -> Any:
    return float(f"{value:.5g}") if isinstance(value, float) else value
