"""TMX 1.4, what translation memories are exchanged in: a unit, its variants by language."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING
from xml.parsers import expat

import numpy as np

from isogloss.corpus.records import Corpus, make_corpus
from isogloss.corpus.spec import Spec
from isogloss.corpus.text_files import byte_blocks
from isogloss.errors import CorpusError, LanguageError
from isogloss.language import Language, read_language
from isogloss.registry import register

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 100_000  # units held as Python strings at a time
_NATIVE = {"bpt", "ept", "ph", "it", "ut"}  # codes of the tool that made the text
_BREAK = re.compile(r"[\n\r\t]+")


def accepts(spec: Spec) -> int:
    """Surely for one file that ends in `.tmx`."""
    return 2 if spec.path.name.removesuffix(".gz").endswith(".tmx") and spec.path.is_file() else 0


@register("format", "tmx.v1")
def read(spec: Spec, about: dict[str, object]) -> Corpus:
    """Read the units of a TMX file, one row each; a language that a unit lacks is missing.

    The text of `hi` is text. Native codes (`bpt`, `ept`, `it`, `ph`, `ut`) and the sub-flows in
    them (`sub`: a footnote, a title) are no part of the sentence and are left out. Ids are
    the units' `tuid` where each has one of its own, else their numbers in the file from 1.

    Raises:
        CorpusError: malformed XML, another root, declarations of entities, or no unit in two
            languages, with file and line.

    Source: LISA OSCAR, TMX 1.4b Specification (2005), "Elements" and "Content Markup".
    """
    import pyarrow as pa

    units = _Units(spec)
    units.parse()
    ids = units.ids()
    there = {language: pa.chunked_array(made, pa.string()) for language, made in units.made.items()}
    wanted = spec.choose(there)
    has_text = [column.is_valid().to_numpy() for column in wanted.values()]  # each [units]
    rows = np.flatnonzero(np.any(has_text, axis=0)) if has_text else []
    if has_text and len(rows) < len(ids):
        spec.drop("units without any of the languages asked for", len(ids) - len(rows))
        ids = [ids[row] for row in rows]
        wanted = {language: column.take(rows) for language, column in wanted.items()}
    return make_corpus(str(about.pop("name")), ids, wanted, **about)


class _Units:
    """The units of a file as they are read; of every `ROWS` the texts move to Arrow.

    Attributes:
        spec: of the corpus, which keeps notes and counts.
        path: the file.
        made: the texts of each language in blocks, as long as those of the others.
    """

    def __init__(self, spec: Spec) -> None:
        self.spec, self.path = spec, spec.path
        self.made: dict[Language, list[pa.Array]] = {}
        self._rows: list[dict[Language, str]] = []
        self._sizes: list[int] = []  # of the blocks put away
        self._numbers: list[str] = []
        self._names: list[str] = []
        self._count = 0
        self._native: Counter[str] = Counter()
        self._broken = 0
        self._languages: dict[str, Language | None] = {}
        self._open: list[str] = []
        self._unit: dict[Language, str] = {}
        self._name = self._tag = ""
        self._text: list[str] | None = None  # of the segment that is open
        self._depth = 0  # of native codes
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._data
        self._parser.EntityDeclHandler = self._entity
        self._parser.SkippedEntityHandler = self._entity  # its declaration is elsewhere

    def parse(self) -> None:
        """Read the whole file; nothing outside it is ever opened."""
        try:
            for block in byte_blocks(self.path, utf16=True):
                self._parser.Parse(block, False)
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise CorpusError(
                f"is not well-formed XML: {expat.ErrorString(error.code)}",
                file=self.path,
                line=error.lineno,
                remedy="it was cut or damaged: write it again; `xmllint --noout` finds the place",
            ) from None
        self._put_away()
        self._tell()

    def ids(self) -> list[str]:
        """The units' own names where each has one of its own, else their numbers."""
        named = [name for name in self._names if name]
        if len(set(named)) == len(self._names):
            return self._names
        if named:
            self.spec.note(
                f"{self.path.name}: the tuid of some units is missing or not unique; ids are the "
                "numbers of the units"
            )
        return self._numbers

    def _refuse(self, message: str, remedy: str) -> CorpusError:
        line = self._parser.CurrentLineNumber
        return CorpusError(message, file=self.path, line=line, remedy=remedy)

    def _entity(self, name: str, *rest: object) -> None:
        # Entities can grow without end and read other files; no TMX needs one.
        raise self._refuse(
            f"declares or uses the entity {name!r}, which is refused",
            "write the characters themselves instead of entities, and remove the declarations",
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open and name != "tmx":
            raise self._refuse(f"is not TMX: it begins with <{name}>", "give a TMX 1.4 file")
        self._open.append(name)
        if name == "tu":
            self._unit, self._name = {}, attributes.get("tuid", "").strip()
            self._count += 1
        elif name == "tuv":
            self._tag = attributes.get("xml:lang") or attributes.get("lang") or ""
        elif name == "seg" and "tuv" in self._open:
            self._text, self._depth = [], 0
        elif self._text is not None:
            if name in _NATIVE or name == "sub":
                self._native[name] += 1
                self._depth += 1
            elif name != "hi":
                self.spec.note(f"{self.path.name}: <{name}> in segments is not of TMX; text kept")

    def _data(self, text: str) -> None:
        if self._text is not None and not self._depth:
            self._text.append(text)

    def _end(self, name: str) -> None:
        self._open.pop()
        if name == "tu":
            self._keep_unit()
        elif name == "seg" and self._text is not None:
            self._keep_text("".join(self._text))
            self._text = None
        elif self._text is not None and (name in _NATIVE or name == "sub"):
            self._depth -= 1

    def _keep_text(self, text: str) -> None:
        if _BREAK.search(text):
            text = " ".join(part.strip(" ") for part in _BREAK.split(text) if part.strip(" "))
            self._broken += 1
        language = self._language(self._tag)
        if language is None:
            what = f"of xml:lang={self._tag!r}, no language" if self._tag else "without xml:lang"
            self.spec.drop(f"variants {what}")
        elif not text.strip():
            self.spec.drop("variants without text")
        elif language in self._unit:
            self.spec.drop("variants in a language that their unit had already")
        else:
            self._unit[language] = text

    def _language(self, tag: str) -> Language | None:
        if tag not in self._languages:
            decisions: list[str] = []
            try:
                language = read_language(tag, note=decisions.append)
            except LanguageError:
                language = None
            else:
                self.spec.waiting.setdefault(language, []).extend(decisions)
            self._languages[tag] = language
        return self._languages[tag]

    def _keep_unit(self) -> None:
        if len(self._unit) < 2:
            self.spec.drop(f"units in {'one language only' if self._unit else 'no language'}")
            return
        self._rows.append(self._unit)
        self._names.append(self._name)
        self._numbers.append(str(self._count))
        if len(self._rows) == ROWS:
            self._put_away()

    def _put_away(self) -> None:
        import pyarrow as pa

        for language in dict.fromkeys(language for row in self._rows for language in row):
            if language not in self.made:  # its first unit
                self.made[language] = [pa.nulls(size, pa.string()) for size in self._sizes]
        for language, blocks in self.made.items():
            blocks.append(pa.array([row.get(language) for row in self._rows], pa.string()))
        self._sizes.append(len(self._rows))
        self._rows = []

    def _tell(self) -> None:
        if not self.made:
            left = "; ".join(f"{n} {why}" for why, n in self.spec.dropped.items())
            raise CorpusError(
                f"has no unit with text in two languages ({left or 'it has no <tu>'})",
                file=self.path,
                remedy="each <tu> needs two <tuv xml:lang=...> with a <seg>",
            )
        self.spec.note(f"{self.path.name}: TMX, {self._count} units, {len(self.made)} languages")
        if self._native:
            codes = ", ".join(f"{n} {name}" for name, n in sorted(self._native.items()))
            self.spec.note(f"{self.path.name}: native codes in segments were left out: {codes}")
        if self._broken:
            self.spec.note(
                f"{self.path.name}: {self._broken} segments had line breaks or tabs; each became "
                "a space"
            )
