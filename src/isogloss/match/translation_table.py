"""Word translation probabilities from sentence pairs: IBM Model 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

BLOCK = 2**21  # word pairs looked at together


def translation_tables(
    source: Sequence[np.ndarray],
    target: Sequence[np.ndarray],
    sizes: tuple[int, int],
    *,
    iterations: int = 5,
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """t(e | f) and t(f | e): how likely a source word f and a target word e translate each other.

    EM over all alignments of every sentence pair, each word being made by one word of the other
    side: expected count of (f, e) += t(e|f) / sum over f' in the sentence of t(e|f'). Both
    directions share the list of word pairs that ever meet, which is what costs most.

    Args:
        source: word ids `[words]` of each source sentence.
        target: word ids `[words]` of its translation.
        sizes: number of source and of target words in the two vocabularies.
        iterations: of EM.

    Returns:
        `[source words, target words]` and `[target words, source words]`; rows of seen words sum
        to 1. Needs 12 bytes for each f beside an e in the text.

    Source: Brown et al. (1993), The Mathematics of Statistical Machine Translation, section 4.2.
    """
    known, blocks = _meetings(source, target, sizes)
    left, right = known // sizes[1], known % sizes[1]  # [pairs]
    forward = _expect(blocks, left, sizes[0], iterations, maker=1)
    backward = _expect(blocks, right, sizes[1], iterations, maker=0)
    return (
        sparse.csr_matrix((forward, (left, right)), shape=sizes),
        sparse.csr_matrix((backward, (right, left)), shape=sizes[::-1]),
    )


class _Block(NamedTuple):
    """Every f beside every e of some sentences, one entry each.

    Attributes:
        pair: `[entries]` which of the known word pairs it is.
        at: `[entries]` the positions, in the block, of f and of e.
    """

    pair: np.ndarray
    at: tuple[np.ndarray, np.ndarray]


def _meetings(
    source: Sequence[np.ndarray], target: Sequence[np.ndarray], sizes: tuple[int, int]
) -> tuple[np.ndarray, list[_Block]]:
    """Sorted keys f * E + e of the word pairs that ever meet, and the blocks that index them."""
    kept = [(f, e) for f, e in zip(source, target, strict=True) if len(f) and len(e)]
    ends = np.cumsum([0, *(len(f) * len(e) for f, e in kept)])
    cuts = np.searchsorted(ends[1:], range(BLOCK, ends[-1], BLOCK))
    keys, blocks = [np.empty(0, np.int64)], []
    for rows in np.split(np.arange(len(kept)), cuts):
        if not len(rows):  # there is none, or one sentence pair was larger than a block
            continue
        sides = [[kept[i][side] for i in rows] for side in (0, 1)]
        words = [np.concatenate(side).astype(np.int64) for side in sides]
        at = _positions(*(np.array([len(ids) for ids in side]) for side in sides))
        found, pair = np.unique(words[0][at[0]] * sizes[1] + words[1][at[1]], return_inverse=True)
        keys.append(found)
        blocks.append(_Block(pair.astype(np.int32), at))
    known = np.unique(np.concatenate(keys))
    places = [np.searchsorted(known, found).astype(np.int32) for found in keys[1:]]
    return known, [
        block._replace(pair=place[block.pair]) for place, block in zip(places, blocks, strict=True)
    ]


def _positions(f: np.ndarray, e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of f and of e of all entries, from the lengths `[sentences]` of both sides."""
    width = np.repeat(f, e)  # [target words] how many entries each has
    first = np.repeat(f.cumsum() - f, e) - (width.cumsum() - width)
    of_f = np.arange(width.sum()) + np.repeat(first, width)
    return of_f.astype(np.int32), np.repeat(np.arange(len(width), dtype=np.int32), width)


def _expect(
    blocks: Sequence[_Block], owner: np.ndarray, size: int, iterations: int, *, maker: int
) -> np.ndarray:
    """Probabilities `[pairs]` after EM: each word of side `maker` shares 1 over the other side.

    Those of one `owner` sum to 1.
    """
    t = np.ones(len(owner))
    for _ in range(iterations):
        count = np.zeros(len(owner))
        for block in blocks:
            weight, at = t[block.pair], block.at[maker]  # [entries]
            weight /= np.maximum(np.bincount(at, weight), 1e-300)[at]
            count += np.bincount(block.pair, weight, minlength=len(owner))
        t = count / np.maximum(np.bincount(owner, count, minlength=size), 1e-300)[owner]
    return t


def sharpen(
    forward: sparse.csr_matrix, backward: sparse.csr_matrix, keep: int = 5
) -> sparse.csr_matrix:
    """Both directions agreed on: rows of t(e|f) t(f|e), the best `keep`, summing to 1.

    Args:
        forward: `[f, e]` t(e|f).
        backward: `[e, f]` t(f|e).
        keep: translations kept of each word.
    """
    both = forward.multiply(backward.T.tocsr()).tocsr()
    both.data[both.data < 1e-4] = 0
    both.eliminate_zeros()
    for row in range(both.shape[0]):
        values = both.data[both.indptr[row] : both.indptr[row + 1]]
        if len(values) > keep:
            values[values < np.partition(values, -keep)[-keep]] = 0
    both.eliminate_zeros()
    total = np.asarray(both.sum(1)).ravel()
    return sparse.diags(1 / np.where(total > 0, total, 1)) @ both
