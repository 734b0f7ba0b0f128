"""What strategies cost, each kind of cost relative to the dearest strategy."""

from __future__ import annotations

from typing import Any

from isogloss.registry import register
from isogloss.report.charts.look import chart, language_axis
from isogloss.report.transfer import attempts
from isogloss.score import Scores
from isogloss.task.costs import Cost, cost_table, costs

KINDS = {
    "training": "train_seconds", "translating": "translate_seconds", "aligning": "align_seconds",
    "an example": "predict_ms", "memory": "memory", "translator's calls": "calls",
    "labels to train": "train_labels", "labels to choose": "select_labels",
}  # fmt: skip
COLOURS = [
    "#0072b2", "#cc79a7", "#7a5195", "#56b4e9", "#8a8f98", "#e69f00", "#009e73", "#d55e00",
]  # fmt: skip
LANE, GAP = 16, 12  # pixels of one bar, and between two strategies


@register("chart", "transfer_costs.v1")
def transfer_costs(scores: Scores) -> dict[str, Any] | None:
    """Bars as long as the share of the largest of their kind, with the amount itself as text.

    Of one strategy there are none: it would be the dearest of all.
    """
    found = {
        f"{one.strategy}, {name}" if name else one.strategy: (one, told)
        for name, made in attempts(scores).items()
        for one, told in zip(costs(made), cost_table(made), strict=True)
    }
    tops = {kind: max((_amount(one, name) or 0.0 for one, _ in found.values()), default=0.0)
            for kind, name in KINDS.items()}  # fmt: skip
    kinds = [kind for kind, top in tops.items() if top]
    rows = [
        {"language": label, "kind": kind, "share": value / tops[kind], "amount": told[kind]}
        for label, (one, told) in found.items() for kind in kinds
        if (value := _amount(one, KINDS[kind])) is not None
    ]  # fmt: skip
    if not rows or len(found) < 2:
        return None
    colour = {
        "field": "kind", "type": "nominal", "sort": kinds,
        "scale": {"domain": kinds, "range": [COLOURS[list(KINDS).index(k)] for k in kinds]},
    }  # fmt: skip
    x = {
        "field": "share", "type": "quantitative", "title": "share of the dearest strategy",
        "axis": {"format": "%", "tickCount": 5}, "scale": {"domain": [0, 1.15]},
    }  # fmt: skip
    tooltip = [{"field": "language", "title": "strategy"}, {"field": "kind"}, {"field": "amount"}]
    bars = {
        "mark": {"type": "bar", "cornerRadiusEnd": 2},
        "encoding": {"x": x, "color": colour, "tooltip": tooltip},
    }
    amounts = {
        "mark": {"type": "text", "align": "left", "dx": 4, "fontSize": 11, "color": "#6b7680"},
        "encoding": {"x": x, "text": {"field": "amount"}},
    }
    order = list(found)
    spec = chart(
        "Cost of strategies relative to the dearest",
        (GAP + LANE * len(kinds)) * len(order) + 8,
        data={"values": rows},
        encoding={
            "y": {**language_axis(order), "scale": {"paddingInner": 0.2}},
            "yOffset": {"field": "kind", "type": "nominal", "sort": kinds},
        },
        layer=[bars, amounts],
    )
    spec["config"]["legend"]["columns"] = 6  # the page narrows it on a phone
    return spec


def _amount(one: Cost, name: str) -> float | None:
    return getattr(one, name)
