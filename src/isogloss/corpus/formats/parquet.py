"""Parquet: columns named by language tags, or id, language and text columns."""

from __future__ import annotations

from isogloss.corpus.formats.tables import from_records
from isogloss.corpus.records import Corpus
from isogloss.corpus.spec import Spec
from isogloss.errors import CorpusError
from isogloss.registry import register


@register("format", "parquet.v1")
def read(spec: Spec, about: dict[str, object]) -> Corpus:
    """Read a Parquet file, memory-mapped.

    Raises:
        CorpusError: not a Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(spec.path, memory_map=True)
    except (OSError, pa.ArrowInvalid) as error:
        raise CorpusError(f"is not a Parquet file: {error}", file=spec.path) from None
    return from_records(spec, about, table.to_pylist())
