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
    least: int = 2,
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
        least: how many rows there must be.

    Raises:
        CorpusError: text that cannot be read, with file, line and remedy.
        UnknownLanguage: a language that is not there.
    """
    from dataclasses import replace

    from isogloss import registry
    from isogloss.corpus import spec as specs
    from isogloss.corpus.clone import clone_words, to_read, with_clone

    wanted = None
    if languages is not None:
        wanted = list(dict.fromkeys([*([pivot] if pivot else []), *languages]))
    spec = specs.parse(path, wanted)
    cloned = spec.options.get("clone") or spec.options.get("clone_words")
    if cloned:
        spec.wanted = to_read(wanted, cloned)
    spec.network = network
    asked = spec.options.get("format")
    name = registry.full_name("format", asked) if asked else _sniff(spec)
    about: dict[str, object] = {
        "name": spec.path.name.partition("{")[0].strip(".-_") or spec.path.parent.name,
        "source": str(path),
        "licence": licence or spec.options.get("licence"),
        "format": name,
        "least": least,
    }
    if "{language}" in spec.text:
        about["name"] = spec.text.split("{language}")[0].rstrip("/.-_").rpartition("/")[2] or "text"
    made = registry.get("format", name)(spec, about)
    _check_text(made, spec)
    if cloned:
        add = clone_words if "clone_words" in spec.options else with_clone
        made = add(made, cloned)
        made = made.keep(wanted) if wanted else made
    return replace(made, notes=(*made.notes, *spec.notes), dropped={**made.dropped, **spec.dropped})


def _sniff(spec: Spec) -> str:
    """The name of the format that a place looks like: the surest of all that are registered."""
    from importlib import import_module

    from isogloss import registry
    from isogloss.errors import CorpusError

    formats = {e.name: e.module for e in registry.entries() if e.kind == "format"}
    scores = {name: import_module(module).accepts(spec) for name, module in formats.items()}
    best = max(scores, key=lambda name: scores[name])
    if scores[best]:
        return best
    if not spec.place_exists:
        raise CorpusError(
            "no such file or folder",
            file=spec.text,
            remedy="give a folder, a file, a path with {language}, `emoji`, or hf:owner/name",
        )
    if spec.path.is_file():
        raise CorpusError(
            "one file of one language is not parallel text",
            file=spec.text,
            remedy="give its folder, a pattern with {language}, or a TSV of translations; lines of "
            "`source ||| target` are read with file.txt?deu=1&eng=2",
        )
    raise CorpusError(
        "no file here has a language in its name",
        file=spec.text,
        remedy="name files like deu.txt or eng_Latn.tsv.gz, or give a path such as "
        "'folder/part.{language}'",
    )


def _check_text(corpus: Corpus, spec: Spec) -> None:
    from isogloss.errors import CorpusError

    for name in corpus.table.column_names[1:]:
        if corpus.table.column(name).null_count == len(corpus):
            raise CorpusError(
                f"{name} has no text at all",
                file=spec.text,
                remedy="leave the language out, or check its file",
            )
