"""JSON lines: one object an example."""

from __future__ import annotations

import json
from collections.abc import Iterator

from isogloss.corpus.spec import Spec
from isogloss.errors import CorpusError
from isogloss.registry import register
from isogloss.task.examples import Shape
from isogloss.task.readers.found import Found, ending, numbered_lines, one_file
from isogloss.task.readers.records import OPTIONS as RECORD_OPTIONS
from isogloss.task.readers.records import Row, from_mappings

OPTIONS, NAMES_COLUMNS = RECORD_OPTIONS, True


def accepts(spec: Spec, shape: Shape) -> int:
    """Surely for `.jsonl` and `.ndjson`."""
    return 2 if ending(spec) in (".jsonl", ".ndjson") else 0


@register("examples", "jsonl.v1")
def read(spec: Spec, shape: Shape) -> Found:
    """Read objects whose keys are the columns of the shape, or are named in the query.

    Raises:
        CorpusError: a line that is not a JSON object, with file and line.
    """
    return from_mappings(_rows(spec), spec, shape)


def _rows(spec: Spec) -> Iterator[Row]:
    for number, line in numbered_lines(one_file(spec), spec.notes):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
        except (ValueError, RecursionError) as error:
            problem = f"is not JSON: {error}"
        else:
            if isinstance(told, dict):
                yield number, told
                continue
            problem = "is not a JSON object"
        raise CorpusError(
            problem, file=spec.text, line=number,
            remedy='write one object a line, such as {"text": "...", "label": "..."}',
        )  # fmt: skip
