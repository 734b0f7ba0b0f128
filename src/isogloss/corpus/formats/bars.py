"""Lines of `source ||| target`, what fast_align, eflomal and awesome-align read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from isogloss.corpus.records import Corpus, make_corpus
from isogloss.corpus.spec import Spec
from isogloss.corpus.text_files import column_at, read_blocks
from isogloss.errors import CorpusError, LanguageError
from isogloss.language import Language, read_language
from isogloss.registry import register

if TYPE_CHECKING:
    import pyarrow as pa

_NAME = re.compile(r"(?P<left>[A-Za-z0-9_]+)-(?P<right>[A-Za-z0-9_]+)(\..+)?")
_BARS = re.compile(r"(?<!\S)\|\|\|(?!\S)")  # longer rows of bars are text
_SIDES = ("left", "right")


def accepts(spec: Spec) -> int:
    """As a guess for one file whose languages the query numbers or its name gives."""
    if not spec.path.is_file():
        return 0
    return 1 if spec.named_columns or _by_name(spec) else 0


@register("format", "bars.v1")
def read(spec: Spec, about: dict[str, object]) -> Corpus:
    """Read one file of two languages, `|||` between them; ids are line numbers from 1.

    The query says which side is which, `?eng=1&deu=2`; else `deu-eng.txt` has German on the left.
    An empty side is missing.

    Raises:
        CorpusError: languages that nothing names, or a line with no or two `|||`, with file and
            line.
    """
    import pyarrow as pa

    sides = _sides(spec)
    blocks: tuple[list[pa.Array], list[pa.Array]] = ([], [])
    rows = 0
    for first, lines in read_blocks(spec.path, spec.notes):
        pairs = [_split(line, spec.path, number) for number, line in enumerate(lines, first)]
        for block, texts in zip(blocks, zip(*pairs, strict=True), strict=True):
            block.append(pa.array(texts, pa.string()))
        rows += len(pairs)
    texts = {
        language: pa.chunked_array(blocks[side], pa.string())
        for language, side in spec.choose(sides).items()
    }
    ids = [str(row + 1) for row in range(rows)]
    return make_corpus(str(about.pop("name")), ids, texts, **about)


def _sides(spec: Spec) -> dict[Language, int]:
    """Which side each language is on, 0 or 1; a note says so."""
    named = {
        language: column_at(name, None, 2, spec.path)
        for language, name in spec.named_columns.items()
    }
    found = named or {language: side for side, language in enumerate(_by_name(spec))}
    if len(set(found.values())) < max(len(found), 1):
        both = " and ".join(map(str, found))
        raise CorpusError(
            f"{both} are both said to be side {min(found.values()) + 1}"
            if found
            else "nothing says which side of ||| is which language",
            file=spec.path,
            remedy="number the sides, 1 and 2: file.txt?deu=1&eng=2, or name it deu-eng.txt",
        )
    read = ", ".join(f"the {_SIDES[side]} side is {it}" for it, side in found.items())
    how = "query" if named else "name"
    spec.note(f"{spec.path.name}: lines of `source ||| target`; {read}, by its {how}")
    return found


def _by_name(spec: Spec) -> list[Language]:
    """The languages of the left and the right that the file's name gives; none or two."""
    match = _NAME.fullmatch(spec.path.name)
    found: dict[Language, list[str]] = {}
    for tag in match.group(*_SIDES) if match else ():
        decisions: list[str] = []
        try:
            found[read_language(tag, note=decisions.append)] = decisions
        except LanguageError:
            return []
    if len(found) < 2:
        return []
    for language, decisions in found.items():
        spec.waiting.setdefault(language, decisions)
    return list(found)


def _split(line: str, path: Path, number: int) -> tuple[str, str]:
    sides = [side.strip(" ") for side in _BARS.split(line)]
    if len(sides) != 2:
        raise CorpusError(
            "has no |||" if len(sides) == 1 else f"has {len(sides) - 1} times |||",
            file=path,
            line=number,
            remedy="a line is a source, |||, and its translation, with spaces around |||",
        )
    return sides[0], sides[1]
