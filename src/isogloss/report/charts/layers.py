"""Language by layer: where in the model the languages meet."""

from __future__ import annotations

from typing import Any

from isogloss.registry import register
from isogloss.report.charts.look import ROW, chart, name
from isogloss.score import Scores


@register("chart", "layers.v1")
def layers(scores: Scores) -> dict[str, Any] | None:
    """P@1 to the pivot per language and layer; nothing if only one layer was measured."""
    rows: list[dict[str, Any]] = [
        {"language": name(str(r.language)), "layer": r.layer, "value": r.value,
         "low": r.low, "high": r.high}
        for r in scores.where(measure="retrieval_p1")
        if r.stage in (None, "before") and r.layer is not None
        and str(r.direction).startswith(f"{r.language}>")
    ]  # fmt: skip
    if len({r["layer"] for r in rows}) < 2:
        return None
    best: dict[str, float] = {}
    for r in rows:
        best[r["language"]] = max(best.get(r["language"], 0.0), r["value"])
    order = sorted(best, key=lambda language: -best[language])
    return chart(
        "P@1 by language and layer",
        ROW * len(order) + 20,
        data={"values": rows},
        mark={"type": "rect"},
        encoding={
            "x": {"field": "layer", "type": "ordinal", "title": "layer (0: embeddings)",
                  "axis": {"labelAngle": 0}},
            "y": {"field": "language", "type": "nominal", "sort": order, "title": None},
            "color": {"field": "value", "type": "quantitative", "title": "P@1",
                      "scale": {"scheme": "cividis", "domain": [0, 1]},
                      "legend": {"title": "P@1", "orient": "top"}},
            "tooltip": [{"field": "language"}, {"field": "layer"},
                        *({"field": f, "format": ".3f"} for f in ("value", "low", "high"))],
        },
    )  # fmt: skip
