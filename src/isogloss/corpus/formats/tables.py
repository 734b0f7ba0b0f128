"""Records with language tags as keys, or long records of id, language and text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isogloss.corpus.records import Corpus, make_corpus
from isogloss.corpus.spec import Spec
from isogloss.errors import CorpusError, LanguageError
from isogloss.language import read_language, resolve


def from_records(spec: Spec, about: dict[str, object], records: Sequence[dict[str, Any]]) -> Corpus:
    """A corpus from wide or long records; columns that name no language are noted and left."""
    id_key, text_key = spec.options.get("id", "id"), spec.options.get("text", "text")
    language_key = spec.options.get("language", "language")
    if records and language_key in records[0] and text_key in records[0]:
        cells: dict[str, dict[str, Any]] = {}
        for number, record in enumerate(records, 1):
            column = cells.setdefault(str(record[language_key]), {})
            key = str(record.get(id_key, len(column) + 1))
            if key in column:
                raise CorpusError(f"the id {key!r} occurs twice", file=spec.path, line=number)
            column[key] = record[text_key]
        ids = list(dict.fromkeys(key for column in cells.values() for key in column))
    else:
        ids = [str(r.get(id_key, i + 1)) for i, r in enumerate(records)]
        keys = dict.fromkeys(k for r in records for k in r if k != id_key)
        cells = {k: {i: r.get(k) for i, r in zip(ids, records, strict=True)} for k in keys}
    there = {}
    for key in cells:
        try:
            there[read_language(key)] = key
        except LanguageError:
            spec.note(f"column {key!r} names no language and was left out")
    wanted = resolve(spec.wanted, there, note=spec.note) if spec.wanted else list(there)
    texts = {language: [cells[there[language]].get(i) for i in ids] for language in wanted}
    return make_corpus(str(about.pop("name")), ids, texts, **about)
