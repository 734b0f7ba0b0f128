"""The key table, one row a language, as plain HTML that needs no script."""

from __future__ import annotations

from typing import Any

from isogloss.report.rows import (
    by_language,
    final,
    last_layers,
    main_rows,
    outward,
    shown,
    stages,
    variants,
)
from isogloss.report.summary import LEVEL
from isogloss.score import Score, Scores


def key_table(scores: Scores) -> dict[str, Any]:
    """`columns`, and `rows` of names and cells, best language first.

    P@1 from the language to the pivot at the last layer in every stage, the paired change, and
    what the tokenizer costs now. Empty where retrieval was not measured. Where a run tried several
    things, each has its own rows, named in the first column.
    """
    tried = variants(scores)
    if len(tried) > 1:
        tables = {name: key_table(part) for name, part in tried.items()}
        rows = [
            {**row, "cells": [{"text": name, "interval": ""}, *row["cells"]]}
            for name, one in tables.items() for row in one["rows"]
        ]  # fmt: skip
        return {"columns": ["system", *next(iter(tables.values()))["columns"]], "rows": rows}
    [scores] = tried.values()
    found = main_rows(scores, "retrieval_p1")
    at = {stage: by_language(found.where(stage=stage)) for stage in stages(found)}
    changed = outward(last_layers(scores.where(measure="retrieval_p1", stage="change")))
    change = by_language(changed)
    premium, unknown = (by_language(final(scores, m)) for m in ("premium", "unknown_share"))
    columns = [f"P@1 {stage}" if stage else "P@1" for stage in at]
    if not columns:
        return {"columns": [], "rows": []}
    columns += ["change", "by the test"] if change else []
    columns += ["premium"] if premium else []
    columns += ["unknown tokens"] if unknown else []
    last = list(at.values())[-1]
    tags = dict.fromkeys(str(row.language) for row in found)
    rows = []
    for tag in sorted(tags, key=lambda t: -(last[t].value or 0) if t in last else 1.0):
        cells = [_cell(values.get(tag)) for values in at.values()]
        if change:
            cells += [_cell(change.get(tag), "+"), _told(change.get(tag))]
        if premium:
            cells.append(_plain(premium.get(tag), ".2f", "×"))
        if unknown:
            cells.append(_plain(unknown.get(tag), ".1%", ""))
        rows.append({"language": shown(tag), "cells": cells})
    return {"columns": columns, "rows": rows}


def _cell(row: Score | None, sign: str = "") -> dict[str, str]:
    if row is None or row.value is None:
        return {"text": "", "interval": ""}
    between = ""
    if row.low is not None and row.high is not None:
        between = f"{row.low:{sign}.2f} to {row.high:{sign}.2f}"
    return {"text": f"{row.value:{sign}.3f}", "interval": between}


def _told(row: Score | None) -> dict[str, str]:
    p = None if row is None else row.settings.get("p_holm")
    if row is None or p is None:
        return {"text": "", "interval": ""}
    word, kind = "no clear change", "same"
    if p < LEVEL and row.value:
        word, kind = ("better", "up") if row.value > 0 else ("worse", "down")
    return {"text": word, "interval": "p < 0.001" if p < 0.001 else f"p = {p:.3f}", "kind": kind}


def _plain(row: Score | None, form: str, unit: str) -> dict[str, str]:
    text = "" if row is None or row.value is None else f"{row.value:{form}}{unit}"
    return {"text": text, "interval": ""}
