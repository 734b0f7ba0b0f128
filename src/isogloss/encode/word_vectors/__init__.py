"""Static word vectors from and to the files people have: one file a format.

found = read_word_vectors("cc.mi.300.vec.gz", limit=200_000)
found.words, found.array        # [n], [n, d]
found.about["format"], found.about["left_out"]
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Literal

from isogloss import registry
from isogloss.encode.word_vectors.table import FASTTEXT, ZIP, Rows, Start, WordVectors, look
from isogloss.encode.word_vectors.write import write_word_vectors
from isogloss.errors import CorpusError, UsageError

__all__ = ["WordVectors", "read_word_vectors", "write_word_vectors"]


def read_word_vectors(
    path: str | Path, *, limit: int | None = None, bad_rows: Literal["refuse", "skip"] = "refuse"
) -> WordVectors:
    """Read word vectors of any format, which is found by what the file holds.

    word2vec and fastText text, GloVe text, word2vec binary, fastText models, `.npz`, and `.npy`
    with its words beside it; the first four may be gzip.

    Args:
        path: the file.
        limit: keep the first rows only, in files of people the most frequent words; the others
            are counted. No more rows than these are ever in memory.
        bad_rows: what happens to a word that occurs twice, is empty or not UTF-8, and to a vector
            with NaN or infinity: the file is refused, or they are left out and counted. Lines of
            text that are not UTF-8, or not a word and its values, are always refused.

    Raises:
        CorpusError: not word vectors, cut or damaged, or with bad rows, with file, line and remedy.
        UsageError: a limit below 1, or another word than `refuse` and `skip`.
    """
    if limit is not None and limit < 1:
        raise UsageError(
            f"limit={limit} keeps nothing",
            remedy="give at least 1; None, on the command line 0, for all",
        )
    if bad_rows not in ("refuse", "skip"):
        raise UsageError(f"bad_rows={bad_rows!r} means nothing", remedy="say 'refuse' or 'skip'")
    start = look(Path(path))
    name = _sniff(start)
    found = registry.get("word_vectors", name)(start, Rows(start.path, limit, bad_rows == "skip"))
    what = {"file": str(path), "format": name, "bytes": start.size, "packed": start.packed}
    return WordVectors(found.words, found.array, {**what, **found.about})


def _sniff(start: Start) -> str:
    """The name of the format a file is in.

    Raises:
        CorpusError: none of them.
    """
    if start.packed and start.head.startswith((ZIP, FASTTEXT)):
        raise CorpusError(
            "is packed with gzip, and its rows are needed in any order",
            file=start.path,
            remedy="unpack it first, with gunzip",
        )
    formats = {e.name: e.module for e in registry.entries() if e.kind == "word_vectors"}
    scores = {name: import_module(module).accepts(start) for name, module in formats.items()}
    best = max(scores, key=lambda name: scores[name])
    if scores[best]:
        return best
    raise CorpusError(
        "is not word vectors: its lines are not a word and as many numbers each, nor is it a "
        "binary file of a known kind",
        file=start.path,
        remedy=f"these can be read: {', '.join(sorted(formats))}",
    )
