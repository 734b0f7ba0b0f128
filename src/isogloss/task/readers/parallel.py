"""Translations as examples: queries whose answer is their translation, or texts to translate."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from isogloss.corpus import read_corpus
from isogloss.corpus.records import Corpus
from isogloss.corpus.spec import OPTIONS as CORPUS_OPTIONS
from isogloss.corpus.spec import Spec
from isogloss.errors import UsageError
from isogloss.language import read_language
from isogloss.registry import register
from isogloss.task.examples import Shape
from isogloss.task.readers.found import Found

_COLUMNS = ("source", "target")
OPTIONS = ("to", *_COLUMNS, *(name for name in CORPUS_OPTIONS if name not in ("format", "id")))
NAMES_COLUMNS = False


def accepts(spec: Spec, shape: Shape) -> int:
    """For queries and translations, where the query of the path says `to`."""
    return 3 if "to" in spec.options and {"relevant", "translation"} & shape.columns.keys() else 0


@register("examples", "parallel.v1")
def read(spec: Spec, shape: Shape) -> Found:
    """Read parallel text that `read_corpus` knows; `?to=eng` is the other language.

    `?source=german&target=english` name columns, where the file does not name them by language.
    A query is answered by the text with its own id; see `collection_of` for all of them.

    Raises:
        UsageError: no `?to=`, or a shape that has no translations.
        CorpusError: what `read_corpus` raises.
    """
    if not {"relevant", "translation"} & shape.columns.keys():
        raise UsageError(f"{spec.text}: {shape.name} cannot be read from translations")
    both = read_both(spec)
    text, other = (both.texts(tag) for tag in _languages(spec))
    columns: dict[str, list[Any]] = {"id": list(both.ids), "text": list(text)}
    if "relevant" in shape.columns:
        columns["relevant"] = [[one] for one in both.ids]
    else:
        columns["to"] = [str(read_language(spec.options["to"]))] * len(both)
        columns["translation"] = list(other)
    return Found(columns)


def read_both(spec: Spec) -> Corpus:
    """The rows that have a text in both languages.

    Raises:
        UsageError: no `?to=`.
    """
    languages = _languages(spec)
    query = {key: value for key, value in spec.options.items() if key in (*CORPUS_OPTIONS, "id")}
    query.pop("format", None)
    for name, language in zip(_COLUMNS, languages, strict=True):
        if name in spec.options:
            query[language] = spec.options[name]
    path = f"{spec.text}?{urlencode(query, quote_via=quote)}" if query else spec.text
    corpus = read_corpus(path, languages=languages, network=spec.network)
    for sentence in corpus.notes:
        spec.note(sentence)
    for reason, count in corpus.dropped.items():
        spec.drop(reason, count)
    texts = [corpus.texts(tag) for tag in languages]
    rows = [row for row, pair in enumerate(zip(*texts, strict=True)) if all(pair)]
    if lost := len(corpus) - len(rows):
        spec.drop("without a text in both languages", lost)
    return corpus.take(rows)


def _languages(spec: Spec) -> list[str]:
    if "to" not in spec.options:
        raise UsageError(
            f"{spec.text}: translations into which language?", remedy="say ?to=, such as ?to=eng"
        )
    return [str((spec.wanted or [""])[0]), spec.options["to"]]
