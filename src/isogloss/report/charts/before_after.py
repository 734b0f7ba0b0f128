"""Retrieval per language, before and after (or once), with intervals."""

from __future__ import annotations

from typing import Any

from isogloss.registry import register
from isogloss.report.charts.look import (
    WHISKER,
    chart,
    interval_tooltip,
    language_axis,
    row_height,
    stage_colour,
)
from isogloss.report.rows import main_rows, shown, stages, variants
from isogloss.score import Score, Scores


@register("chart", "before_after.v1")
def before_after(scores: Scores) -> dict[str, Any] | None:
    """P@1 from each language to the pivot at the last layer, bars with 95% intervals."""
    rows = [
        _bar(row, name)
        for name, part in variants(scores).items()
        for found in [main_rows(part, "retrieval_p1")]
        for stage in stages(found)
        for row in found.where(stage=stage)
    ]
    if not rows:
        return None
    present = list(dict.fromkeys(row["stage"] for row in rows))
    last = {r["language"]: r["value"] for r in rows}  # the later stage comes later
    order = sorted(last, key=lambda language: -last[language])
    top = max(r["value"] if r["high"] is None else r["high"] for r in rows)
    bars = {
        "mark": {"type": "bar", "cornerRadiusEnd": 2},
        "encoding": {
            "x": {
                "field": "value", "type": "quantitative", "title": "P@1, language to pivot",
                "axis": {"tickCount": 5, "format": ".1f"},
                "scale": {"domain": [0, 1 if top > 0.5 else 0.5]},
            },
            "color": stage_colour(present),
            "tooltip": [
                {"field": "language"}, {"field": "autonym", "title": "its own name"},
                {"field": "stage"}, *interval_tooltip("P@1", ".3f"),
            ],
        },
    }  # fmt: skip
    whiskers = {
        "transform": [{"filter": "isValid(datum.low) && isValid(datum.high)"}],
        "mark": {"type": "rule", "strokeWidth": 1.5, "color": WHISKER},
        "encoding": {"x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}},
    }
    height = row_height(len(order)) * (1 if len(present) == 1 else 1.4)
    return chart(
        "P@1 of translations by language with 95% intervals",
        height * len(order) + 8,
        data={"values": rows},
        encoding={
            "y": {**language_axis(order), "scale": {"paddingInner": 0.28}},
            "yOffset": {"field": "stage", "type": "nominal", "sort": present},
        },
        layer=[bars, whiskers],
    )


def _bar(row: Score, system: str) -> dict[str, Any]:
    language = shown(str(row.language))
    return {
        "language": f"{language.label} {system}".strip(), "autonym": language.autonym,
        "stage": row.stage or "measured", "value": row.value, "low": row.low, "high": row.high,
        "n": row.n,
    }  # fmt: skip
