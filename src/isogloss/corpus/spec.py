"""Where a corpus lies: `path?key=value&...`, and which file belongs to which language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

from isogloss.corpus.text_files import read_cells
from isogloss.errors import CorpusError, LanguageError, UsageError
from isogloss.language import Language, read_language, resolve
from isogloss.language.tags import Note

OPTIONS = ("format", "id", "text", "language", "licence", "split", "header", "pivot")


@dataclass
class Spec:
    """A path taken apart, and the notes that reading it gives rise to.

    Attributes:
        text: as the user gave it, without the query.
        options: the `key=value` pairs after `?`.
        wanted: the languages asked for, as the user spelled them; None means all.
        notes: sentences that the reader adds.
    """

    text: str
    options: dict[str, str]
    wanted: Sequence[str] | None = None
    notes: list[str] = field(default_factory=list)
    network: bool = False

    @property
    def path(self) -> Path:
        """The path, which may still hold `{language}`."""
        return Path(self.text).expanduser()

    def note(self, sentence: str) -> None:
        """Keep a note once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def choose(self, there: dict[Language, list[Path]]) -> dict[Language, list[Path]]:
        """Of the languages that are there, those that are wanted."""
        if not there:
            raise CorpusError(
                "no file here has a language in its name",
                file=self.text,
                remedy="name the place with {language}, as in 'folder/{language}.txt'",
            )
        if self.wanted is None:
            return there
        try:
            chosen = resolve(self.wanted, there, note=self.note)
        except LanguageError as error:
            raise type(error)(error.message, file=self.text, remedy=error.remedy) from None
        return {language: there[language] for language in dict.fromkeys(chosen)}


def parse(path: str | Path, wanted: Sequence[str] | None = None) -> Spec:
    """Take `path?key=value&...` apart.

    Raises:
        UsageError: a key that is not an option nor a language tag.
    """
    text, _, query = str(path).partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
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


def language_files(spec: Spec) -> dict[Language, list[Path]]:
    """Every language of a folder or a `{language}` pattern, with its files in sorted order."""
    if "{language}" in spec.text:
        return _by_pattern(spec, spec.text)
    if (spec.path / "index.tsv").is_file():
        return _by_index(spec)
    return _by_listing(spec)


def _by_index(spec: Spec) -> dict[Language, list[Path]]:
    header, *rows = read_cells(spec.path / "index.tsv")
    found: dict[Language, list[Path]] = {}
    for row in rows:
        cells = dict(zip(header, row, strict=True))
        code = cells.get("code") or cells.get("bcp47")
        if code is None:
            return _by_listing(spec)
        files = _files_of(spec.path, code, cells.get("file"))
        if files:
            language = read_language(code, script=cells.get("script"), note=_once(spec, code))
            found[language] = files
    if not found:
        return found
    named = {file for files in found.values() for file in files}
    for language, files in _by_listing(spec).items():  # a pivot that the index leaves out
        if language not in found and not named.intersection(files):
            found[language] = files
    return found


def _files_of(folder: Path, code: str, named: str | None) -> list[Path]:
    if named:
        file = folder / named
        if ".." in Path(named).parts or Path(named).is_absolute():
            raise CorpusError(f"{named!r} leaves the folder", file=folder / "index.tsv")
        return [file] if file.is_file() else []
    if (folder / code).is_dir():
        return sorted(f for f in (folder / code).iterdir() if _is_text(f))
    return [f for suffix in _SUFFIXES if (f := folder / (code + suffix)).is_file()][:1]


_SUFFIXES = tuple(kind + zipped for kind in (".txt", ".tsv") for zipped in ("", ".gz"))


def _is_text(file: Path) -> bool:
    return file.name.endswith(_SUFFIXES)


def _by_listing(spec: Spec) -> dict[Language, list[Path]]:
    found: dict[Language, list[Path]] = {}
    if not spec.path.is_dir():
        raise CorpusError("no such file or folder", file=spec.text, remedy="check the path")
    for entry in sorted(spec.path.iterdir()):
        code = re.sub(r"\.(txt|tsv)(\.gz)?$", "", entry.name)
        files = [entry] if _is_text(entry) else []
        if entry.is_dir():
            files = sorted(f for f in entry.iterdir() if _is_text(f))
        if files and (language := _maybe(code)):
            found[language] = files
    return found


def _by_pattern(spec: Spec, pattern: str) -> dict[Language, list[Path]]:
    """Files that match a pattern; `{language}` never matches a `/`, `*` neither."""
    anchor = Path(re.split(r"[{*]", pattern)[0])
    folder = (
        anchor if pattern[: len(str(anchor))] == str(anchor) and anchor.is_dir() else anchor.parent
    )
    expression = re.escape(pattern).replace(r"\{language\}", r"(?P<language>[^/]+?)", 1)
    expression = expression.replace(r"\{language\}", r"(?P=language)").replace(r"\*", r"[^/]*")
    found: dict[Language, list[Path]] = {}
    depth = pattern.count("/") - str(folder).count("/")
    for file in sorted(folder.glob("/".join(["*"] * max(depth, 1)))):
        match = re.fullmatch(expression, str(file)) or re.fullmatch(expression, f"./{file}")
        if match and file.is_file() and (language := _maybe(match["language"])):
            found.setdefault(language, []).append(file)
    return found


def _maybe(code: str) -> Language | None:
    try:
        return read_language(code) if re.match(r"[A-Za-z]{2,3}([_.-]|$)", code) else None
    except LanguageError:
        return None


def _once(spec: Spec, code: str) -> Note:
    """Only languages that were asked for are worth a note."""

    def note(sentence: str) -> None:
        if spec.wanted is not None and code in spec.wanted:
            spec.note(sentence)

    return note
