"""TSV of translations: one file of n columns, or a folder of `xxx-eng.tsv` pairs (Tatoeba)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from isogloss.corpus.records import Corpus, make_corpus
from isogloss.corpus.spec import LANGUAGE, Spec, read_index
from isogloss.corpus.text_files import column_at, read_cells, wants_header
from isogloss.errors import CorpusError, LanguageError
from isogloss.language import Language, read_language
from isogloss.registry import register

PAIR_FILE = re.compile(
    r"(?P<left>[A-Za-z0-9_]+)-(?P<right>[A-Za-z0-9_]+(-[A-Za-z0-9]+)*)\.tsv(\.gz)?"
)


def accepts(spec: Spec) -> int:
    """Surely for one `.tsv` file, and for a folder with a file named by a pair of languages."""
    if LANGUAGE in spec.text:
        return 0
    if spec.path.is_file():
        return 2 if spec.path.name.removesuffix(".gz").endswith(".tsv") else 0
    return 2 if spec.path.is_dir() and any(_pair(f) for f in spec.path.iterdir()) else 0


@register("format", "pairs.v1")
def read(spec: Spec, about: dict[str, object]) -> Corpus:
    """Read one TSV whose columns are languages, or a folder with a TSV a language pair.

    A single file has a header of tags (two of them, or one and `id`), or the query names its
    columns: `?eng=1&deu=2` by number, `?eng=english&id=key` by header. Without either,
    `deu-eng.tsv` has German first. In a folder of pairs each pair has rows of its own, `deu-1` and
    so on, and the other languages are missing there. Where the folder's `index.tsv` counts `pairs`,
    as Tatoeba's does, the second language of the name is column 1, also of a file named alone.
    """
    return _folder(spec, about) if spec.path.is_dir() else _file(spec, about)


def _file(spec: Spec, about: dict[str, object]) -> Corpus:
    path = spec.path
    rows = read_cells(path, notes=spec.notes)
    header = rows[0] if _has_header(rows[0], spec) else None
    there = _columns(rows[0], header, spec)
    named_id = spec.options.get("id") or ("id" if header and "id" in header else None)
    body = rows if header is None else rows[1:]
    ids = [str(i + 1) for i in range(len(body))]
    if named_id:
        at = column_at(named_id, header, len(rows[0]), path)
        ids = [row[at] for row in body]
        _check_ids(ids, path, 1 if header is None else 2)
    wanted = spec.choose(there)
    texts = {language: [row[at] for row in body] for language, at in wanted.items()}
    return make_corpus(str(about.pop("name")), ids, texts, **about)


def _has_header(first: Sequence[str], spec: Spec) -> bool:
    said = wants_header(spec.options.get("header"))
    if said is not None:
        return said
    named = list(spec.named_columns.values())
    if named:
        return any(not name.isdecimal() for name in (*named, spec.options.get("id", "1")))
    # A word can be a code too ("ja", "yes"), so one is not enough, and a pair file must agree.
    found = [language for cell in first if cell != "id" and (language := _language(cell))]
    pair = _pair(spec.path)
    return set(found) == set(pair) if pair else len(found) + ("id" in first and bool(found)) > 1


def _columns(first: Sequence[str], header: Sequence[str] | None, spec: Spec) -> dict[Language, int]:
    """Where each language is: by the query, by the header, or by the name of a pair file."""
    path = spec.path
    if spec.named_columns:
        return {
            language: column_at(name, header, len(first), path)
            for language, name in spec.named_columns.items()
        }
    if header is None:
        pair = _pair(path)
        if pair is None or len(first) != 2:
            raise CorpusError(
                "nothing says which column is which language",
                file=path,
                line=1,
                remedy="give it a header of language tags, or number the columns: "
                "file.tsv?eng=1&deu=2",
            )
        how = "by its name"
        if _shared_first(path.parent):
            pair, how = (pair[1], pair[0]), "as its folder's index.tsv has it"
        spec.note(f"{path.name}: column 1 was read as {pair[0]} and column 2 as {pair[1]}, {how}")
        return {language: i for i, language in enumerate(pair)}
    found: dict[Language, int] = {}
    for position, name in enumerate(header):
        language = None if name in ("id", spec.options.get("id")) else _language(name)
        if language in found:
            raise CorpusError(
                f"the columns {header[found[language]]!r} and {name!r} are both {language}",
                file=path,
                line=1,
                remedy="choose one in the query, such as ?eng=1",
            )
        if language is not None:
            found[language] = position
        elif name not in ("id", spec.options.get("id")):
            spec.note(f"column {name!r} names no language and was left out")
    return found


def _check_ids(ids: Sequence[str], path: Path, first_line: int) -> None:
    seen: dict[str, int] = {}
    for line, row_id in enumerate(ids, first_line):
        if not row_id.strip() or seen.setdefault(row_id, line) != line:
            twice = f"the id {row_id!r} occurs twice, first in line {seen.get(row_id)}"
            raise CorpusError(
                twice if row_id.strip() else "the row has no id",
                file=path,
                line=line,
                remedy="give every row an id of its own",
            )


def _folder(spec: Spec, about: dict[str, object]) -> Corpus:
    scripts = {row.get("code"): row.get("script") for row in read_index(spec.path)}
    shared_first = _shared_first(spec.path)
    pairs: dict[Path, tuple[Language, Language]] = {}
    for file in sorted(spec.path.iterdir()):
        if pair := _pair(file, scripts, spec):
            pairs[file] = (pair[1], pair[0]) if shared_first else pair
        elif PAIR_FILE.fullmatch(file.name):
            spec.note(f"{file.name} was left out: its name is not a pair of languages")
    languages = dict.fromkeys(language for pair in pairs.values() for language in pair)
    chosen = spec.choose(languages)
    ids: list[str] = []
    cells: dict[Language, dict[str, str]] = {language: {} for language in chosen}
    files = _files_of(set(chosen), pairs)
    if files and not shared_first:
        spec.note(
            f"{files[0].name}: column 1 was read as {pairs[files[0]][0]} and column 2 as "
            f"{pairs[files[0]][1]}, by its name"
        )
    prefixes = _prefixes(pairs)
    for file in files:
        prefix = prefixes[file]
        for number, row in enumerate(read_cells(file, 2, spec.notes), 1):
            ids.append(f"{prefix}-{number}")
            for language, cell in zip(pairs[file], row, strict=True):
                if language in cells:
                    cells[language][ids[-1]] = cell
    if len(files) > 1:
        spec.note(
            f"{len(files)} pairs with sentences of their own, one under the other: scores of "
            "different pairs are not comparable"
        )
    texts = {language: [column.get(i) for i in ids] for language, column in cells.items()}
    return make_corpus(str(about.pop("name")), ids, texts, **about)


def _prefixes(files: Iterable[Path]) -> dict[Path, str]:
    """Of the ids of each file: the first language of its name, or both where that is shared."""
    named = {file: match for file in files if (match := PAIR_FILE.fullmatch(file.name))}
    lefts = [match["left"] for match in named.values()]
    if len(set(lefts)) == len(lefts):
        return {file: match["left"] for file, match in named.items()}
    return {file: f"{match['left']}-{match['right']}" for file, match in named.items()}


def _shared_first(folder: Path) -> bool:
    """Whether column 1 of a folder's pair files is the language that comes second in their names.

    So it is where an `index.tsv` counts `pairs`, as Tatoeba's does.
    """
    return any("pairs" in row for row in read_index(folder)[:1])


def _files_of(chosen: set[Language], pairs: dict[Path, tuple[Language, Language]]) -> list[Path]:
    """Pairs with both sides chosen; of a language that is in none of these, every pair it is in."""
    both = {file for file, pair in pairs.items() if set(pair) <= chosen}
    alone = chosen - {language for file in both for language in pairs[file]}
    return [file for file, pair in pairs.items() if file in both or alone & set(pair)]


def _pair(
    file: Path, scripts: dict[str | None, str | None] | None = None, spec: Spec | None = None
) -> tuple[Language, Language] | None:
    """The languages in the name of a pair file, with the scripts that an index gives."""
    match = PAIR_FILE.fullmatch(file.name)
    if match is None:
        return None
    found = [
        _language(code, (scripts or {}).get(code), spec) for code in match.group("left", "right")
    ]
    return None if found[0] is None or found[1] is None else (found[0], found[1])


def _language(text: str, script: str | None = None, spec: Spec | None = None) -> Language | None:
    decisions: list[str] = []
    try:
        language = read_language(text, script=script or None, note=decisions.append)
    except LanguageError:
        return None
    if spec is not None:
        spec.waiting.setdefault(language, []).extend(decisions)
    return language
