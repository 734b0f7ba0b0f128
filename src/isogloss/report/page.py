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
from isogloss.measure.catalogue import MEASURES
from isogloss.report import provenance as told
from isogloss.report.languages import key_table
from isogloss.report.rows import main_rows
from isogloss.report.summary import summarise
from isogloss.report.table import table
from isogloss.report.transfer import results, transfer_table
from isogloss.score import Scores

ASSETS = Path(__file__).parent / "assets"
CHARTS = {
    "before_after.v1": (
        "Translations found",
        "retrieval_p1",
        "Share of sentences whose translation is the nearest of all (P@1), from the language to "
        "the pivot, at the last layer. Lines are 95% bootstrap intervals over sentences.",
    ),
    "layers.v1": (
        "Layer by layer",
        "retrieval_p1",
        "P@1 from each language to the pivot at each layer; yellow is better. The 95% intervals "
        "are in each cell's tooltip and in the table.",
    ),
    "premium.v1": (
        "What the tokenizer costs",
        "premium",
        "Tokens spent on the same sentences relative to the pivot; the dashed line is parity, "
        "further right is dearer. Lines are 95% bootstrap intervals over sentences, mostly "
        "narrower than the dot. Tokens per word and unknown tokens are in the tooltip.",
    ),
    "tokenizers.v1": (
        "What each tokenizer costs",
        "premium",
        "Tokens spent on the same sentences relative to the pivot, by language and tokenizer; 1 is "
        "parity, yellow is dearer. The 95% intervals are in each cell's tooltip and in the table.",
    ),
    "transfer.v1": (
        "Strategies, language by language",
        None,
        "The main measure of each strategy on the test of each language, the best of the first "
        "strategy first; further right is better. Lines are 95% intervals; how they were made and "
        "each seed are in the tooltip.",
    ),
    "transfer_costs.v1": (
        "What each strategy costs",
        None,
        "What one language costs, on average, relative to the dearest strategy: time of training, "
        "of translating and of aligning, time of an example, peak memory, calls of a translator, "
        "labels.",
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
            fixed = {**spec, "width": 640, "autosize": {"type": "pad"}, "padding": 12}
            fixed["config"] = {**spec["config"], "background": "white", "font": "sans-serif"}
            stem = folder / "figures" / name.partition(".")[0]
            with atomic_write(stem.with_suffix(".svg")) as file:
                file.write(vl_convert.vegalite_to_svg(fixed))
            with atomic_write(stem.with_suffix(".png"), "wb") as file:
                file.write(vl_convert.vegalite_to_png(fixed, scale=2))
    return page


def render(scores: Scores, provenance: Mapping[str, Any]) -> str:
    """The page as text: nothing is read but our own assets, and everything in it is escaped."""
    from jinja2 import Environment, FileSystemLoader
    from markupsafe import Markup

    drawn = charts(scores)
    rows = table(scores)
    environment = Environment(
        loader=FileSystemLoader(ASSETS), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html").render(
        title=provenance.get("title", "Results"),
        facts=told.facts(provenance),
        summary=summarise(scores, list(provenance.get("notes", []))),
        charts=[_figure(name, scores) for name in drawn],
        key=key_table(scores),
        transfer=transfer_table(scores),
        table=rows,
        inputs=told.inputs(provenance),
        steps=told.steps(provenance),
        machine=told.machine(provenance),
        training=told.training(provenance),
        notes=[n for n in provenance.get("notes", []) if not n.startswith("WARNING")],
        protocol=provenance.get("protocol"),
        command=provenance.get("command"),
        recipe=json.dumps(provenance.get("recipe", {}), ensure_ascii=False, indent=1),
        measures=[(name, about) for name, about in MEASURES.items() if scores.where(measure=name)],
        style=Markup((ASSETS / "page.css").read_text(encoding="utf-8")),
        script=Markup((ASSETS / "page.js").read_text(encoding="utf-8")),
        bundle=Markup(_bundle() if drawn else ""),
        data=Markup(_json({"charts": list(drawn.values()), "table": rows})),
    )


def charts(scores: Scores) -> dict[str, dict[str, Any]]:
    """The specifications of the charts that have something to show."""
    made = {name: registry.get("chart", name)(scores) for name in CHARTS}
    return {name: spec for name, spec in made.items() if spec is not None}


def _figure(name: str, scores: Scores) -> dict[str, str]:
    title, measure, caption = CHARTS[name]
    rows = main_rows(scores, measure) if measure else results(scores)
    sizes = sorted({row.n for row in rows})
    if sizes:
        span = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
        caption = f"{caption} n = {span} {'sentences' if measure else 'examples'} a language."
    return {"title": title, "caption": caption}


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
