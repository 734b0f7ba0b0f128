"""Tokenizers from wherever they lie, audited on a text: a step, and the job of the command."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from isogloss import registry
from isogloss.errors import ModelError, UsageError
from isogloss.files import atomic_write
from isogloss.language import read_language
from isogloss.progress import Start, silent
from isogloss.recipe.main_jobs import execute_source
from isogloss.recipe.runs import Run
from isogloss.recipe.step import FILES, Step, Workplace
from isogloss.registry import register
from isogloss.score import Score, Scores
from isogloss.vocabulary.audit import Pairs, audit
from isogloss.vocabulary.consequences import (
    consequences,
    unknown_shares,
    window_holds,
    worst_first,
)
from isogloss.vocabulary.tokenization import Tokenization, of_encoder, of_reader, of_tokenizer

_NAMED = re.compile(r"([\w.-]+)=(.+)", re.DOTALL)


def open_tokenization(place: str, *, network: bool = False) -> Tokenization:
    """A tokenizer by what the user calls it.

    Args:
        place: a tokenizer.json; a folder of a model or of a tokenizer alone; a name on the hub
            that is in its local cache; `all-MiniLM-L6-v2` for the demonstration model; a
            registered tokenization, `bytes`, `characters`, or `name:file` for one that reads a
            file. `name=` before it gives it a name of its own.
        network: allow a download.

    Raises:
        UsageError: a file for a registered tokenization that reads none.
        ModelError: a file that is no tokenizer, or a folder without one.
        NetworkRefused: it is not here and `network` is False.
    """
    if (named := _NAMED.fullmatch(place)) and not Path(place).exists():
        return replace(open_tokenization(named[2], network=network), name=named[1])
    kind, colon, file = place.partition(":")
    if kind in _registered():
        make = registry.get("tokenization", kind)
        if colon and not signature(make).parameters:
            raise UsageError(f"{kind} reads no file", remedy=f"call it {kind} alone")
        return make(file) if colon else make()
    path = Path(place).expanduser()
    if path.is_file():
        return of_tokenizer(_read_tokenizer(path), _name(path))
    from isogloss.encode.resolve import load_reader

    reader = load_reader(place, network=network)
    return of_reader(reader, path.resolve().name if path.is_dir() else place)


def _registered() -> set[str]:
    """Registered names, with and without their version."""
    names = registry.names("tokenization")
    return {*names, *(name.rpartition(".v")[0] for name in names)}


def _name(path: Path) -> str:
    """Of a file called tokenizer.json, its folder says more."""
    return path.resolve().parent.name if path.name == "tokenizer.json" else path.stem


def _read_tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    from isogloss.encode.weights import refuse_dropout

    try:
        made = Tokenizer.from_file(str(path))
    except Exception as error:
        # tokenizers raises bare Exceptions
        sentencepiece = path.suffix in (".model", ".spm")
        raise ModelError(
            f"no tokenizer that can be read: {error}",
            file=path,
            remedy="a sentencepiece model is read from its model folder, with config.json beside it"
            if sentencepiece
            else "give a tokenizer.json as tokenizers or transformers write it, or a model folder",
        ) from None
    refuse_dropout(made, path)
    return made


@register("step", "audit_tokenizers.v1")
class AuditTokenizers(Step):
    """Audit tokenizers side by side, each language against the pivot and all pairs of languages.

    Tables lie in the run's folder, `files/<step>/`: `languages.tsv`, a row a tokenizer and
    language, and `pairs.tsv`, a row a tokenizer and pair of languages.

    Attributes:
        text: the corpus.
        tokenizers: see `open_tokenization`.
        models: `teacher` and earlier steps, whose models' tokenizers are audited besides.
        pairs: compare all pairs of languages.
    """

    text: str
    tokenizers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    pairs: bool = Field(default=True)

    def needs(self) -> dict[str, str]:
        """The text and the models."""
        return {"text": self.text} | {f"models.{name}": name for name in self.models}

    def check(self, earlier: Mapping[str, Step]) -> list[str]:
        """There must be something to audit."""
        return [] if self.tokenizers or self.models else ["tokenizers: at least one is needed"]

    def key_settings(self) -> dict[str, Any]:
        """The tokenizers by what they do, not by where they lie."""
        prints = [(one.name, one.fingerprint, one.window) for one in self._open()]
        return {**super().key_settings(), "tokenizers": prints}

    def _open(self) -> list[Tokenization]:
        return [open_tokenization(place) for place in self.tokenizers]

    def run(self, place: Workplace) -> None:
        """Audit, and write the tables."""
        corpus = place.texts[self.text]
        tokenizations = [of_encoder(place.encoder(name)) for name in self.models] + self._open()
        advance = place.start(f"{self.name}: read languages", len(place.languages) + 1)
        made = audit(
            tokenizations, corpus, pivot=place.pivot, languages=place.languages, pairs=self.pairs,
            seed=place.seed, progress=advance,
        )  # fmt: skip
        scores = made.scores.having(
            dataset=corpus.name, seed=place.seed, corpus_fingerprint=corpus.fingerprint
        )
        place.notes += made.notes + consequences(scores)
        write_rows(place.folder / FILES / "languages.tsv", language_rows(scores))
        if self.pairs:
            write_rows(place.folder / FILES / "pairs.tsv", pair_rows(made.pairs))
        place.write(scores)


def audit_tokenizers(
    tokenizers: Sequence[str],
    text: str | Path,
    *,
    out: str | Path,
    pivot: str = "eng",
    languages: Sequence[str] = (),
    pairs: bool = True,
    licence: str | None = None,
    seed: int = 0,
    network: bool = False,
    start: Start = silent,
    command: str = "",
) -> Run:
    """Audit tokenizers on n-way text and leave a run: scores, tables, a report.

    Args:
        tokenizers: see `open_tokenization`.
        text: n-way parallel text, see `read_corpus`.
        out: the run's folder.
        pivot: the language everything is compared with.
        languages: the languages to audit; all that the text has by default.
        pairs: compare all pairs of languages too.
        licence: of the text, recorded with the results.
        seed: of the bootstrap.
        network: allow fetching tokenizers and text.
        start: starts progress bars.
        command: what the user typed, for the report.

    Raises:
        IsoglossError: bad input, with the place and a remedy.
    """
    if network:  # the step itself reads what is here
        for place in tokenizers:
            open_tokenization(place, network=True)
    count = "One tokenizer" if len(tokenizers) == 1 else f"{len(tokenizers)} tokenizers"
    step = {
        "use": "audit_tokenizers.v1", "name": "audit", "text": "text",
        "tokenizers": list(tokenizers), "pairs": pairs,
    }  # fmt: skip
    source = {
        "name": Path(out).name, "title": f"{count}: languages against {pivot}", "pivot": pivot,
        "languages": list(languages), "seed": seed, "network": network, "steps": [step],
        "text": {"text": {"path": str(text)} | ({"licence": licence} if licence else {})},
    }  # fmt: skip
    return execute_source(source, out, start, command)


def language_rows(scores: Scores) -> Iterator[list[Any]]:
    """A header, then a row a tokenizer and language, worst premium first; the pivot last."""
    measures = list(dict.fromkeys(row.measure for row in scores if row.measure != "premium"))
    yield [
        "tokenizer",
        "language",
        "name",
        "n",
        "premium",
        "low",
        "high",
        "window_holds",
        *measures,
    ]
    for system in dict.fromkeys(row.system for row in scores):
        own = scores.where(system=system)
        unknown = unknown_shares(own)
        premiums = worst_first(own.where(measure="premium"))
        by_place: dict[tuple[Any, str], Score] = {(r.language, r.measure): r for r in own}
        order = [r.language for r in premiums]
        order += [tag for tag in dict.fromkeys(r.language for r in own) if tag not in order]
        for tag in order:
            premium = by_place.get((tag, "premium"))
            cells: list[Any] = [None] * 3
            if premium is not None:
                cells = [premium.value, premium.low, premium.high]
            cells.append(window_holds(premium, unknown.get(tag, 0.0)))
            values = [by_place.get((tag, measure)) for measure in measures]
            n = max(row.n for row in own.where(language=tag))
            name = read_language(str(tag)).name
            yield [system, tag, name, n, *cells, *(v.value if v else None for v in values)]


def pair_rows(pairs: Mapping[str, Pairs]) -> Iterator[list[Any]]:
    """A header, then a row a tokenizer and pair of languages; parity is the first's over the other.

    Of a pair both ways round, the one that comes first among the languages is written.
    """
    yield ["tokenizer", "language", "other", "n", "parity", "low", "high", "jaccard",
           "weighted_jaccard", "jensen_shannon"]  # fmt: skip
    for system, one in pairs.items():
        matrices = [*one.parity[:3], *one.overlap]
        for a, b in zip(*np.triu_indices(len(one.languages), 1), strict=True):
            values = (float(matrix[a, b]) for matrix in matrices)
            ends = (one.languages[a], one.languages[b])
            yield [system, *ends, int(one.parity.n[a, b]), *values]


def write_rows(path: Path, rows: Iterator[list[Any]]) -> None:
    """Rows as TSV; a number that is not known is an empty cell."""
    with atomic_write(path) as file:
        for row in rows:
            file.write("\t".join(map(_cell, row)) + "\n")


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if not np.isfinite(value) else f"{value:.6g}"
    return "" if value is None else re.sub(r"\s", " ", str(value))
