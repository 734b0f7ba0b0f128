"""Language by tokenizer: what each asks of each."""

from __future__ import annotations

from typing import Any

from isogloss.registry import register
from isogloss.report.charts.look import chart, interval_tooltip, language_axis, row_height
from isogloss.report.rows import audited_systems, by_language, main_rows, shown
from isogloss.score import Scores

WRITTEN = 10  # tokenizers up to which the premium stands in its cell
LIGHT = 0.5  # share of the scale from which black on cividis reads better than white


@register("chart", "tokenizers.v1")
def tokenizers(scores: Scores) -> dict[str, Any] | None:
    """Premiums of several tokenizers, the worst languages first; nothing where there is one."""
    systems = audited_systems(scores)
    if len(systems) < 2:
        return None
    unknown = {
        system: by_language(main_rows(scores, "unknown_share").where(system=system))
        for system in systems
    }
    rows: list[dict[str, Any]] = [
        {"language": shown(str(r.language)).label, "tokenizer": r.system, "value": r.value,
         "low": r.low, "high": r.high, "n": r.n,
         "unknown": u.value if (u := unknown[str(r.system)].get(str(r.language))) else None}
        for r in main_rows(scores, "premium") if r.value
    ]  # fmt: skip
    if not rows:
        return None
    worst: dict[str, float] = {}
    for row in rows:
        worst[row["language"]] = max(worst.get(row["language"], 0.0), row["value"])
    order = sorted(worst, key=lambda language: -worst[language])
    x = {
        "field": "tokenizer", "type": "nominal", "sort": systems, "title": None,
        "scale": {"paddingInner": 0.04},
        "axis": {"orient": "top", "labelAngle": -30, "grid": False},
    }  # fmt: skip
    values = [float(row["value"]) for row in rows]
    middle = min(values) ** (1 - LIGHT) * max(values) ** LIGHT  # the scale is logarithmic
    return chart(
        "Premium by language and tokenizer",
        (row_height(len(order)) - 1) * len(order) + 8,
        data={"values": rows},
        encoding={"x": x, "y": {**language_axis(order), "scale": {"paddingInner": 0.06}}},
        layer=[_cells(), _numerals(middle)] if len(systems) <= WRITTEN else [_cells()],
    )


def _cells() -> dict[str, Any]:
    return {
        "mark": {"type": "rect"},
        "encoding": {
            "color": {
                "field": "value", "type": "quantitative",
                "legend": {"title": "premium", "titleOrient": "left", "gradientLength": 160},
                "scale": {"type": "log", "scheme": "cividis"},
            },
            "tooltip": [
                {"field": "language"}, {"field": "tokenizer"}, *interval_tooltip("premium", ".2f"),
                {"field": "unknown", "title": "unknown tokens", "format": ".1%"},
            ],
        },
    }  # fmt: skip


def _numerals(middle: float) -> dict[str, Any]:
    black = {"test": f"datum.value > {middle}", "value": "#000000"}
    return {
        "mark": {"type": "text", "fontSize": 11},
        "encoding": {
            "text": {"field": "value", "type": "quantitative", "format": ".2f"},
            "color": {"condition": black, "value": "#ffffff"},
        },
    }
