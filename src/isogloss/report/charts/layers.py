"""Language by layer: where in the model the languages meet."""

from __future__ import annotations

from typing import Any

from isogloss.registry import register
from isogloss.report.charts.look import chart, interval_tooltip, language_axis, row_height
from isogloss.report.rows import outward, shown, variants
from isogloss.score import Scores

WRITTEN = 9  # layers up to which the value stands in its cell
LIGHT = 0.47  # value from which black on cividis reads better than white


@register("chart", "layers.v1")
def layers(scores: Scores) -> dict[str, Any] | None:
    """P@1 to the pivot per language and layer; nothing if only one layer was measured.

    Of an extended model the last stage that has several layers is shown; of several systems that
    were tried, the last.
    """
    *_, scores = variants(scores).values()
    found = Scores(
        r for r in outward(scores.where(measure="retrieval_p1"))
        if r.layer is not None and r.value is not None
    )  # fmt: skip
    for stage in ("after", None, "before"):
        kept = found.where(stage=stage)
        numbers = {r.layer for r in kept}
        if len(numbers) > 1:
            break
    else:
        return None
    rows: list[dict[str, Any]] = [
        {"language": shown(str(r.language)).label, "layer": r.layer, "value": r.value,
         "low": r.low, "high": r.high, "n": r.n}
        for r in kept
    ]  # fmt: skip
    best: dict[str, float] = {}
    for row in rows:
        best[row["language"]] = max(best.get(row["language"], 0.0), row["value"])
    order = sorted(best, key=lambda language: -best[language])
    when = f", {stage}" if stage else ""
    x = {
        "field": "layer", "type": "ordinal", "title": f"layer (0: the embeddings){when}",
        "scale": {"paddingInner": 0.04}, "axis": {"labelAngle": 0, "grid": False},
    }  # fmt: skip
    return chart(
        f"P@1 by language and layer{when}",
        (row_height(len(order)) - 1) * len(order) + 8,
        data={"values": rows},
        encoding={"x": x, "y": {**language_axis(order), "scale": {"paddingInner": 0.06}}},
        layer=[_cells(), _numerals()] if len(numbers) <= WRITTEN else [_cells()],
    )


def _cells() -> dict[str, Any]:
    legend = {
        "title": "P@1", "orient": "top", "titleOrient": "left", "gradientLength": 160,
        "format": ".1f", "values": [0, 0.5, 1],
    }  # fmt: skip
    return {
        "mark": {"type": "rect"},
        "encoding": {
            "color": {
                "field": "value", "type": "quantitative", "legend": legend,
                "scale": {"scheme": "cividis", "domain": [0, 1]},
            },
            "tooltip": [
                {"field": "language"}, {"field": "layer"}, *interval_tooltip("P@1", ".3f"),
            ],
        },
    }  # fmt: skip


def _numerals() -> dict[str, Any]:
    black = {"test": f"datum.value > {LIGHT}", "value": "#000000"}
    return {
        "mark": {"type": "text", "fontSize": 11},
        "encoding": {
            "text": {"field": "value", "type": "quantitative", "format": ".2f"},
            "color": {"condition": black, "value": "#ffffff"},
        },
    }
