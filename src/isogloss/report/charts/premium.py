"""Tokenizer premium: what each language pays for the same sentences."""

from __future__ import annotations

from typing import Any

from isogloss.registry import register
from isogloss.report.charts.look import (
    GUIDE,
    chart,
    interval_tooltip,
    language_axis,
    row_height,
    stage_colour,
)
from isogloss.report.rows import audited_systems, by_language, main_rows, shown, stages
from isogloss.score import Scores

BESIDE = ("fertility", "unknown_share")  # measures told in the tooltip


@register("chart", "premium.v1")
def premium(scores: Scores) -> dict[str, Any] | None:
    """Tokens over the pivot's for the same sentences, with 95% intervals; 1 is parity."""
    rows = [] if len(audited_systems(scores)) > 1 else _rows(scores)
    if not rows:
        return None
    present = list(dict.fromkeys(r["stage"] for r in rows))
    first: dict[str, float] = {}
    for row in rows:
        first.setdefault(row["language"], row["value"])
    order = sorted(first, key=lambda language: -first[language])
    x = {
        "field": "value", "type": "quantitative", "title": "tokens, pivot = 1",
        "axis": {"tickCount": 5}, "scale": {"zero": True, "nice": True},
    }  # fmt: skip
    y, colour = language_axis(order), stage_colour(present)
    way = {
        "mark": {"type": "line", "color": GUIDE, "strokeWidth": 1, "opacity": 0.5},
        "encoding": {"y": y, "x": x, "detail": {"field": "language"}},
    }
    parity = {
        "data": {"values": [{"at": 1}]},
        "mark": {"type": "rule", "strokeDash": [4, 3], "color": GUIDE},
        "encoding": {"x": {"field": "at", "type": "quantitative"}},
    }
    whiskers = {
        "transform": [{"filter": "isValid(datum.low) && isValid(datum.high)"}],
        "mark": {"type": "rule", "strokeWidth": 2.5},
        "encoding": {"y": y, "x": {"field": "low", "type": "quantitative"},
                     "x2": {"field": "high"}, "color": colour},
    }  # fmt: skip
    dots = {
        "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
        "encoding": {"y": y, "x": x, "color": colour, "tooltip": _tooltip()},
    }
    return chart(
        "Tokenizer premium by language with 95% intervals",
        row_height(len(order)) * len(order) + 8,
        data={"values": rows},
        layer=[parity, *([way] if len(present) > 1 else []), whiskers, dots],
    )


def _rows(scores: Scores) -> list[dict[str, Any]]:
    """One row a language and stage: premium, and what stands beside it in the tooltip."""
    found = main_rows(scores, "premium")
    rows = []
    for stage in stages(found):
        beside = {m: by_language(main_rows(scores, m).where(stage=stage)) for m in BESIDE}
        for row in found.where(stage=stage):
            language = shown(str(row.language))
            others = {m: values.get(str(row.language)) for m, values in beside.items()}
            rows.append(
                {
                    "language": language.label, "autonym": language.autonym,
                    "stage": stage or "measured", "value": row.value, "low": row.low,
                    "high": row.high, "n": row.n,
                    **{m: None if other is None else other.value for m, other in others.items()},
                }
            )  # fmt: skip
    return rows


def _tooltip() -> list[dict[str, Any]]:
    return [
        {"field": "language"}, {"field": "autonym", "title": "its own name"}, {"field": "stage"},
        *interval_tooltip("premium", ".2f"),
        {"field": "fertility", "title": "tokens per word", "format": ".2f"},
        {"field": "unknown_share", "title": "unknown tokens", "format": ".1%"},
    ]  # fmt: skip
