"""Word vectors to files that other tools read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.encode.vectors import check_finite
from isogloss.encode.word_vectors.table import CHUNK
from isogloss.errors import CorpusError, UsageError, VectorError
from isogloss.files import atomic_write

_OTHERS = (".gz", ".bin", ".npy", ".zip")


def write_word_vectors(path: str | Path, words: Sequence[str], array: np.ndarray) -> None:
    """Write word2vec text, or an archive of numpy where the path ends in `.npz`.

    Values are the shortest decimals that give the same float32 again. gensim's
    `KeyedVectors.load_word2vec_format` reads the text.

    Args:
        path: what to write; it appears whole or not at all.
        words: `[n]`, each once.
        array: `[n, d]`.

    Raises:
        UsageError: an ending of another format.
        VectorError: another number of rows than words, no rows, or values that are not finite.
        CorpusError: a word that is empty, occurs twice or cannot be written; in text, one with
            white space.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    if path.suffix in _OTHERS:
        raise UsageError(
            f"{path.name}: text and .npz are written, not {path.suffix}",
            remedy="give a path that ends in .vec, .txt or .npz",
        )
    array = np.asarray(array, np.float32)  # [n, d]
    if array.ndim != 2 or len(array) != len(words) or not array.size:
        raise VectorError(f"vectors {list(array.shape)} do not fit {len(words)} words")
    check_finite(array, "word vectors")
    check_words(path, words)
    if path.suffix == ".npz":
        with atomic_write(path, "wb") as file:
            np.savez(file, words=np.array(words), vectors=array)
        return
    with atomic_write(path) as file:
        file.write(f"{len(array)} {array.shape[1]}\n")
        for start in range(0, len(array), CHUNK):
            part = slice(start, start + CHUNK)
            for word, row in zip(words[part], _decimals(array[part]), strict=True):
                file.write(f"{word} {row}\n")


def check_words(path: str | Path, words: Sequence[str]) -> None:
    """Refuse words that cannot be written there, before the work of making their vectors.

    Raises:
        CorpusError: see `write_word_vectors`.
    """
    path = Path(path)
    forbidden = "\0" if path.suffix == ".npz" else " \t\n\r\0"
    seen: set[str] = set()
    for number, word in enumerate(words, 1):
        wrong = None
        if not word.strip(" "):
            wrong = "is empty"
        elif word in seen:
            wrong = "occurs twice"
        elif any(letter in forbidden for letter in word):
            wrong = "holds a character that ends a word in this format"
        elif not _is_unicode(word):
            wrong = "holds half a surrogate pair"
        if wrong:
            raise CorpusError(
                f"word {number}, {word!r}, {wrong}",
                file=path,
                remedy="change or leave out the word; npz takes words with spaces (--format npz)",
            )
        seen.add(word)


def _decimals(block: np.ndarray) -> list[str]:
    """The values of each row `[k, d]` as text, with spaces between."""
    import pyarrow as pa
    from pyarrow import compute

    pc: Any = compute  # its functions are made at import, where no checker sees them
    ends = np.arange(0, block.size + 1, block.shape[1], dtype=np.int32)
    values = pc.cast(pa.array(block.ravel()), pa.string())
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(ends), values), " ").to_pylist()


def _is_unicode(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True
