"""What all charts share: colours, names and sizes."""

from __future__ import annotations

from typing import Any

from isogloss.language import read_language

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
BEFORE, AFTER = "#9aa3ad", "#0072b2"  # grey and Okabe-Ito blue: told apart without colour vision
ROW = 22


def chart(title: str, height: int, **parts: Any) -> dict[str, Any]:
    """A specification as wide as its place, with our type and quiet axes."""
    return {
        "$schema": SCHEMA,
        "description": title,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": {
            "background": "transparent",
            "font": "system-ui, 'Noto Sans', sans-serif",
            "axis": {
                "labelFontSize": 12,
                "titleFontSize": 12,
                "labelLimit": 240,
                "gridOpacity": 0.4,
            },
            "legend": {"orient": "top", "title": None, "labelFontSize": 12},
            "view": {"stroke": None},
        },
        **parts,
    }


def name(tag: str) -> str:
    """`Maori (mri_Latn)`."""
    return f"{read_language(tag).name} ({tag})"
