"""The page: scores and provenance in, one self-contained HTML file out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from isogloss import registry
from isogloss.files import atomic_write
from isogloss.language import read_language
from isogloss.measure.catalogue import MEASURES
from isogloss.report.charts.before_after import last_layers
from isogloss.report.summary import sentences, verdict
from isogloss.score import COLUMNS, Score, Scores

ASSETS = Path(__file__).parent / "assets"
TABLE = (
    "stage", "measure", "language", "direction", "layer", "value", "low", "high", "n", "truncated",
    "dropped", "interval", "system", "dataset", "pooling", "settings",
)  # fmt: skip
NUMERIC = {"layer", "value", "low", "high", "n", "truncated"}
CHARTS = {
    "before_after.v1": (
        "Translations found",
        "Share of sentences whose translation is the nearest of all; bars are P@1 from the "
        "language to the pivot at the last layer, lines are 95% bootstrap intervals over "
        "sentences, n in the tooltip and the table.",
    ),
    "layers.v1": (
        "Layer by layer",
        "P@1 from each language to the pivot at each layer; intervals in the tooltip.",
    ),
    "premium.v1": (
        "What the tokenizer costs",
        "Tokens spent on the same sentences relative to the pivot, with 95% intervals; the dashed "
        "line is parity.",
    ),
}


def write(folder: Path, scores: Scores, provenance: Mapping[str, Any], *, figures: bool) -> Path:
    """Write `report.html` and its figures into a run's folder."""
    page = folder / "report.html"
    with atomic_write(page) as file:
        file.write(render(scores, provenance))
    if figures:
        import vl_convert

        for name, spec in charts(scores).items():
            fixed = {**spec, "width": 640, "autosize": {"type": "pad"}}
            fixed["config"] = {**fixed["config"], "background": "white"}
            stem = folder / "figures" / name.partition(".")[0]
            with atomic_write(stem.with_suffix(".svg")) as file:
                file.write(vl_convert.vegalite_to_svg(fixed))
            with atomic_write(stem.with_suffix(".png"), "wb") as file:
                file.write(vl_convert.vegalite_to_png(fixed, scale=2))
    return page


def render(scores: Scores, provenance: Mapping[str, Any]) -> str:
    """The page as text; everything in it is escaped."""
    from jinja2 import Environment, FileSystemLoader
    from markupsafe import Markup

    drawn = charts(scores)
    environment = Environment(loader=FileSystemLoader(ASSETS), autoescape=True)
    columns, languages = _languages(scores)
    data = {"charts": list(drawn.values()), "table": _table(scores)}
    return environment.get_template("page.html").render(
        title=provenance.get("title", "Results"),
        verdict=verdict(scores),
        facts=_facts(provenance),
        sentences=sentences(scores, list(provenance.get("notes", []))),
        charts=[{"title": CHARTS[n][0], "caption": CHARTS[n][1]} for n in drawn],
        key_columns=columns,
        languages=languages,
        inputs=provenance.get("inputs", {}),
        steps=provenance.get("steps", []),
        notes=provenance.get("notes", []),
        protocol=provenance.get("protocol"),
        command=provenance.get("command"),
        machine=_machine(provenance),
        recipe=json.dumps(provenance.get("recipe", {}), ensure_ascii=False, indent=1),
        measures=[about for name, about in MEASURES.items() if scores.where(measure=name)],
        style=Markup((ASSETS / "page.css").read_text(encoding="utf-8")),
        script=Markup((ASSETS / "page.js").read_text(encoding="utf-8")),
        bundle=Markup(_bundle()),
        data=Markup(_json(data)),
    )


def charts(scores: Scores) -> dict[str, dict[str, Any]]:
    """The specifications of the charts that have something to show."""
    made = {name: registry.get("chart", name)(scores) for name in CHARTS}
    return {name: spec for name, spec in made.items() if spec is not None}


@cache
def _bundle() -> str:
    """Vega, Vega-Lite and their embedding, once."""
    import vl_convert

    source = vl_convert.javascript_bundle(None)  # ty: ignore[invalid-argument-type]
    return re.sub(r"</(script)", r"<\\/\1", source, flags=re.IGNORECASE)


def _json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _table(scores: Scores) -> dict[str, Any]:
    assert set(TABLE) <= set(COLUMNS)
    shown = [n for n in TABLE if any(getattr(r, n) not in (None, {}) for r in scores)]
    rows = [[_value(getattr(row, name)) for name in shown] for row in scores]
    return {"columns": shown, "numeric": [name in NUMERIC for name in shown], "rows": rows}


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {v}" for k, v in value.items()) or None
    return round(value, 5) if isinstance(value, float) else value


def _languages(scores: Scores) -> tuple[list[str], list[dict[str, Any]]]:
    """The key table, which needs no script: one row a language."""
    rows = [r for r in last_layers(scores.where(measure="retrieval_p1")) if _outward(r)]
    stages = [s for s in ("before", "after", "change") if any(r.stage == s for r in rows)] or [None]
    cells: dict[str, dict[str | None, str]] = {}
    for row in rows:
        sign = "+" if row.stage == "change" else ""
        cells.setdefault(str(row.language), {})[row.stage] = (
            f"{row.value:{sign}.3f} [{row.low:{sign}.2f}, {row.high:{sign}.2f}]"
        )
    made = []
    for tag, by_stage in cells.items():
        language = read_language(tag)
        made.append(
            {
                "tag": tag,
                "name": language.name,
                "autonym": language.autonym,
                "bcp47": language.bcp47,
                "direction": language.direction,
                "cells": [by_stage.get(stage, "") for stage in stages],
            }
        )
    return ["P@1" if stage is None else f"P@1 {stage}" for stage in stages], made


def _outward(row: Score) -> bool:
    return str(row.direction).startswith(f"{row.language}>")


def _facts(provenance: Mapping[str, Any]) -> list[str]:
    teacher = provenance.get("inputs", {}).get("teacher", {})
    facts = [f"model {teacher['name']}"] if "name" in teacher else []
    for key, unit in (("wall_seconds", "s"), ("started", "")):
        if key in provenance:
            facts.append(f"{provenance[key]}{' ' + unit if unit else ''}")
    if "code_version" in provenance:
        facts.append(f"isogloss {provenance['code_version']}")
    return facts


def _machine(provenance: Mapping[str, Any]) -> dict[str, str]:
    keys = ("fingerprint", "seed", "code_version", "python", "platform", "cpu", "threads")
    found = {key: str(provenance[key]) for key in keys if key in provenance}
    if "peak_memory_bytes" in provenance:
        found["peak memory"] = f"{provenance['peak_memory_bytes'] / 2**30:.2f} GiB"
    versions = provenance.get("dependencies", {})
    if versions:
        found["packages"] = ", ".join(f"{k} {v}" for k, v in versions.items())
    training = provenance.get("training", {})
    if training:
        tuned = training.get("tuning_p1", {})
        found["training"] = (
            f"{training['parameters']}, {training['steps']} steps, "
            f"{training['sentences']:,} rows, objectives {', '.join(training['objectives'])}, "
            f"final loss {training['final_loss']:.3f}"
        )
        if tuned:
            mean = sum(tuned.values()) / len(tuned)
            found["tuning rows"] = (
                f"{training['tuning_sentences']} rows kept from training, mean P@1 {mean:.3f}"
            )
    return found
