"""One TSV (or a folder of them) a language, rows joined on an id (Bible verses, SIB-200)."""

from __future__ import annotations

from pathlib import Path

from isogloss.corpus.records import Corpus, make_corpus
from isogloss.corpus.spec import Spec, language_files
from isogloss.corpus.text_files import read_cells
from isogloss.errors import CorpusError, UsageError
from isogloss.registry import register


@register("format", "ids.v1")
def read(spec: Spec, about: dict[str, object]) -> Corpus:
    """Read rows of id and text, joined on the id; a text that a language lacks is missing.

    The columns are those named `id`/`text` (or by `?id=...&text=...`) where the first row is a
    header, else the first two. Rows keep the order in which ids are first met.

    Raises:
        CorpusError: an id that occurs twice in one language, with file and line.
    """
    texts = {}
    for language, files in spec.choose(language_files(spec)).items():
        rows: dict[str, str] = {}
        for file in files:
            _add(rows, file, spec)
        texts[language] = rows
    ids = list(dict.fromkeys(i for rows in texts.values() for i in rows))
    columns = {language: [rows.get(i) for i in ids] for language, rows in texts.items()}
    return make_corpus(str(about.pop("name")), ids, columns, **about)


def _add(rows: dict[str, str], file: Path, spec: Spec) -> None:
    cells = read_cells(file, notes=spec.notes)
    id_column, text_column, start = header_columns(cells[0], spec.options, file)
    for number, row in enumerate(cells[start:], start + 1):
        if row[id_column] in rows:
            raise CorpusError(
                f"the id {row[id_column]!r} occurs twice",
                file=file,
                line=number,
                remedy="ids must be unique within a language",
            )
        rows[row[id_column]] = row[text_column]


def header_columns(first: list[str], options: dict[str, str], file: Path) -> tuple[int, int, int]:
    """Which columns hold id and text, and the number of header rows."""
    names = [options.get("id"), options.get("text")]
    if any(names):
        missing = [name for name in names if name and name not in first]
        if missing:
            raise UsageError(f"{file}: no column {missing[0]!r}; it has {', '.join(first)}")
        return first.index(names[0] or "id"), first.index(names[1] or "text"), 1
    lowered = [cell.lower() for cell in first]
    if "text" in lowered:
        ids = [i for i, name in enumerate(lowered) if name in ("id", "index_id", "verse")]
        if ids:
            return ids[0], lowered.index("text"), 1
    if len(first) < 2:
        raise CorpusError("has one column; an id and a text are needed", file=file, line=1)
    return 0, 1, 0
