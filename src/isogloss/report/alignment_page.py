"""Links between words as grids to look at: one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isogloss.files import atomic_write
from isogloss.report.page import ASSETS

SHOWN = 100  # pairs on a page: more are slow to open


def write_alignment_page(
    path: str | Path, pairs: Sequence[Any], *, title: str, gold: Sequence[Any] = ()
) -> None:
    """Write grids of the first `SHOWN` pairs: rows are source words, columns target words.

    A cell's shade is the link's score; gold links are framed, thick where sure, thin where
    possible.

    Args:
        path: of the page.
        pairs: `corpus.alignments.Aligned` records.
        title: heading.
        gold: `corpus.alignments.Gold` of each pair, or nothing.
    """
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(ASSETS), autoescape=True, trim_blocks=True,
                              lstrip_blocks=True)  # fmt: skip
    shown = [
        {
            "id": pair.id, "score": f"{pair.score:.2f}", "target": pair.target,
            "rows": [(word, _cells(i, pair, gold[number] if gold else None))
                     for i, word in enumerate(pair.source)],
        }
        for number, pair in enumerate(pairs[:SHOWN])
    ]  # fmt: skip
    with atomic_write(path) as file:
        file.write(
            environment.get_template("alignment.html").render(
                title=title, pairs=shown, total=len(pairs), gold=bool(gold)
            )
        )


def _cells(i: int, pair: Any, gold: Any) -> list[dict[str, str]]:
    scores = {j: score for a, j, score in pair.links if a == i}
    cells = []
    for j, word in enumerate(pair.target):
        kind = ""
        if gold is not None and (i, j) in gold.possible:
            kind = "sure" if (i, j) in gold.sure else "possible"
        told = f"{pair.source[i]} – {word}"
        if j in scores:
            told += f": {scores[j]:.2f}"
        share = f"{15 + 85 * scores[j]:.0f}%" if j in scores else ""
        cells.append({"share": share, "kind": kind, "title": told})
    return cells
