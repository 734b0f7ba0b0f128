"""Weights by likeness in a space beside the source's: tokens that have rows, for those without.

FOCUS, WECHSEL and CLP-Transfer differ in the space and in how cosines become weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from isogloss.errors import UsageError, VectorError
from isogloss.match.neighbours import tiles, unit
from isogloss.match.search import nearest
from isogloss.vocabulary.initialise.rows import Help, Overlap, Source, overlap
from isogloss.vocabulary.pieces import Pieces

MAXIMA = 1024  # of a row's blocks, from which its threshold is bounded
CELLS = 2**22  # of a tile: if all have weight, which only vectors almost alike give, 0.2 GiB


def sparsemax_weights(x: np.ndarray, y: np.ndarray, *, tile: int = 0) -> sparse.csr_array:
    """Row i is sparsemax(cos(x_i, y_1), ..., cos(x_i, y_m)): the nearest weights that sum to 1.

    w_j = max(z_j - t, 0) with the one t at which sum_j w_j = 1. Of any part of the z the threshold
    is at most that of all, because more terms only add to the sum; so what is not over the
    threshold of the maxima of some blocks has no weight, and the few others decide t exactly.

    Args:
        x: `[n, c]`.
        y: `[m, c]`, m at least 1.
        tile: rows of x in a tile; by default as many as make 4 million cosines.

    Source: Martins and Astudillo (2016), From Softmax to Sparsemax, algorithm 1.
    """
    tile = tile or max(CELLS // len(y), 1)
    parts = [_sparsemax(cosines) for _, cosines in tiles(unit(x), unit(y), tile)]
    if not parts:
        return sparse.csr_array((0, len(y)), dtype=np.float32)
    return sparse.csr_array(sparse.vstack(parts, format="csr"))


def _sparsemax(scores: np.ndarray) -> sparse.csr_array:
    """Sparsemax of every row of `[t, m]` float32."""
    t, m = scores.shape
    size = max(m // MAXIMA, 1)
    blocks = scores[:, : size * (m // size)].reshape(t, size, -1).max(1)  # [t, m // size]
    floor = _thresholds(-np.sort(-blocks, axis=1)).astype(np.float32)
    rows, columns = np.nonzero(scores > np.nextafter(floor, -np.inf, dtype=np.float32)[:, None])
    values = scores[rows, columns].astype(np.float64)
    order = np.lexsort((-values, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    counts = np.bincount(rows, minlength=t)
    starts = np.cumsum(counts) - counts
    rank = np.arange(len(rows)) - starts[rows] + 1
    sums = np.cumsum(values)
    sums -= (sums[starts] - values[starts])[rows]
    held = np.bincount(rows[1 + rank * values > sums], minlength=t)  # [t] size of each support
    threshold = (sums[starts + held - 1] - 1) / held
    weights = values - threshold[rows]
    kept = weights > 0
    cells = (weights[kept].astype(np.float32), (rows[kept], columns[kept]))
    return sparse.csr_array(cells, shape=(t, m))


def _thresholds(falling: np.ndarray) -> np.ndarray:
    """The threshold of sparsemax of rows `[t, k]` that fall: (z_1 + ... + z_h - 1) / h.

    h is the largest number with 1 + h z_h > z_1 + ... + z_h.
    """
    falling = falling.astype(np.float64)
    sums = np.cumsum(falling, axis=1)
    held = (1 + np.arange(1, falling.shape[1] + 1) * falling > sums).sum(1)
    return (np.take_along_axis(sums, held[:, None] - 1, 1)[:, 0] - 1) / held


def softmax_weights(
    x: np.ndarray, y: np.ndarray, *, neighbours: int, temperature: float
) -> sparse.csr_array:
    """Row i is the softmax of cos(x_i, y_j) / temperature over the k nearest y_j: `[n, m]`.

    Args:
        x: `[n, c]`.
        y: `[m, c]`, m at least 1.
        neighbours: k; all of y where it has fewer.
        temperature: the smaller, the more the nearest counts.

    Raises:
        UsageError: no neighbour, or a temperature that is not positive.
    """
    if neighbours < 1 or temperature <= 0:
        raise UsageError(
            f"neighbours is {neighbours} and temperature {temperature}; both must be positive"
        )
    found = nearest(unit(x), unit(y), min(neighbours, len(y)))
    raised = np.exp((found.scores - found.scores[:, :1]).astype(np.float64) / temperature)
    weights = (raised / raised.sum(1, keepdims=True)).astype(np.float32)
    starts = np.arange(len(x) + 1) * weights.shape[1]
    return sparse.csr_array((weights.ravel(), found.ids.ravel(), starts), shape=(len(x), len(y)))


def likened(
    target: np.ndarray,
    source: np.ndarray,
    shape: tuple[int, int],
    *,
    neighbours: int,
    temperature: float,
) -> sparse.csr_array:
    """`softmax_weights` of the tokens that have a vector, in a matrix of all tokens.

    Args:
        target: `[V', c]`, zeros for tokens without a vector, whose rows stay empty.
        source: `[v, c]` in the same space; zeros are never taken.
        shape: of the matrix, V' and V.
        neighbours: of each token.
        temperature: see there.

    Raises:
        VectorError: no source token has a vector.
    """
    new, old = (np.flatnonzero((side != 0).any(1)) for side in (target, source))
    if not len(old):
        raise VectorError("no source token has a vector")
    weights = softmax_weights(
        target[new], source[old], neighbours=neighbours, temperature=temperature
    )
    return spread(weights, new, old, shape)


def spread(
    weights: sparse.csr_array, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]
) -> sparse.csr_array:
    """Weights `[n, m]` put into the rows and columns that they are of, in `[V', V]`."""
    cells = weights.tocoo()
    return sparse.csr_array((cells.data, (rows[cells.row], columns[cells.col])), shape=shape)


def token_vectors(
    vectors: np.ndarray | None, size: int, what: str
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of tokens as float32 `[size, c]`, and which tokens have one, `[size]`.

    Raises:
        VectorError: another number of rows, or values that are not numbers.
    """
    vectors = np.asarray(vectors, np.float32)
    if vectors.ndim != 2 or len(vectors) != size:
        raise VectorError(
            f"{what}: vectors {list(vectors.shape)} for {size} tokens",
            remedy="give one row a token, zeros for tokens that have none",
        )
    if not (finite := np.isfinite(vectors).all(1)).all():
        raise VectorError(
            f"{what}: {int((~finite).sum())} of {size} rows hold NaN or infinity, the first is "
            f"row {int(finite.argmin())}"
        )
    return vectors, (vectors != 0).any(1)


