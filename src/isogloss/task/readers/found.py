"""What a reader of labelled examples is given and gives back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from isogloss.corpus.spec import Spec
from isogloss.corpus.text_files import read_blocks
from isogloss.errors import CorpusError, UsageError


class Found(NamedTuple):
    """Columns as a file has them, before they are checked.

    Attributes:
        columns: a list a column, None where a file says nothing; `id` may be absent.
        lines: where each row begins; nothing for a file without lines.
        inner: lines of the words of each row, where they have lines of their own.
    """

    columns: dict[str, list[Any]]
    lines: Sequence[int] = ()
    inner: Sequence[Sequence[int]] = ()

    def line(self, row: int, word: int | None = None) -> int | None:
        """The line of a row, or of one of its words."""
        if word is not None and self.inner:
            return self.inner[row][word]
        return self.lines[row] if self.lines else None


def numbered_lines(path: Path, notes: list[str]) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers from 1, held a block at a time."""
    for first, lines in read_blocks(path, notes):
        yield from enumerate(lines, first)


def one_of(spec: Spec, name: str, known: Sequence[str]) -> str:
    """The value of an option; the first of those known where it is not given.

    Raises:
        UsageError: another value.
    """
    said = spec.options.get(name, known[0])
    if said not in known:
        raise UsageError(
            f"{spec.text}: {name}={said} means nothing", remedy=f"write one of {', '.join(known)}"
        )
    return said


def ending(spec: Spec) -> str:
    """How a file's name ends, without `.gz`: `.tsv`."""
    return Path(spec.path.name.removesuffix(".gz")).suffix.lower()


def one_file(spec: Spec) -> Path:
    """The file that a path names.

    Raises:
        CorpusError: it is a folder or is not there.
    """
    if spec.path.is_file():
        return spec.path
    raise CorpusError(
        "is a folder, not a file" if spec.path.is_dir() else "no such file",
        file=spec.text, remedy="name one file of one language and split",
    )  # fmt: skip
