"""Text of one language, a sentence a line: each distinct sentence once, and where it stood."""

from __future__ import annotations

import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from isogloss.corpus.text_files import read_blocks

NOT_READ = -1  # the file of a sentence that was not read from one


class Sentence(NamedTuple):
    """A sentence and where it stood.

    Attributes:
        text: runs of white space, which are what would break a line or a column, as one space.
        file: which of the files, from 0.
        line: in that file, from 1.
    """

    text: str
    file: int
    line: int


def one_line(text: str) -> str:
    """The text with every run of white space as one space, and none at its ends."""
    return " ".join(text.split())


def key(text: str) -> bytes:
    """16 bytes that are the same for texts that differ in case, width or white space only.

    Unicode's compatibility forms (NFKC), case folded, white space as one space.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return blake2b(one_line(folded).encode(), digest_size=16).digest()


def distinct_sentences(
    files: Sequence[Path], seen: set[bytes], dropped: Counter[str], notes: list[str]
) -> Iterator[Sentence]:
    """The sentences of some files that are not empty and did not come before, by `key`.

    Args:
        files: plain or compressed with gzip, read a block at a time.
        seen: keys that came before; each new one is added. About 100 bytes a sentence.
        dropped: counts what is left out, by reason.
        notes: told what was noticed while reading.

    Raises:
        CorpusError: a file that cannot be read, see `read_blocks`.
    """
    for number, file in enumerate(files):
        for first, lines in read_blocks(file, notes):
            for line, text in enumerate(lines, first):
                text = one_line(text)
                if not text:
                    dropped["empty"] += 1
                elif (known := key(text)) in seen:
                    dropped["duplicate"] += 1
                else:
                    seen.add(known)
                    yield Sentence(text, number, line)


class Places(NamedTuple):
    """Where sentences lie in a file written by `write_sentences`, and where they come from.

    Attributes:
        offsets: `[n + 1]` bytes before each sentence, and in all.
        files: `[n]` which file each was read from.
        lines: `[n]` and its line there.
    """

    offsets: np.ndarray
    files: np.ndarray
    lines: np.ndarray


def write_sentences(file: IO[bytes], sentences: Iterable[Sentence], before: int = 0) -> Places:
    """One sentence a line, after `before` bytes that are already there."""
    offsets, files, lines = array("q", [before]), array("q"), array("q")
    for sentence in sentences:
        offsets.append(offsets[-1] + file.write(sentence.text.encode() + b"\n"))
        files.append(sentence.file)
        lines.append(sentence.line)
    return Places(*(np.array(column, np.int64) for column in (offsets, files, lines)))


def joined(first: Places, second: Places) -> Places:
    """The places of sentences written one after the other."""
    return Places(
        np.concatenate([first.offsets, second.offsets[1:]]),
        np.concatenate([first.files, second.files]),
        np.concatenate([first.lines, second.lines]),
    )


class Sentences(Sequence[str]):
    """Sentences on disk, read when they are asked for.

    Args:
        path: written by `write_sentences`.
        places: what that gave.
    """

    def __init__(self, path: Path, places: Places) -> None:
        self.places = places
        self._bytes = np.memmap(path, np.uint8, "r")

    def __len__(self) -> int:
        return len(self.places.lines)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        start, end = self.places.offsets[index], self.places.offsets[index + 1]
        return self._bytes[start : end - 1].tobytes().decode()
