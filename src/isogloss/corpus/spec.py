"""Where a corpus lies: `path?key=value&...`, and which file belongs to which language."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl

from isogloss.corpus.text_files import read_cells
from isogloss.errors import CorpusError, LanguageError, UsageError
from isogloss.language import Language, read_language, resolve

LANGUAGE = "{language}"
EMBEDDED = ("emoji",)
"""Names of texts that come with a package, in the place of a path."""
OPTIONS = (
    "format", "id", "text", "language", "licence", "split", "header", "config", "clone",
    "clone_words",
)  # fmt: skip
T = TypeVar("T")


@dataclass
class Spec:
    """A path taken apart, and the notes that reading it gives rise to.

    Attributes:
        text: as the user gave it, without the query.
        options: the `key=value` pairs after `?`.
        wanted: the languages asked for, as the user spelled them; None means all.
        notes: sentences that the reader adds.
        network: whether something may be downloaded.
        dropped: counts of what was left out, by reason.
        waiting: notes about one language, made known only if that language is chosen.
    """

    text: str
    options: dict[str, str]
    wanted: Sequence[str] | None = None
    notes: list[str] = field(default_factory=list)
    network: bool = False
    dropped: dict[str, int] = field(default_factory=dict)
    waiting: dict[Language, list[str]] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The path, which may still hold `{language}`."""
        return Path(self.text).expanduser()

    @property
    def place_exists(self) -> bool:
        """Whether there is a file or folder, or for a pattern the folder it starts in."""
        return self.path.exists() if LANGUAGE not in self.text else _anchor(self.text).is_dir()

    @cached_property
    def files(self) -> dict[Language, list[Path]]:
        """Every language of a folder or a `{language}` pattern, with its files in sorted order."""
        return language_files(self)

    @property
    def suffix(self) -> str:
        """The ending of the first of `files` without `.gz`, such as `.tsv`; "" without files."""
        first = next((f[0].name.removesuffix(".gz") for f in self.files.values()), "")
        return Path(first).suffix

    @property
    def named_columns(self) -> dict[Language, str]:
        """The columns that the query names by a language: `?eng=english&deu=2`."""
        return {read_language(key): v for key, v in self.options.items() if key not in OPTIONS}

    def note(self, sentence: str) -> None:
        """Keep a note once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def drop(self, reason: str, count: int = 1) -> None:
        """Count what is left out."""
        self.dropped[reason] = self.dropped.get(reason, 0) + count

    def choose(self, there: Mapping[Language, T]) -> dict[Language, T]:
        """Of the languages that are there, those that are wanted, in the order asked for.

        Raises:
            UnknownLanguage: one is not there; the message lists near ones.
        """
        chosen = list(there)
        if self.wanted is not None:
            try:
                chosen = resolve(list(self.wanted), there, note=self.note)
            except LanguageError as error:
                raise type(error)(error.message, file=self.text, remedy=error.remedy) from None
        for language in chosen:
            for sentence in self.waiting.pop(language, ()):
                self.note(sentence)
        return {language: there[language] for language in dict.fromkeys(chosen)}


def parse(path: str | Path, wanted: Sequence[str] | None = None) -> Spec:
    """Take `path?key=value&...` apart.

    Raises:
        UsageError: a key that is not an option nor a language tag.
    """
    text, options = split_query(path)
    for key in options:
        if key not in OPTIONS:
            try:
                read_language(key)
            except LanguageError:
                raise UsageError(
                    f"{path}: unknown option {key!r}",
                    remedy=f"known: {', '.join(OPTIONS)}, or a language tag naming its column",
                ) from None
    return Spec(text, options, wanted)


def split_query(path: str | Path) -> tuple[str, dict[str, str]]:
    """The path before `?`, and the options after it, whatever their names.

    Raises:
        UsageError: an option without a value, or given twice.
    """
    text, mark, query = str(path).partition("?")
    if mark and Path(path).exists():
        text, query = str(path), ""
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    options = dict(pairs)
    if len(options) < len(pairs) or not all(options.values()) or (mark and query and not pairs):
        raise UsageError(
            f"{path}: options are given once each, as name=value",
            remedy="such as sib200/{language}/*.tsv.gz?id=index_id&text=text",
        )
    return text, options


def language_files(spec: Spec) -> dict[Language, list[Path]]:
    """Every language of a folder or a `{language}` pattern, with its files in sorted order.

    Raises:
        CorpusError: two files of the same language, or an index that leads out of its folder.
    """
    if LANGUAGE in spec.text:
        return _by_pattern(spec)
    if not spec.path.is_dir():
        return {}
    index = read_index(spec.path)
    return _by_index(spec, index) if index else _by_listing(spec)


def read_index(folder: Path) -> list[dict[str, str]]:
    """The rows of a folder's `index.tsv` by column; none where it has no column `code`."""
    if not (folder / "index.tsv").is_file():
        return []
    header, *rows = read_cells(folder / "index.tsv")
    cells = [dict(zip(header, row, strict=True)) for row in rows]
    return cells if "code" in header or "bcp47" in header else []


