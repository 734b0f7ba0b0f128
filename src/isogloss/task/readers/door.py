"""One way in for labelled examples of any format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from isogloss import registry
from isogloss.corpus.spec import Spec, split_query
from isogloss.errors import CorpusError, UsageError
from isogloss.task.examples import Examples, Shape, make_examples
from isogloss.task.readers import checks, labels

_COMMON = ("id", "format", *checks.OPTIONS, *labels.OPTIONS)


def read_examples(
    path: str | Path,
    shape: Shape,
    *,
    language: str,
    split: str = "",
    name: str = "",
    licence: str | None = None,
    network: bool = False,
) -> Examples:
    """Read labelled examples from CSV, TSV, JSONL, CoNLL, CoNLL-U, SQuAD or a Hugging Face set.

    After the path come options: `dev.tsv.gz?text=body&label=topic&id=key` names columns by header
    or by number from 1. In all formats `?format=` names the reader, `?missing=` and `?invalid=` say
    what becomes of rows without a label and of invalid tags and answers (see `checks.checked`),
    and `?rename=person:PER&keep=PER,LOC` renames labels and types of entities and chooses some.

    Args:
        path: file or folder, or `hf:owner/name`, with options.
        shape: what the examples of the task look like.
        language: any spelling of its tag.
        split: of the data set, by default `train`; chooses a part of a Hugging Face set.
        name: of the data set; by default that of the file.
        licence: recorded, never guessed.
        network: allow the network for `hf:` names.

    Raises:
        CorpusError: what cannot be read as such examples, with file, line and remedy.
        UsageError: an option that the format does not know.
    """
    text, options = split_query(path)
    spec = Spec(text, options, [language], network=network)
    rename, keep = labels.wanted_names(spec)
    about: dict[str, Any] = {"name": name, "licence": licence, "source": str(path)}
    return read_from(spec, shape, split=split, rename=rename, keep=keep, **about)


def read_from(
    spec: Spec,
    shape: Shape,
    *,
    split: str = "",
    part: str = "",
    rename: Mapping[str, str] | None = None,
    keep: Sequence[str] = (),
    **about: Any,
) -> Examples:
    """The same of a path that was taken apart.

    `part` is what the data call the split, where they call it otherwise, and `about` are the other
    fields of `Examples`.
    """
    reader = _reader(spec, shape)
    _refuse_unknown(spec, shape, reader)
    if (part or split) and "split" in reader.OPTIONS:
        spec.options.setdefault("split", part or split)
    found = reader.read(spec, shape)
    columns = _rows(*checks.checked(found, shape, spec))
    if rename or keep:
        changed, stays = labels.renamed(columns, rename or {}, keep, spec)
        columns = _rows({**columns, **changed}, stays)
    if not len(next(iter(columns.values()), ())):
        raise CorpusError(
            "no example is left" if spec.dropped else "no example", file=spec.text,
            remedy="; ".join(f"{count} {reason}" for reason, count in spec.dropped.items())
            or "give a file with at least one",
        )  # fmt: skip
    language = str((spec.wanted or [""])[0])
    return make_examples(
        about.pop("name", "") or spec.path.name.partition(".")[0], language, shape, columns,
        split=split or "train", notes=tuple(spec.notes), dropped=dict(spec.dropped),
        **{"source": spec.text, **about},
    )  # fmt: skip


def _rows(columns: Mapping[str, list[Any]], stays: Sequence[bool]) -> dict[str, list[Any]]:
    if all(stays):
        return dict(columns)
    return {n: [v for v, s in zip(c, stays, strict=True) if s] for n, c in columns.items()}


def _reader(spec: Spec, shape: Shape) -> ModuleType:
    """The reader that the query names, or the one surest of the path."""
    modules = {e.name: e.module for e in registry.entries() if e.kind == "examples"}
    if asked := spec.options.get("format"):
        return import_module(modules[registry.full_name("examples", asked)])
    readers = [import_module(module) for module in modules.values()]
    best = max(readers, key=lambda reader: reader.accepts(spec, shape))
    if best.accepts(spec, shape):
        return best
    there = spec.path.exists()
    raise CorpusError(
        "is in no format that its name tells" if there else "no such file or folder",
        file=spec.text,
        remedy=f"say ?format=, one of {', '.join(modules)}" if there else "check the path",
    )


def _refuse_unknown(spec: Spec, shape: Shape, reader: ModuleType) -> None:
    known = {*_COMMON, *reader.OPTIONS, *(shape.columns if reader.NAMES_COLUMNS else ())}
    if unknown := sorted(set(spec.options) - known):
        raise UsageError(
            f"{spec.text}: unknown option {', '.join(map(repr, unknown))}",
            remedy=f"known here: {', '.join(sorted(known))}",
        )
