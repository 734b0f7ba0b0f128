"""Retrieval by one vector a text: a bi-encoder over a collection on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from isogloss.encode.protocol import Encoder
from isogloss.encode.texts import choose_layers
from isogloss.errors import UsageError, VectorError
from isogloss.match.index import cosine_neighbours, in_order
from isogloss.match.neighbours import TILE_BYTES, k_largest, unit
from isogloss.match.search import Neighbours, nearest
from isogloss.progress import Start, silent
from isogloss.task.retrieve.shards import SIZE, in_shards

FEW = 64  # queries under which laying out the collection for the processor costs more than it saves
ROWS = 2**17  # passages that are compared at once


@dataclass(frozen=True, eq=False)
class Dense:
    """The vectors of a collection.

    Attributes:
        parts: `[n_i, d]` float16 unit vectors each, mapped from disk, passage after passage.
        truncated: passages that were cut to the encoder's window.
        layer: whose vectors they are.
        pooling: how token vectors became one vector.
    """

    parts: Sequence[np.ndarray]
    truncated: int
    layer: int
    pooling: str

    def __len__(self) -> int:
        return sum(map(len, self.parts))


def encode_collection(
    encoder: Encoder,
    texts: Sequence[str],
    folder: Path,
    *,
    language: str,
    layer: int | None = None,
    pooling: str | None = None,
    size: int = SIZE,
    progress: Start = silent,
) -> Dense:
    """Unit vectors of all passages, float16 on disk; a run that was killed goes on where it was.

    Args:
        encoder: any encoder.
        texts: the passages.
        folder: where the vectors lie.
        language: canonical tag.
        layer: the last by default.
        pooling: the encoder's own by default.
        size: passages that are encoded at once.
        progress: is told of passages.

    Raises:
        CorpusError: no passage, or one that is None.
        OutputError: the folder cannot be written.
    """
    [at] = choose_layers(None if layer is None else [layer], encoder.layers, encoder.name)
    how = pooling or encoder.pooling

    def make(part: list[str]) -> dict[str, np.ndarray]:
        made = encoder.encode(part, language=language, layers=[at], pooling=how)[at]
        return {
            "vectors": unit(made.array).astype(np.float16),
            "truncated": np.array([made.truncated]),
        }

    about = ("dense.v1", encoder.fingerprint, encoder.window, at, how, language)
    found = in_shards(
        texts, folder, make, about, ("vectors", "truncated"), size=size, progress=progress
    )
    truncated = sum(int(one["truncated"][0]) for one in found)
    return Dense([one["vectors"] for one in found], truncated, at, how)


def encode_queries(
    encoder: Encoder, texts: Sequence[str], dense: Dense, *, language: str
) -> np.ndarray:
    """Unit vectors `[q, d]` of queries, made as those of the collection were."""
    made = encoder.encode(texts, language=language, layers=[dense.layer], pooling=dense.pooling)
    if len(made[dense.layer]) < len(texts):
        raise VectorError("a query that is None has no vector", remedy="leave it out")
    return unit(made[dense.layer].array)


def held(dense: Dense) -> Dense:
    """The same in memory as float32, for queries that come one at a time."""
    return replace(dense, parts=list(_chunks(dense)))


def find(
    queries: np.ndarray, dense: Dense, k: int = 10, *, index: str = "exact", seed: int = 0
) -> Neighbours:
    """The k passages nearest to each query by cosine; all, where there are fewer.

    Exact search has one chunk of the collection in memory at a time. Another index of
    `match.index`, such as `lists` or, with faiss, `ivf`, is laid out anew at each call, and has all
    of it: prefer one for many queries at once.

    Args:
        queries: `[q, d]` unit vectors.
        dense: the collection.
        k: passages to give.
        index: `exact`, or one of `match.index.INDEXES`.
        seed: of an index that guesses.

    Raises:
        UsageError: an index that does not exist, or k under 1.
        MissingExtra: faiss is not installed.
        VectorError: other widths.
    """
    if k < 1:
        raise UsageError(f"k is {k}; ask for 1 passage at least")
    k = min(k, len(dense))
    if index != "exact":
        whole = np.concatenate([unit(part) for part in dense.parts])
        return cosine_neighbours(queries, whole, k, index=index, seed=seed)
    best: Neighbours | None = None
    start = 0
    for chunk in _chunks(dense):
        found = _nearest(queries, chunk, min(k, len(chunk)))
        best = merged(best, found._replace(ids=found.ids + start), k)
        start += len(chunk)
    assert best is not None, "a collection has passages"
    return best


def merged(best: Neighbours | None, found: Neighbours, k: int) -> Neighbours:
    """The k best of what was found before and now, in order; all, where there are fewer."""
    if best is None:
        return in_order(*found, k)
    return in_order(*(np.concatenate(each, 1) for each in zip(best, found, strict=True)), k)


def _nearest(queries: np.ndarray, chunk: np.ndarray, k: int) -> Neighbours:
    if queries.shape[1] != chunk.shape[1] or len(queries) > FEW:
        return nearest(queries, chunk, k)
    size = max(1, TILE_BYTES // (4 * len(chunk)))
    blocks = [queries[at : at + size] @ chunk.T for at in range(0, len(queries), size)]
    found = [k_largest(block, k) for block in blocks]
    if not found:
        return Neighbours(np.empty((0, k), np.int64), np.empty((0, k), np.float32))
    return Neighbours(*(np.concatenate(each) for each in zip(*found, strict=True)))


def _chunks(dense: Dense) -> Iterator[np.ndarray]:
    """Unit vectors of some parts at a time, float32."""
    waiting: list[np.ndarray] = []
    for part in dense.parts:
        if part.dtype == np.float32 and not waiting:  # held
            yield part
            continue
        waiting.append(part)
        if sum(map(len, waiting)) >= ROWS:
            yield unit(np.concatenate(waiting))
            waiting = []
    if waiting:
        yield unit(np.concatenate(waiting))
