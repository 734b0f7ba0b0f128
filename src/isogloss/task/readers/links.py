"""Gold links between words, a sentence pair a line."""

from __future__ import annotations

from typing import Any

from isogloss.corpus.alignments import read_gold
from isogloss.corpus.spec import Spec
from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.task.examples import LINKS, Shape
from isogloss.task.readers.found import Found, ending, one_file

OPTIONS, NAMES_COLUMNS = ("to",), False


def accepts(spec: Spec, shape: Shape) -> int:
    """For links, surely for `.tsv`."""
    return 3 if shape == LINKS and ending(spec) == ".tsv" else 0


@register("examples", "links.v1")
def read(spec: Spec, shape: Shape) -> Found:
    """Read a TSV with the header `source`, `target`, `sure`, `possible`; pairs are numbered from 1.

    `?to=` names the other language, and changes nothing.

    Raises:
        UsageError: a shape without links.
        CorpusError: what `corpus.alignments.read_gold` raises.
    """
    if shape != LINKS:
        raise UsageError(f"{spec.text}: {shape.name} cannot be read from gold links")
    pairs = read_gold(one_file(spec))
    columns: dict[str, list[Any]] = {
        "id": [str(number) for number in range(1, len(pairs) + 1)],
        "source": [one.source for one in pairs],
        "target": [one.target for one in pairs],
        "sure": [sorted(map(list, one.sure)) for one in pairs],
        "possible": [sorted(map(list, one.possible)) for one in pairs],
    }
    return Found(columns, lines=range(2, len(pairs) + 2))
