"""Word translation probabilities from sentence pairs: IBM Model 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse


def translation_table(
    source: Sequence[np.ndarray],
    target: Sequence[np.ndarray],
    sizes: tuple[int, int],
    *,
    iterations: int = 5,
) -> sparse.csr_matrix:
    """t(e | f): how likely source word f is translated by target word e.

    EM over all alignments of every pair, each target word being made by one source word:
    expected count of (f, e) += t(e|f) / sum over f' in the sentence of t(e|f').

    Args:
        source: word ids `[words]` of each source sentence.
        target: word ids `[words]` of its translation.
        sizes: number of source and of target words in the two vocabularies.
        iterations: of EM.

    Returns:
        `[source words, target words]`, rows of seen words sum to 1.

    Source: Brown et al. (1993), The Mathematics of Statistical Machine Translation, section 4.2.
    """
    kept = [(f, e) for f, e in zip(source, target, strict=True) if len(f) and len(e)]
    # One entry for every f beside every e of a sentence; the entries of one e lie together.
    pairs = np.concatenate(
        [(f[None, :].astype(np.int64) * sizes[1] + e[:, None]).ravel() for f, e in kept]
    )
    lengths = np.concatenate([np.full(len(e), len(f)) for f, e in kept])  # [target words]
    starts = np.concatenate([[0], lengths.cumsum()[:-1]])
    known, pairs = np.unique(pairs, return_inverse=True)
    left, right = known // sizes[1], known % sizes[1]  # [pairs]
    t = np.ones(len(known))
    for _ in range(iterations):
        weight = t[pairs]  # [entries]
        weight /= np.repeat(np.maximum(np.add.reduceat(weight, starts), 1e-300), lengths)
        count = np.bincount(pairs, weight, minlength=len(known))
        t = count / np.maximum(np.bincount(left, count, minlength=sizes[0])[left], 1e-300)
    return sparse.csr_matrix((t, (left, right)), shape=sizes)


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
