"""One TSV (or a folder of them) a language, rows joined on an id (Bible verses, SIB-200)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from isogloss.corpus.records import Corpus, make_corpus
from isogloss.corpus.spec import Spec
from isogloss.corpus.text_files import column_at, read_cells, wants_header
from isogloss.errors import CorpusError
from isogloss.language import Language
from isogloss.registry import register


def accepts(spec: Spec) -> int:
    """Surely for files of one language each that end in `.tsv`."""
    return 1 if spec.files and spec.suffix == ".tsv" else 0


@register("format", "ids.v1")
def read(spec: Spec, about: dict[str, object]) -> Corpus:
    """Read rows of id and text, joined on the id; a text that a language lacks is missing.

    The columns are those named `id`/`text` (or by `?id=...&text=...`) where the first row is a
    header, else the first two. Rows keep the order in which ids are first met.

    Raises:
        CorpusError: an id that occurs twice in one language, with file and line.
    """
    import pyarrow as pa

    found: dict[Language, tuple[list[str], pa.Array]] = {}
    for language, files in spec.choose(spec.files).items():
        rows: dict[str, str] = {}
        for file in files:
            _add(rows, file, spec)
        found[language] = (list(rows), pa.array(rows.values(), pa.string()))
    ids = list(dict.fromkeys(i for keys, _ in found.values() for i in keys))
    texts = {}
    for language, (keys, column) in found.items():
        position = {key: at for at, key in enumerate(keys)}
        rows_at = pa.array([position.get(i) for i in ids], pa.int64())
        texts[language] = column if keys == ids else column.take(rows_at)
    return make_corpus(str(about.pop("name")), ids, texts, **about)


def _add(rows: dict[str, str], file: Path, spec: Spec) -> None:
    cells = read_cells(file, notes=spec.notes)
    id_column, text_column, start = header_columns(cells[0], spec.options, file)
    for number, row in enumerate(cells[start:], start + 1):
        key = row[id_column]
        if key in rows or not key.strip():
            raise CorpusError(
                f"the id {key!r} occurs twice" if key in rows else "the row has no id",
                file=file,
                line=number,
                remedy="ids must be unique within a language, and none may be blank",
            )
        rows[key] = row[text_column]


def header_columns(
    first: list[str], options: Mapping[str, str], file: Path
) -> tuple[int, int, int]:
    """Which columns hold id and text, and the number of header rows.

    Raises:
        CorpusError: fewer than two columns, or none of the name asked for.
    """
    if len(first) < 2:
        raise CorpusError(
            "has one column; an id and a text are needed",
            file=file,
            line=1,
            remedy="separate the id and the text by a tab, or read it with ?format=lines",
        )
    named = [options.get("id"), options.get("text")]
    usual = [next((c for c in first if c.lower() in known), None) for known in _USUAL]
    header = wants_header(options.get("header"))
    if header is None:
        header = any(n and not n.isdecimal() for n in named) or (not any(named) and all(usual))
    if not header:
        usual = [None, None]
    positions = [
        column_at(name or default or str(place), first if header else None, len(first), file)
        for place, (name, default) in enumerate(zip(named, usual, strict=True), 1)
    ]
    return positions[0], positions[1], int(header)


_USUAL = (("id", "index_id", "verse", "verse_id", "sentence_id"), ("text", "sentence"))
