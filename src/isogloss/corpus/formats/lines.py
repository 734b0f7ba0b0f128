"""One file a language, line i of every file the same sentence (NTREX, FLORES)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isogloss.corpus.records import Corpus, make_corpus
from isogloss.corpus.spec import Spec
from isogloss.corpus.text_files import read_column
from isogloss.errors import CorpusError
from isogloss.language import Language
from isogloss.registry import register

if TYPE_CHECKING:
    import pyarrow as pa


def accepts(spec: Spec) -> int:
    """Surely for files of one language each that end in `.txt`, as a guess for other endings."""
    if not spec.files or spec.suffix in (".tsv", ".jsonl", ".parquet"):
        return 0
    return 2 if spec.suffix == ".txt" else 1


@register("format", "lines.v1")
def read(spec: Spec, about: dict[str, object]) -> Corpus:
    """Read n-way lines; an empty line is a missing sentence, and ids are line numbers from 1.

    Raises:
        CorpusError: files with different numbers of lines, both named.
    """
    return read_parallel(spec.choose(spec.files), spec, about)


def read_parallel(
    files: Mapping[Language, Sequence[Path]], spec: Spec, about: dict[str, object]
) -> Corpus:
    """The corpus of files that are aligned by line; raises what `read` raises."""
    import pyarrow as pa

    texts: dict[Language, pa.ChunkedArray] = {}
    first: tuple[Path, int] | None = None
    for language, paths in files.items():
        chunks = [chunk for path in paths for chunk in read_column(path, spec.notes)]
        column = pa.chunked_array(chunks, pa.string())
        first = first or (paths[0], len(column))
        if len(column) != first[1]:
            raise CorpusError(
                f"has {len(column)} lines, but {first[0].name} has {first[1]}",
                file=paths[0],
                line=min(len(column), first[1]) + 1,
                remedy="n-way files need one line a sentence; leave a missing one empty",
            )
        texts[language] = column
    ids = [str(i + 1) for i in range(first[1] if first else 0)]
    return make_corpus(str(about.pop("name")), ids, texts, **about)
