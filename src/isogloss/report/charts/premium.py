"""Tokenizer premium: what each language pays for the same sentences."""

from __future__ import annotations

from typing import Any

from isogloss.registry import register
from isogloss.report.charts.look import AFTER, BEFORE, ROW, chart, name
from isogloss.score import Scores


@register("chart", "premium.v1")
def premium(scores: Scores) -> dict[str, Any] | None:
    """Tokens over the pivot's for the same sentences, with 95% intervals; 1 is parity."""
    rows: list[dict[str, Any]] = [
        {"language": name(str(r.language)), "stage": r.stage or "measured", "value": r.value,
         "low": r.low, "high": r.high, "n": r.n}
        for r in scores.where(measure="premium")
        if r.stage != "change"
    ]  # fmt: skip
    if not rows:
        return None
    stages = [s for s in ("before", "after", "measured") if any(r["stage"] == s for r in rows)]
    first = {r["language"]: r["value"] for r in rows if r["stage"] == stages[0]}
    order = sorted(first, key=lambda language: -first[language])
    colours = {"before": BEFORE, "after": AFTER, "measured": AFTER}
    x = {"field": "value", "type": "quantitative", "title": "tokens, pivot = 1",
         "scale": {"zero": True}}  # fmt: skip
    colour = {"field": "stage", "type": "nominal", "sort": stages,
              "scale": {"domain": stages, "range": [colours[s] for s in stages]},
              "legend": None if len(stages) == 1 else {}}  # fmt: skip
    tooltip = [{"field": "language"}, {"field": "stage"}, {"field": "n"}]
    tooltip += [{"field": f, "format": ".2f"} for f in ("value", "low", "high")]
    y = {"field": "language", "type": "nominal", "sort": order, "title": None}
    return chart(
        "Tokenizer premium by language with 95% intervals",
        ROW * len(order) + 20,
        data={"values": rows},
        layer=[
            {"data": {"values": [{"at": 1}]},
             "mark": {"type": "rule", "strokeDash": [4, 3], "color": "#6b7280"},
             "encoding": {"x": {"field": "at", "type": "quantitative"}}},
            {"mark": {"type": "rule", "strokeWidth": 2},
             "encoding": {"y": y, "x": {"field": "low", "type": "quantitative"},
                          "x2": {"field": "high"}, "color": colour}},
            {"mark": {"type": "point", "filled": True, "size": 70},
             "encoding": {"y": y, "x": x, "color": colour, "tooltip": tooltip}},
        ],
    )  # fmt: skip
