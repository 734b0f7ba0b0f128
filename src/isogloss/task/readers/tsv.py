"""TSV without quoting: cells are split at tabs only."""

from __future__ import annotations

from isogloss.corpus.spec import Spec
from isogloss.registry import register
from isogloss.task.examples import Shape
from isogloss.task.readers.found import Found, ending, numbered_lines, one_file
from isogloss.task.readers.records import TABLE_OPTIONS, from_table

OPTIONS, NAMES_COLUMNS = TABLE_OPTIONS, True


def accepts(spec: Spec, shape: Shape) -> int:
    """Surely for `.tsv`, less so where examples are words, which CoNLL has a line each."""
    return (1 if "words" in shape.columns else 2) if ending(spec) == ".tsv" else 0


@register("examples", "tsv.v1")
def read(spec: Spec, shape: Shape) -> Found:
    """Read rows with or without a header; a quote is a character like any other."""
    lines = numbered_lines(one_file(spec), spec.notes)
    return from_table(((number, line.split("\t")) for number, line in lines), spec, shape)
