"""Tables with a column a language, or long records of id, language and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from isogloss.corpus.records import Corpus, make_corpus
from isogloss.corpus.spec import Spec
from isogloss.errors import CorpusError, LanguageError
from isogloss.language import Language, read_language

if TYPE_CHECKING:
    import pyarrow as pa


def from_records(spec: Spec, about: dict[str, Any], records: Sequence[dict[str, Any]]) -> Corpus:
    """A corpus from wide or long records, one a line of the file; lines are named in errors."""
    keys = dict.fromkeys(key for record in records for key in record)
    return from_columns(spec, about, {key: [r.get(key) for r in records] for key in keys})


def from_table(spec: Spec, about: dict[str, Any], table: pa.Table) -> Corpus:
    """A corpus from an Arrow table; columns of languages that are not wanted are not touched."""
    return from_columns(spec, about, {name: table.column(name) for name in table.column_names})


def from_columns(spec: Spec, about: dict[str, Any], columns: Mapping[str, Any]) -> Corpus:
    """A corpus from columns: `id`, `language` and `text`, or `id` and one column a language.

    The query renames them: `?id=key&text=body&language=lang`, `?eng=english`. Columns that name no
    language are left out with a note.

    Raises:
        CorpusError: no column of a language, an id that occurs twice, or a text that is no string.
    """
    id_key = spec.options.get("id", "id")
    text_key, language_key = spec.options.get("text", "text"), spec.options.get("language")
    for name in (*spec.named_columns.values(), *(v for k, v in spec.options.items() if k in _KEYS)):
        if name not in columns:
            raise CorpusError(
                f"no column {name!r}",
                file=spec.text,
                remedy=f"it has {', '.join(columns) or 'none'}; name one of them",
            )
    language_key = language_key or "language"
    if language_key in columns and text_key in columns:
        return _from_long(spec, about, columns, (id_key, language_key, text_key))
    there = spec.named_columns or _language_columns(spec, columns, id_key)
    wanted = spec.choose(there)
    texts = {language: _strings(columns[key], key, spec) for language, key in wanted.items()}
    rows = len(next(iter(texts.values()), ()))
    ids = _ids(columns[id_key]) if id_key in columns else [str(i + 1) for i in range(rows)]
    return make_corpus(str(about.pop("name")), ids, texts, **about)


_KEYS = ("id", "text", "language")


def _language_columns(spec: Spec, columns: Mapping[str, Any], id_key: str) -> dict[Language, str]:
    there: dict[Language, str] = {}
    for key in columns:
        if key == id_key:
            continue
        try:
            language = read_language(key)
        except LanguageError:
            spec.note(f"column {key!r} names no language and was left out")
            continue
        if language in there:
            raise CorpusError(
                f"the columns {there[language]!r} and {key!r} are both {language}",
                file=spec.text,
                remedy=f"choose one in the query: ?{language}={key}",
            )
        there[language] = key
    return there


def _from_long(
    spec: Spec, about: dict[str, Any], columns: Mapping[str, Any], keys: tuple[str, str, str]
) -> Corpus:
    id_key, language_key, text_key = keys
    tags = _plain(columns[language_key])
    ids = _ids(columns[id_key]) if id_key in columns else None
    there = {read_language(str(tag)): tag for tag in dict.fromkeys(tags)}
    wanted = {tag: language for language, tag in spec.choose(there).items()}
    cells: dict[Language, dict[str, Any]] = {language: {} for language in wanted.values()}
    for row, (tag, text) in enumerate(zip(tags, _plain(columns[text_key]), strict=True)):
        if tag not in wanted:
            continue
        column = cells[wanted[tag]]
        key = str(len(column) + 1) if ids is None else ids[row]
        if key in column:
            raise CorpusError(
                f"the id {key!r} occurs twice in {tag}",
                file=spec.path,
                line=row + 1,
                remedy="give every row of a language an id of its own",
            )
        column[key] = text
    order = list(dict.fromkeys(key for column in cells.values() for key in column))
    texts = {
        language: _strings([column.get(key) for key in order], text_key, spec)
        for language, column in cells.items()
    }
    return make_corpus(str(about.pop("name")), order, texts, **about)


def _plain(column: Any) -> list[Any]:
    return column.to_pylist() if hasattr(column, "to_pylist") else list(column)


def _ids(column: Any) -> list[str]:
    return ["" if key is None else str(key) for key in _plain(column)]


def _strings(column: Any, name: str, spec: Spec) -> Any:
    """The column as texts, an Arrow one without copies in Python.

    Raises:
        CorpusError: a cell that is neither a string nor missing, with its row.
    """
    if hasattr(column, "to_pylist"):
        import pyarrow as pa

        kind = column.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
            return column.cast(pa.string())
        column = column.to_pylist()
    for row, cell in enumerate(column, 1):
        if cell is not None and not isinstance(cell, str):
            raise CorpusError(
                f"{name!r} in row {row} is {type(cell).__name__}, not text",
                file=spec.text,
                remedy="name the columns that hold text in the query, such as ?eng=english",
            )
    return column
