"""A suite: what a benchmark consists of and where its files lie."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from isogloss import registry
from isogloss.corpus import read_corpus
from isogloss.corpus.records import Corpus
from isogloss.corpus.spec import (
    EMBEDDED,
    LANGUAGE,
    Spec,
    as_language,
    scripts_beside,
    spellings,
    split_query,
)
from isogloss.errors import CorpusError, UnknownName, UsageError
from isogloss.language import Language, read_language
from isogloss.settings import Settings, read_settings, read_toml
from isogloss.task.examples import TEXT, Examples, Shape
from isogloss.task.readers import read_from
from isogloss.task.readers.parallel import read_both
from isogloss.task.suites.directions import Asked, Direction, choose

ALL_LANGUAGES = "{languages}"
"""In a path, for a reader that is given the pattern of all languages, as parallel text is."""
_HERE = Path(__file__).parent


class Split(Settings):
    """A split of a task.

    Attributes:
        name: what `{split}` becomes, or which part of a Hugging Face set it is.
        options: of the reader, for this split alone.
        languages: that have it, as files spell them; all of the task by default.
    """

    name: str = ""
    options: dict[str, str] = Field(default_factory=dict)
    languages: tuple[str, ...] = ()


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class Part(Settings):
    """A task of a suite.

    Attributes:
        name: in the suite.
        use: the task that scores it, such as `classify.v1`.
        metric: the main measure.
        path: below the data folder, with `{language}` and `{split}`; or `hf:owner/name`, or the
            name of text that comes with a package, `emoji`.
        texts: where the texts lie that labels at `path` are about, joined by id.
        options: of the reader, see `read_examples`.
        splits: by what we call them: `train`, `dev`, `test`.
        languages: as files spell them; by default those there are at `path`.
        tags: which language a spelling means, where it does not say so itself.
        rename: names of labels or entity types that become others.
        keep: labels or entity types that are kept.
        to: for retrieval and translation, the other language; of translations it may be several,
            and then the task has directions, such as `deu_Latn-spa_Latn`, for languages.
        settings: of the task that scores it, such as `beams` of `translate.v1`.
        passages: for retrieval, where the collection lies, as a path of text that `read_corpus`
            knows, with `{language}`; it is in the language `to`, or else in that of the queries.
        n_way: rows with the same id are translations of each other.
        labels: whether all languages must have the same labels.
        mteb: what MTEB calls the task.
    """

    name: str
    use: str
    metric: str
    path: str
    texts: str = ""
    options: dict[str, str] = Field(default_factory=dict)
    splits: dict[str, Annotated[Split, BeforeValidator(_named)]] = Field(min_length=1)
    languages: tuple[str, ...] = ()
    tags: dict[str, str] = Field(default_factory=dict)
    rename: dict[str, str] = Field(default_factory=dict)
    keep: tuple[str, ...] = ()
    to: str | tuple[str, ...] = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    passages: str = ""
    n_way: bool = False
    labels: Literal["same", "may differ"] = "may differ"
    mteb: str = ""

    @property
    def shape(self) -> Shape:
        """Of its examples."""
        return registry.get("task", self.use).shape

    @property
    def measures(self) -> tuple[str, ...]:
        """Of its task, the suite's own `metric` first.

        Raises:
            UsageError: the task does not have that.
        """
        known = registry.get("task", self.use).measures
        if self.metric not in known:
            raise UsageError(
                f"{self.name}: {self.use} has no measure {self.metric!r}",
                remedy=f"set metric to one of {', '.join(known)}",
            )
        return self.metric, *(one for one in known if one != self.metric)

    @property
    def task(self) -> Any:
        """The task that scores it.

        Raises:
            UsageError: a setting that it does not have.
        """
        try:
            return registry.get("task", self.use)(**self.settings)
        except TypeError as error:
            raise UsageError(
                f"{self.name}: {self.use} cannot be set so: {error}",
                remedy="see `settings` of the task in the suite",
            ) from None

    @property
    def directed(self) -> bool:
        """Whether it has directions for languages."""
        return isinstance(self.to, tuple)

    @property
    def other(self) -> str:
        """The canonical tag of the one other language; empty where there is none."""
        return str(read_language(self.to)) if isinstance(self.to, str) and self.to else ""

    @property
    def from_hub(self) -> bool:
        """Whether it is a Hugging Face set."""
        return self.path.startswith("hf:")

    def split(self, name: str) -> Split:
        """One of the splits.

        Raises:
            UsageError: it has no such split.
        """
        if name not in self.splits:
            raise UsageError(
                f"{self.name} has no split {name!r}", remedy=f"it has {', '.join(self.splits)}"
            )
        return self.splits[name]


class Suite(Settings):
    """A benchmark.

    Attributes:
        name: short, such as `sib200`.
        title: for people.
        citation: what to cite.
        licence: as the source states it.
        hub: its name on the Hugging Face hub, if it has one.
        notes: what a reader of its scores should know.
        tasks: one or more.
    """

    name: str
    title: str
    citation: str
    licence: str
    hub: str = ""
    notes: tuple[str, ...] = ()
    tasks: tuple[Part, ...] = Field(min_length=1)

    def part(self, task: str = "") -> Part:
        """A task by its name; without one, the only task.

        Raises:
            UsageError: there is no such task, or several.
        """
        found = [part for part in self.tasks if task in ("", part.name)]
        if len(found) == 1:
            return found[0]
        names = ", ".join(part.name for part in self.tasks)
        raise UsageError(
            f"the suite {self.name} has no task {task!r}" if task
            else f"the suite {self.name} has several tasks", remedy=f"name one of {names}",
        )  # fmt: skip

    def languages(
        self, task: str = "", split: str = "", *, data: str | Path | None = None
    ) -> dict[Asked, str]:
        """The languages of a task, or of a split of it, each as its files spell it.

        A task with several `to` has directions. No file with examples is opened.

        Raises:
            UsageError: no such task or split, or no data folder.
            CorpusError: two spellings of one language, or no file at all.
        """
        return self._there(self.part(task), split, data)[0]

    def examples(
        self,
        task: str,
        language: str,
        split: str,
        *,
        data: str | Path | None = None,
        network: bool = False,
    ) -> Examples:
        """Examples of one task, language and split; no file of another language is opened.

        Args:
            task: its name; "" for the only one.
            language: any spelling of its tag, or of a direction.
            split: `train`, `dev` or `test`.
            data: the folder the paths are below; by default the one ISOGLOSS_DATA names.
            network: allow the network for Hugging Face sets.

        Raises:
            UnknownLanguage: the task does not have it.
            UsageError: no such task or split, or no data folder.
            CorpusError: what reading finds.
        """
        part = self.part(task)
        spec = self._spec(part, language, split, data, network)
        read = read_from(
            spec, part.shape, split=split, part=part.split(split).name, rename=part.rename,
            keep=part.keep, name=self.name, licence=self.licence,
        )  # fmt: skip
        if part.directed:
            read = replace(read, to=spec.options["to"])
        if not part.texts:
            return read
        code = self._code(part, language, split, data, [])[1]
        where, options = split_query(_filled(part.texts, code, part.split(split).name))
        texts = Spec(self._place(where, data), {**options, "missing": "keep"}, [read.language])
        return joined(read, read_from(texts, TEXT, split=split))

    def collection(
        self,
        task: str,
        language: str,
        split: str,
        *,
        data: str | Path | None = None,
        network: bool = False,
    ) -> Corpus:
        """What the queries of a retrieval task are answered from, with the ids they name.

        Raises:
            UsageError: the task says neither `passages` nor another language to retrieve in.
        """
        part = self.part(task)
        if part.passages:
            return self._passages(part, language, split, data, network)
        if not part.other:
            raise UsageError(
                f"{part.name} of {self.name} retrieves nothing",
                remedy="give it `passages`, or, of translations, the other language: `to`",
            )
        both = read_both(self._spec(part, language, split, data, network))
        return both.keep([part.other])

    def _passages(
        self, part: Part, language: str, split: str, data: str | Path | None, network: bool
    ) -> Corpus:
        """The collection of a language, or the one of `to`."""
        tag = part.other or str(self._code(part, language, split, data, [])[0])
        path, mark, query = part.passages.replace("{split}", part.split(split).name).partition("?")
        where = f"{self._place(path, data)}{mark}{query}"
        return read_corpus(where, languages=[tag], network=network)

    def _there(
        self, part: Part, split: str, data: str | Path | None
    ) -> tuple[dict[Asked, str], Mapping[Language, list[str]]]:
        """The spelling of each language, and what was decided in reading it."""
        codes = (part.split(split).languages if split else ()) or part.languages
        declared = {*codes, *part.tags}
        scripts: Mapping[str, str | None] = {}
        pattern = "" if codes else self._pattern(part, split, data)
        if not codes:
            codes, scripts = tuple(spellings(pattern, folders=True)), scripts_beside(pattern)
        found: dict[Asked, str] = {}
        spec = Spec(pattern, {})
        for code in codes:
            tag = _meant(part.tags.get(code, code), spec, scripts.get(code), code in declared)
            if tag is None or str(tag) == part.other:
                continue
            if tag in found:
                raise CorpusError(
                    f"{code} and {found[tag]} are both {tag}", file=pattern or self.name,
                    remedy=f"tell them apart in `tags` of the suite {self.name}",
                )  # fmt: skip
            found[tag] = code
        if not found:
            raise CorpusError(
                f"no language of {self.name} is there", file=pattern or part.path,
                remedy="point ISOGLOSS_DATA or data= at the folder that holds it",
            )  # fmt: skip
        return (_directions(found, part.to) if part.directed else found), spec.waiting

    def _spec(
        self, part: Part, language: str, split: str, data: str | Path | None, network: bool
    ) -> Spec:
        notes: list[str] = []
        tag, code = self._code(part, language, split, data, notes)
        one = part.split(split)
        to = str(tag.target) if isinstance(tag, Direction) else part.other
        options = {**part.options, **one.options} | ({"to": to} if to else {})
        options = {key: _filled(value, code, one.name) for key, value in options.items()}
        if part.from_hub:
            options.setdefault("split", one.name)
        text = self._place(_filled(part.path, code, one.name), data)
        own = tag.source if isinstance(tag, Direction) else tag
        return Spec(text, options, [str(own)], notes, network)

    def _code(
        self, part: Part, language: str, split: str, data: str | Path | None, notes: list[str]
    ) -> tuple[Asked, str]:
        there, decided = self._there(part, split, data)
        tag = choose([language], there, note=notes.append)[0]
        notes += decided.get(tag.source if isinstance(tag, Direction) else tag, ())
        return tag, there[tag]

    def _pattern(self, part: Part, split: str, data: str | Path | None) -> str:
        """Where a file a language lies."""
        name = part.split(split or next(iter(part.splits))).name
        paths = [split_query(path)[0] for path in (part.path, part.texts) if path]
        patterns = [p for p in map(_one_language, paths) if LANGUAGE in p]
        if not patterns:
            raise UsageError(
                f"{part.name} of {self.name} does not say which languages it has",
                remedy="give it `languages`",
            )
        return self._place(patterns[0].replace("{split}", name), data)

    def _place(self, path: str, data: str | Path | None) -> str:
        if path.startswith("hf:") or path in EMBEDDED:
            return path
        root = data or os.environ.get("ISOGLOSS_DATA") or ""
        if not root and not Path(path).is_absolute():
            raise UsageError(
                f"where is the data of {self.name}?",
                remedy="set ISOGLOSS_DATA to its folder, or give data=",
            )
        return str(Path(root).expanduser() / path)


def _meant(code: str, spec: Spec, script: str | None, declared: bool) -> Language | None:
    """The language of a code; None for a file whose name has none."""
    if not declared:
        return as_language(code, spec, script)
    decisions: list[str] = []
    tag = read_language(code, note=decisions.append)
    spec.waiting.setdefault(tag, []).extend(decisions)
    return tag


def _directions(found: Mapping[Asked, str], to: Sequence[str]) -> dict[Asked, str]:
    """Of every language to every other one that may be asked for."""
    others = [read_language(tag) for tag in to]
    return {
        Direction(own, other): code
        for own, code in found.items() if isinstance(own, Language)
        for other in others if other != own
    }  # fmt: skip


def _one_language(path: str) -> str:
    return path.replace(ALL_LANGUAGES, LANGUAGE)


def _filled(text: str, language: str, split: str) -> str:
    text = text.replace(LANGUAGE, language).replace("{split}", split)
    return _one_language(text)


def joined(labels: Examples, texts: Examples) -> Examples:
    """Labels with the texts of the same ids; labels without a text are left out and counted.

    Raises:
        CorpusError: no label has a text.
    """
    by_id = dict(zip(texts.ids, texts.column("text"), strict=True))
    rows = [row for row, one in enumerate(labels.ids) if one in by_id]
    if not rows:
        raise CorpusError(
            f"none of its {len(texts)} ids has a label in {labels.source}", file=texts.source,
            remedy="check which column has the ids",
        )  # fmt: skip
    dropped = dict(labels.dropped)
    if lost := len(labels) - len(rows):
        dropped["labels without a text"] = lost
    kept = labels.take(rows)
    source = f"{labels.source} with {texts.source}"
    notes = (*labels.notes, *texts.notes)
    found = {"text": [by_id[one] for one in kept.ids]}
    return kept.having(found, source=source, notes=notes, dropped=dropped)


def list_suites() -> list[str]:
    """The names of the suites that come with the package."""
    return sorted(path.stem for path in _HERE.glob("*.toml"))


def read_suite(name_or_path: str | Path) -> Suite:
    """A suite by name, such as `sib200`, or from a TOML file.

    Raises:
        UnknownName: no such suite comes with the package.
        SettingsError: the file is not a suite; every problem at once.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = _HERE / f"{name_or_path}.toml"
        if str(name_or_path) not in list_suites():
            near = difflib.get_close_matches(str(name_or_path), list_suites(), n=3)
            raise UnknownName(
                f"there is no suite called {str(name_or_path)!r}",
                remedy=f"did you mean {' or '.join(near)}?" if near
                else f"there are {', '.join(list_suites())}; a file ends in .toml",
            )  # fmt: skip
    return read_settings(Suite, read_toml(path), file=path)
