"""Strategies by language, with intervals."""

from __future__ import annotations

from typing import Any

from isogloss.registry import register
from isogloss.report.charts.look import MANY, chart, interval_tooltip, language_axis
from isogloss.report.rows import shown
from isogloss.report.transfer import Result, groups, names, ranked, results, strategies
from isogloss.score import Scores

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8f98", "#7a5195"]
"""Okabe-Ito, without yellow and black, which a white or a dark page swallows, and two more."""
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right",
          "triangle-left"]  # fmt: skip
LANE, GAP = 8, 10  # pixels of one strategy, and between two languages


@register("chart", "transfer.v1")
def transfer(scores: Scores) -> dict[str, Any] | None:
    """A dot a strategy and language with its 95% interval, the best of the first strategy first."""
    found = results(scores)
    if not found:
        return None
    present, called = strategies(found), names(groups(found))
    rows = [_dot(one, called[one.group]) for one in found]
    order = [_language(tag, name) for group, name in called.items() for tag in ranked(found, group)]
    titles = list(dict.fromkeys(group.title for group in groups(found)))
    colour = {
        "field": "strategy", "type": "nominal", "sort": present,
        "scale": {"domain": present, "range": _cycled(COLOURS, len(present))},
        "legend": None if len(present) == 1 else {},
    }  # fmt: skip
    shape = {**colour, "scale": {"domain": present, "range": _cycled(SHAPES, len(present))}}
    x = {
        "field": "value", "type": "quantitative", "title": " or ".join(titles),
        "axis": {"tickCount": 6}, "scale": {"zero": False, "nice": True},
    }  # fmt: skip
    lane = {"field": "strategy", "type": "nominal", "sort": present}
    whiskers = {
        "transform": [{"filter": "isValid(datum.low) && isValid(datum.high)"}],
        "mark": {"type": "rule", "strokeWidth": 1.5, "opacity": 0.75},
        "encoding": {"x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"},
                     "yOffset": lane, "color": colour},
    }  # fmt: skip
    tooltip = [
        {"field": "language"}, {"field": "autonym", "title": "its own name"}, {"field": "strategy"},
        *interval_tooltip(titles[0] if len(titles) == 1 else "score", ".3f"),
        {"field": "seeds", "title": "each seed"}, {"field": "interval"},
    ]  # fmt: skip
    dots = {
        "mark": {"type": "point", "filled": True, "opacity": 1,
                 "size": 46 if len(order) <= MANY else 34},
        "encoding": {"x": x, "yOffset": lane, "color": colour, "shape": shape,
                     "tooltip": tooltip},
    }  # fmt: skip
    bands = {
        "mark": {"type": "rule", "color": "#6b7680", "opacity": 0.18},
        "transform": [{"filter": {"field": "strategy", "equal": present[0]}}],
        "encoding": {"x": {"value": 0}, "x2": {"value": "width"}},
    }
    spec = chart(
        "Strategies by language with 95% intervals",
        (GAP + LANE * len(present)) * len(order) + 8,
        data={"values": rows},
        encoding={"y": {**language_axis(order), "scale": {"paddingInner": 0.3}}},
        layer=[bands, whiskers, dots],
    )
    spec["config"]["legend"] |= {"columns": 3, "labelLimit": 240}  # the page narrows it on a phone
    return spec


def _dot(one: Result, data: str) -> dict[str, Any]:
    seeds = ", ".join(f"{value:.3f}" for value in one.values) if len(one.values) > 1 else "one"
    return {
        "language": _language(one.language, data),
        "autonym": shown(one.language).autonym, "strategy": one.strategy, "value": one.value,
        "low": one.low, "high": one.high, "n": one.n, "seeds": seeds,
        "interval": one.interval or "",
    }  # fmt: skip


def _language(tag: str, data: str) -> str:
    return f"{shown(tag).label} {data}".strip()


def _cycled(values: list[str], n: int) -> list[str]:
    return [values[i % len(values)] for i in range(n)]
