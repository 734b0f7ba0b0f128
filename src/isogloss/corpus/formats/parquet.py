"""Parquet: columns named by language tags, or id, language and text columns."""

from __future__ import annotations

from isogloss.corpus.formats.tables import from_table
from isogloss.corpus.records import Corpus
from isogloss.corpus.spec import Spec
from isogloss.errors import CorpusError
from isogloss.registry import register


def accepts(spec: Spec) -> int:
    """Surely for one file that ends in `.parquet`."""
    return 2 if spec.path.suffix == ".parquet" and spec.path.is_file() else 0


@register("format", "parquet.v1")
def read(spec: Spec, about: dict[str, object]) -> Corpus:
    """Read a Parquet file, memory-mapped; the texts stay in Arrow.

    Raises:
        CorpusError: not a Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(spec.path, memory_map=True)
    except (OSError, pa.ArrowInvalid) as error:
        raise CorpusError(
            f"is not a Parquet file: {error}",
            file=spec.path,
            remedy="copy or write it again",
        ) from None
    return from_table(spec, about, table)
