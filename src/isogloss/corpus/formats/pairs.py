"""TSV of translations: one file of n columns, or a folder of `xxx-eng.tsv` pairs (Tatoeba)."""

from __future__ import annotations

import re

from isogloss.corpus.records import Corpus, make_corpus
from isogloss.corpus.spec import Spec
from isogloss.corpus.text_files import read_cells
from isogloss.errors import CorpusError, LanguageError, UnknownLanguage
from isogloss.language import Language, read_language, resolve
from isogloss.registry import register

PAIR_FILE = re.compile(r"(?P<left>[A-Za-z0-9_]+)-(?P<right>[A-Za-z0-9_]+)\.tsv(\.gz)?")


@register("format", "pairs.v1")
def read(spec: Spec, about: dict[str, object]) -> Corpus:
    """Read one TSV whose columns are languages, or a folder with a TSV a language pair.

    A single file has a header of tags, or its columns are numbered from 1: `?eng=1&deu=2`.
    In a folder of pairs `deu-eng.tsv` the second language of the name is column 1 (the layout of
    Tatoeba). Pairs do not share sentences, so each pair has rows of its own, `deu-1` and so on,
    and the other languages are missing there.
    """
    return _folder(spec, about) if spec.path.is_dir() else _file(spec, about)


def _file(spec: Spec, about: dict[str, object]) -> Corpus:
    rows = read_cells(spec.path, notes=spec.notes)
    columns = {tag: int(n) - 1 for tag, n in spec.options.items() if n.isdigit()}
    if not columns:
        try:
            columns = {
                name: i for i, name in enumerate(rows[0]) if name != "id" and read_language(name)
            }
        except LanguageError as error:
            raise CorpusError(
                f"the first row is not a header of language tags: {error.message}",
                file=spec.path,
                line=1,
                remedy="number the columns instead: file.tsv?eng=1&deu=2",
            ) from None
        rows = rows[1:]
    there = {read_language(tag): i for tag, i in columns.items()}
    if too_far := [i + 1 for i in there.values() if rows and i >= len(rows[0])]:
        raise CorpusError(f"has {len(rows[0])} columns, not {too_far[0]}", file=spec.path, line=1)
    wanted = resolve(spec.wanted, there, note=spec.note) if spec.wanted else list(there)
    texts = {language: [row[there[language]] for row in rows] for language in wanted}
    ids = [str(i + 1) for i in range(len(rows))]
    return make_corpus(str(about.pop("name")), ids, texts, **about)


def _folder(spec: Spec, about: dict[str, object]) -> Corpus:
    files: dict[Language, tuple[Language, object]] = {}
    for file in sorted(spec.path.iterdir()):
        if match := PAIR_FILE.fullmatch(file.name):
            try:
                files[read_language(match["left"])] = (read_language(match["right"]), file)
            except LanguageError:
                spec.note(f"{file.name} was skipped: its name is not a pair of languages")
    pivots = {right for right, _ in files.values()}
    asked = spec.wanted if spec.wanted is not None else [str(left) for left in files]
    try:
        chosen = [a for a in resolve(asked, [*files, *pivots], note=spec.note) if a in files]
    except UnknownLanguage as error:
        raise UnknownLanguage(error.message, file=spec.text, remedy=error.remedy) from None
    ids: list[str] = []
    cells: dict[Language, dict[str, str]] = {p: {} for p in sorted(pivots)}
    for language in chosen:
        pivot, file = files[language]
        for number, (first, second) in enumerate(read_cells(file, 2, spec.notes), 1):  # type: ignore[arg-type]
            ids.append(f"{language}-{number}")
            cells[pivot][ids[-1]] = first
            cells.setdefault(language, {})[ids[-1]] = second
    if len(chosen) > 1:
        spec.note("each language pair has sentences of its own, so scores are not comparable")
    texts = {language: [column.get(i) for i in ids] for language, column in cells.items()}
    return make_corpus(str(about.pop("name")), ids, texts, **about)
