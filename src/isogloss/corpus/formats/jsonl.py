"""JSON lines: one object a row with language tags as keys, or records of id, language, text."""

from __future__ import annotations

import json
from typing import Any

from isogloss.corpus.formats.tables import from_records
from isogloss.corpus.records import Corpus
from isogloss.corpus.spec import Spec
from isogloss.corpus.text_files import read_lines
from isogloss.errors import CorpusError
from isogloss.registry import register


def accepts(spec: Spec) -> int:
    """Surely for one file that ends in `.jsonl` or `.ndjson`."""
    name = spec.path.name.removesuffix(".gz")
    return 2 if name.endswith((".jsonl", ".ndjson")) and spec.path.is_file() else 0


@register("format", "jsonl.v1")
def read(spec: Spec, about: dict[str, object]) -> Corpus:
    """Read JSON objects, one a line.

    Raises:
        CorpusError: a line that is not a JSON object, with file and line.
    """
    records: list[dict[str, Any]] = []
    for number, line in enumerate(read_lines(spec.path, spec.notes), 1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise CorpusError(
                f"is not JSON: {error}",
                file=spec.path,
                line=number,
                remedy="write one JSON object a line, without line feeds inside",
            ) from None
        if not isinstance(record, dict):
            raise CorpusError(
                "is not a JSON object",
                file=spec.path,
                line=number,
                remedy='write objects such as {"id": "1", "deu": "ja", "eng": "yes"}',
            )
        records.append(record)
    return from_records(spec, about, records)
