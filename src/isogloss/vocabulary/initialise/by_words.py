"""Tokens through words: vectors of tokens, and the source tokens that are most like each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from isogloss.errors import VectorError
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest
from isogloss.vocabulary.pieces import read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def vectors_by_words(
    tokenizer: Tokenizer,
    words: Sequence[str],
    vectors: np.ndarray,
    counts: np.ndarray | None = None,
) -> np.ndarray:
    """u_i = sum_w c_w v_w / sum_w c_w over the words w that the tokenizer cuts token i out of.

    Args:
        tokenizer: of V tokens.
        words: as they are spelled in text.
        vectors: `[n, a]` of the words.
        counts: `[n]` how often each word occurs; all alike by default.

    Returns:
        `[V, a]`; zeros for special tokens and those in none of the words.
    """
    pieces = read_pieces(tokenizer)
    space = " " if pieces.byte_level else ""
    cut = tokenizer.encode_batch_fast([space + word for word in words], add_special_tokens=False)
    columns = np.concatenate([np.unique(one.ids) for one in cut] or [[]]).astype(np.int64)
    rows = np.repeat(np.arange(len(words)), [len(set(one.ids)) for one in cut])
    weights = np.ones(len(words)) if counts is None else np.asarray(counts, np.float64)
    cells = sparse.csr_array((weights[rows], (columns, rows)), shape=(len(pieces), len(words)))
    sums = np.asarray(cells.sum(1)).ravel()
    sums[pieces.special] = 0
    scale = np.divide(1, sums, out=np.zeros_like(sums), where=sums > 0)
    return (sparse.diags_array(scale) @ cells @ vectors).astype(np.float32)


def softmax_of_nearest(
    target: np.ndarray, source: np.ndarray, *, k: int = 10, temperature: float = 0.1
) -> sparse.csr_array:
    """w_ij = softmax over the k source vectors nearest to u_i of cos(u_i, s_j) / temperature.

    Args:
        target: `[n, a]`.
        source: `[m, a]` in the same space.
        k: fewer where fewer source vectors are not zero.
        temperature: the smaller, the more the nearest counts.

    Returns:
        `[n, m]`; rows of zero vectors are empty, and zero source vectors are never taken.

    Raises:
        VectorError: all source vectors are zero.
    """
    there, asked = (np.flatnonzero((side != 0).any(1)) for side in (source, target))
    if not len(there):
        raise VectorError("no source token has a vector")
    k = min(k, len(there))
    found = nearest(unit(target[asked]), unit(source[there]), k)
    likeness = np.exp((found.scores - found.scores[:, :1]) / temperature)  # [q, k]
    likeness /= likeness.sum(1, keepdims=True)
    cells = (likeness.ravel(), (np.repeat(asked, k), there[found.ids].ravel()))
    return sparse.csr_array(cells, shape=(len(target), len(source)))