def _by_index(spec: Spec, index: Sequence[Mapping[str, str]]) -> dict[Language, list[Path]]:
    found: dict[Language, list[Path]] = {}
    named = {spec.path / "index.tsv"}
    for row in index:
        code = row.get("code") or row["bcp47"]
        files = _files_of(spec.path, code, row.get("file"))
        named.update(files)
        language = as_language(code, spec, row.get("script"))
        if language is None or not files:
            spec.drop("entries of index.tsv without a " + ("language" if files else "file"))
            continue
        _keep(found, language, files)
    for language, files in _by_listing(spec, skip=named).items():  # a pivot the index leaves out
        found.setdefault(language, files)
    return found


def _keep(found: dict[Language, list[Path]], language: Language, files: list[Path]) -> None:
    if language in found:
        raise CorpusError(
            f"{files[0].name} and {found[language][0].name} are both {language}",
            file=files[0],
            remedy="tell them apart by a variant in the name, such as spa.ref2, or remove one",
        )
    found[language] = files


def _files_of(folder: Path, code: str, named: str | None) -> list[Path]:
    name = named or code
    if ".." in Path(name).parts or Path(name).is_absolute():
        raise CorpusError(
            f"{name!r} leaves the folder",
            file=folder / "index.tsv",
            remedy="an index may name files in its own folder only",
        )
    if named:
        return [folder / named] if (folder / named).is_file() else []
    if (folder / code).is_dir():
        return sorted(f for f in (folder / code).iterdir() if _is_text(f))
    return [f for suffix in _SUFFIXES if (f := folder / (code + suffix)).is_file()][:1]


_SUFFIXES = tuple(kind + zipped for kind in (".txt", ".tsv") for zipped in ("", ".gz"))


def _is_text(file: Path) -> bool:
    return file.name.endswith(_SUFFIXES)


def _by_listing(spec: Spec, skip: Collection[Path] = ()) -> dict[Language, list[Path]]:
    found: dict[Language, list[Path]] = {}
    for entry in sorted(spec.path.iterdir()):
        code = re.sub(r"\.(txt|tsv)(\.gz)?$", "", entry.name)
        files = [entry] if _is_text(entry) and entry.is_file() else []
        if entry.is_dir():
            files = sorted(f for f in entry.iterdir() if _is_text(f))
        if not files or set(files) <= set(skip):
            continue
        if language := as_language(code, spec):
            _keep(found, language, files)
        elif not skip:  # beside an index, other files are not meant to be languages
            spec.note(f"{entry.name} was left out: its name is not a language")
    return found


def _anchor(pattern: str) -> Path:
    """The folder a pattern starts in: all of it before the first part with a `{` or `*`."""
    parts = Path(pattern).expanduser().parts
    count = next(i for i, part in enumerate(parts) if "{" in part or "*" in part)
    return Path(*parts[:count])


def spellings(pattern: str, *, folders: bool = False) -> dict[str, list[Path]]:
    """Files that match a pattern, by what stands in place of `{language}`; `folders` too if asked.

    Neither `{language}` nor `*` ever matches a `/`.
    """
    folder = _anchor(pattern)
    below = Path(pattern).expanduser().relative_to(folder).as_posix()
    expression = re.escape(below).replace(r"\{language\}", r"(?P<language>[^/]+?)", 1)
    expression = expression.replace(r"\{language\}", r"(?P=language)").replace(r"\*", r"[^/]*")
    by_code: dict[str, list[Path]] = {}
    for file in sorted(folder.glob("/".join("*" for _ in Path(below).parts))):
        match = re.fullmatch(expression, file.relative_to(folder).as_posix())
        if match and (folders or file.is_file()):
            by_code.setdefault(match["language"], []).append(file)
    return by_code


def scripts_beside(pattern: str) -> dict[str, str | None]:
    """The script of each code, as the index of the folder that a pattern starts in gives it."""
    return {row.get("code", ""): row.get("script") for row in read_index(_anchor(pattern))}


def _by_pattern(spec: Spec) -> dict[Language, list[Path]]:
    scripts = scripts_beside(spec.text)
    found: dict[Language, list[Path]] = {}
    for code, files in spellings(spec.text).items():
        if language := as_language(code, spec, scripts.get(code)):
            _keep(found, language, files)
        else:
            spec.note(f"{files[0].name} was left out: {code!r} is not a language")
    return found


def as_language(code: str, spec: Spec, script: str | None = None) -> Language | None:
    """The language a name means; what was decided on the way waits until it is chosen."""
    decisions: list[str] = []
    try:
        if not re.match(r"[A-Za-z]{2,3}([_.-]|$)", code):
            return None
        language = read_language(code, script=script or None, note=decisions.append)
    except LanguageError:
        return None
    spec.waiting.setdefault(language, []).extend(decisions)
    return language
