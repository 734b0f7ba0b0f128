"""Text that knows its language: records, and one file per format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from isogloss.corpus.records import Corpus
    from isogloss.corpus.spec import Spec

__all__ = ["read_corpus"]


def read_corpus(
    path: str | Path,
    *,
    languages: Sequence[str] | None = None,
    pivot: str | None = None,
    licence: str | None = None,
    network: bool = False,
) -> Corpus:
    """Read n-way parallel text from wherever it lies.

    `path` is a folder (its `index.tsv` is understood), a file, a pattern with `{language}`, the
    word `emoji`, or `hf:owner/name`, followed by options: `sib200/{language}/*.tsv.gz?id=index_id`.

    Args:
        path: where the text is.
        languages: the languages to read, in any common spelling; all that are there by default.
            Files of other languages are not opened.
        pivot: a language that is read besides.
        licence: recorded with the corpus; never guessed.
        network: allow the network for `hf:` names.

    Raises:
        CorpusError: text that cannot be read, with file, line and remedy.
        UnknownLanguage: a language that is not there.
    """
    from isogloss import registry
    from isogloss.corpus import spec as specs

    wanted = None
    if languages is not None:
        wanted = list(dict.fromkeys([*([pivot] if pivot else []), *languages]))
    spec = specs.parse(path, wanted)
    spec.network = network
    name = registry.full_name("format", spec.options.get("format") or _sniff(spec))
    about: dict[str, object] = {
        "name": spec.path.name.partition("{")[0].strip(".-_") or spec.path.parent.name,
        "source": str(path),
        "licence": licence or spec.options.get("licence"),
    }
    if "{language}" in spec.text:
        about["name"] = spec.text.split("{language}")[0].rstrip("/.-_").rpartition("/")[2] or "text"
    made = registry.get("format", name)(spec, about)
    from dataclasses import replace

    return replace(made, notes=(*made.notes, *spec.notes))


def _sniff(spec: Spec) -> str:
    """The format that a path looks like."""
    from isogloss.corpus.formats.pairs import PAIR_FILE
    from isogloss.corpus.spec import language_files
    from isogloss.errors import CorpusError

    if spec.text == "emoji":
        return "emoji"
    if spec.text.startswith("hf:"):
        return "huggingface"
    name = spec.path.name.removesuffix(".gz")
    for suffix, kind in ((".jsonl", "jsonl"), (".parquet", "parquet")):
        if name.endswith(suffix):
            return kind
    if spec.path.is_file():
        if name.endswith(".tsv"):
            return "pairs"
        raise CorpusError(
            "one file of one language is not parallel text",
            file=spec.text,
            remedy="give its folder, a pattern with {language}, or a TSV of translations",
        )
    if spec.path.is_dir() and any(PAIR_FILE.fullmatch(f.name) for f in spec.path.iterdir()):
        return "pairs"
    if not spec.path.exists() and "{" not in spec.text:
        siblings = list(spec.path.parent.glob(f"{spec.path.name}.*")) if spec.path.name else []
        if len(siblings) > 1:  # Moses: news.deu beside news.eng
            spec.text += ".{language}"
    files = language_files(spec)
    first = next((f[0].name.removesuffix(".gz") for f in files.values() if f), "")
    return "ids" if first.endswith(".tsv") else "lines"
