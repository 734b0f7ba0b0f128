"""What is made of a large collection, a shard of passages at a time, on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.encode.cache import read_array, write_array
from isogloss.errors import CorpusError
from isogloss.files import atomic_folder, fingerprint, fingerprint_texts
from isogloss.progress import Start, silent

Arrays = dict[str, np.ndarray]
Make = Callable[[list[str]], Mapping[str, np.ndarray]]
"""From the passages of a shard to named arrays."""
SIZE = 4096
"""Passages a shard."""


def in_shards(
    texts: Sequence[str],
    folder: Path,
    make: Make,
    about: Sequence[Any],
    names: Sequence[str],
    *,
    size: int = SIZE,
    progress: Start = silent,
) -> list[Arrays]:
    """Arrays of every shard, mapped; what is there whole is not made again.

    A shard lies in `<folder>/<number>-<key>`; the key names its texts and `about`, so that a run
    that was killed goes on with the first shard that lacks, and a passage that changed costs its
    shard alone. A shard appears whole or not at all; one that is damaged is made again.

    Args:
        texts: the passages.
        folder: where shards lie.
        make: the arrays of one shard.
        about: what else they depend on, such as the fingerprint of a model.
        names: of the arrays.
        size: passages a shard.
        progress: is told of passages.

    Raises:
        CorpusError: a passage that is None.
        OutputError: the folder cannot be written.
    """
    check_passages(texts)
    advance = progress("passages", len(texts))
    made = []
    for number, part in enumerate(shards_of(texts, size)):
        key = fingerprint("shard.v1", *about, fingerprint_texts(part))
        place = folder / f"{number:06d}-{key}"
        found = _read(place, names)
        if found is None:
            arrays = make(part)
            with atomic_folder(place) as into:
                for name in names:
                    write_array(into / f"{name}.npy", arrays[name])
            found = {name: np.load(place / f"{name}.npy", mmap_mode="r") for name in names}
        made.append(found)
        advance(len(part))
    return made


def shards_of(texts: Sequence[str], size: int = SIZE) -> Iterator[list[str]]:
    """Runs of texts."""
    return (list(texts[at : at + size]) for at in range(0, len(texts), size))


def check_passages(texts: Sequence[str | None]) -> None:
    """Refuse a collection of nothing, or with a passage that is not there.

    Raises:
        CorpusError: with the first such row.
    """
    if not len(texts):
        raise CorpusError("a collection of no passage", remedy="name a text with passages")
    missing = [row for row, text in enumerate(texts) if text is None]
    if missing:
        raise CorpusError(
            f"{len(missing)} of {len(texts)} passages are not there, the first in row {missing[0]}",
            remedy="leave them out first, as collection_of does",
        )


def _read(place: Path, names: Sequence[str]) -> Arrays | None:
    found: Arrays = {}
    for name in names:
        array = read_array(place / f"{name}.npy")
        if array is None:
            return None
        found[name] = array
    return found