class Anchored(NamedTuple):
    """Shared tokens and new ones, in the space of the target's tokens.

    Attributes:
        shared: all tokens of both vocabularies.
        old: `[m]` source ids of those that have a vector.
        near: `[m, c]` their vectors.
        new: `[n]` target ids of the others that have a vector.
        vectors: `[n, c]` theirs.
    """

    shared: Overlap
    old: np.ndarray
    near: np.ndarray
    new: np.ndarray
    vectors: np.ndarray


def anchored(source: Source, target: Pieces, help: Help, method: str) -> Anchored:
    """What a method knows that likens new tokens to shared ones by `help.target_tokens`.

    Raises:
        UsageError: no vectors, or no shared token has one.
        VectorError: vectors of another number of tokens, or that are not numbers.
    """
    help.need(method, "target_tokens")
    vectors, known = token_vectors(help.target_tokens, len(target), f"{method}, target_tokens")
    shared = overlap(source.tokenizer, target)
    anchor = known[shared.target]
    if not anchor.any():
        raise UsageError(
            f"{method}: of {len(shared.target)} shared tokens none has a vector",
            remedy="use wechsel.v1, or trans-tokenization where the scripts share nothing",
        )
    new = np.setdiff1d(np.flatnonzero(known), shared.target)
    return Anchored(
        shared, shared.source[anchor], vectors[shared.target[anchor]], new, vectors[new]
    )
