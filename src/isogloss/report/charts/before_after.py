"""Retrieval per language, before and after (or once), with intervals."""

from __future__ import annotations

from typing import Any

from isogloss.registry import register
from isogloss.report.charts.look import AFTER, BEFORE, ROW, chart, name
from isogloss.score import Scores


@register("chart", "before_after.v1")
def before_after(scores: Scores) -> dict[str, Any] | None:
    """P@1 from each language to the pivot at the last layer, bars with 95% intervals."""
    rows: list[dict[str, Any]] = []
    for score in last_layers(scores.where(measure="retrieval_p1")):
        outward = score.direction and score.direction.startswith(f"{score.language}>")
        if score.stage == "change" or not outward or score.value is None:
            continue
        rows.append(
            {
                "language": name(str(score.language)),
                "stage": score.stage or "measured",
                "value": score.value,
                "low": score.low,
                "high": score.high,
                "n": score.n,
            }
        )
    if not rows:
        return None
    stages = [s for s in ("before", "after", "measured") if any(r["stage"] == s for r in rows)]
    final = {r["language"]: r["value"] for r in rows if r["stage"] == stages[-1]}
    order = sorted(final, key=lambda language: -final[language])
    colours = {"before": BEFORE, "after": AFTER, "measured": AFTER}
    y = {"field": "language", "type": "nominal", "sort": order, "title": None}
    offset = {"field": "stage", "type": "nominal", "sort": stages}
    tooltip = [{"field": f} for f in ("language", "stage")] + [
        {"field": f, "format": ".3f"} for f in ("value", "low", "high")
    ]
    bars = {
        "mark": {"type": "bar", "cornerRadiusEnd": 2},
        "encoding": {
            "x": {"field": "value", "type": "quantitative", "title": "P@1, language to pivot",
                  "axis": {"tickCount": 5},
                  "scale": {"domain": [0, 1]}},
            "color": {"field": "stage", "type": "nominal", "sort": stages,
                      "scale": {"domain": stages, "range": [colours[s] for s in stages]},
                      "legend": None if len(stages) == 1 else {}},
            "tooltip": [*tooltip, {"field": "n"}],
        },
    }  # fmt: skip
    whiskers = {
        "mark": {"type": "rule", "strokeWidth": 1.5, "color": "#6b7280"},
        "encoding": {"x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}},
    }
    height = len(order) * (ROW if len(stages) == 1 else ROW * 1.5) + 20
    return chart(
        "P@1 of translations by language with 95% intervals",
        round(height),
        data={"values": rows},
        encoding={"y": y, "yOffset": offset},
        layer=[bars, whiskers],
    )


def last_layers(scores: Scores) -> Scores:
    """Of each system and language, the rows of the last layer only."""
    top: dict[tuple[str | None, ...], int] = {}
    for row in scores:
        key = (row.system, row.stage, row.language)
        top[key] = max(top.get(key, -1), -1 if row.layer is None else row.layer)
    return Scores(
        r for r in scores
        if (-1 if r.layer is None else r.layer) == top[r.system, r.stage, r.language]
    )  # fmt: skip
