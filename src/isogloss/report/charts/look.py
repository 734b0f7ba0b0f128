"""What all charts share: colours, sizes, and the frame of a specification.

The style sheet restyles these colours for dark screens and paper (see `page.css`).
"""

from __future__ import annotations

from typing import Any

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
BEFORE, AFTER = "#a9b1ba", "#0072b2"  # grey and Okabe-Ito blue: told apart without colour vision
WHISKER, GUIDE = "#1f2933", "#6b7680"
COLOURS = {"before": BEFORE, "after": AFTER, "measured": AFTER}
ROOMY, DENSE, MANY = 24, 17, 40  # pixels a language, up to 40 languages and above


def chart(title: str, height: float, **parts: Any) -> dict[str, Any]:
    """A specification as wide as its place, with our type and quiet axes."""
    return {
        "$schema": SCHEMA,
        "description": title,
        "width": "container",
        "height": round(height),
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": {
            "background": "transparent",
            "font": "system-ui, 'Noto Sans', 'Segoe UI', sans-serif",
            "axis": {
                "labelFontSize": 12.5, "labelLimit": 260, "labelPadding": 6,
                "titleFontSize": 12, "titleFontWeight": "normal", "titlePadding": 8,
                "labelColor": "#333b46", "titleColor": "#5b6573", "gridColor": "#e3e7ec",
                "domain": False, "ticks": False,
            },
            "axisY": {"grid": False},
            "legend": {
                "orient": "top", "title": None, "labelFontSize": 12.5, "labelColor": "#333b46",
                "titleColor": "#5b6573", "titleFontWeight": "normal", "symbolType": "square",
                "columnPadding": 16, "offset": 10,
            },
            "view": {"stroke": None},
        },
        **parts,
    }  # fmt: skip


def row_height(languages: int) -> int:
    """Pixels of height for one language, fewer where there are many."""
    return ROOMY if languages <= MANY else DENSE


def stage_colour(stages: list[str]) -> dict[str, Any]:
    """The colour channel of before and after; a single stage needs no legend."""
    return {
        "field": "stage", "type": "nominal", "sort": stages,
        "scale": {"domain": stages, "range": [COLOURS[s] for s in stages]},
        "legend": None if len(stages) == 1 else {},
    }  # fmt: skip


def language_axis(order: list[str]) -> dict[str, Any]:
    """The y channel of languages in the given order."""
    axis = {"labelFontSize": 12.5 if len(order) <= MANY else 11}
    return {"field": "language", "type": "nominal", "sort": order, "title": None, "axis": axis}


def interval_tooltip(title: str, form: str) -> list[dict[str, Any]]:
    """The value called `title`, its interval and n, as lines of a tooltip."""
    titles = {"value": title, "low": "95% low", "high": "95% high"}
    lines = [{"field": f, "title": t, "format": form} for f, t in titles.items()]
    return [*lines, {"field": "n"}]
