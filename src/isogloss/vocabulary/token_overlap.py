"""How much two languages share of a vocabulary: the same tokens, used as often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Overlap(NamedTuple):
    """Every language beside every other; all matrices `[L, L]` and symmetric.

    NaN where a language has no token.

    Attributes:
        jaccard: tokens that both use, of those that either uses; 1 on the diagonal.
        weighted: the same with each token weighted by its share of the text.
        divergence: Jensen-Shannon divergence in bits, 0 to 1; 0 on the diagonal.
    """

    jaccard: np.ndarray
    weighted: np.ndarray
    divergence: np.ndarray


def token_overlap(ids: Sequence[np.ndarray], times: Sequence[np.ndarray]) -> Overlap:
    """Overlap of the tokens of L languages.

    With p_a(t) the share of token t among those of language a, U_a = {t: p_a(t) > 0} and
    H the entropy in bits:

        jaccard(a, b)    = |U_a & U_b| / |U_a | U_b|
        weighted(a, b)   = sum_t min(p_a, p_b) / sum_t max(p_a, p_b)
        divergence(a, b) = H((p_a + p_b) / 2) - H(p_a) / 2 - H(p_b) / 2

    Only tokens that both use are looked at: of the others, all that matters is their sum. The
    measures depend on how much text there is, so compare languages on the same sentences.

    Args:
        ids: `[u]` distinct tokens of each language, sorted.
        times: `[u]` how often each occurs.

    Source: Limisiewicz, Balhar and Mareček (2023), Tokenization Impacts Multilingual Language
    Modeling, section 3.2 (Jensen-Shannon divergence as vocabulary overlap).
    """
    from scipy import sparse

    size, nothing = len(ids), np.empty(0, np.int64)
    vocabulary = np.unique(np.concatenate([nothing, *ids]))
    shares = [one / max(one.sum(), 1) for one in times]
    rows = np.repeat(np.arange(size), [len(one) for one in ids])
    where = np.searchsorted(vocabulary, np.concatenate([nothing, *ids]))
    table = sparse.csc_matrix(
        (np.concatenate([nothing, *shares]), (rows, where)), shape=(size, len(vocabulary))
    )
    used = np.array([len(one) for one in ids])
    halves = np.array([_terms(share / 2).sum() for share in shares])
    entropy = np.array([_terms(share).sum() for share in shares])
    both, least, mixed = (np.zeros((size, size)) for _ in range(3))
    for a in range(size):
        shared = table[:, np.searchsorted(vocabulary, ids[a])]  # [L, u_a]
        language, p = shared.indices, shared.data
        q = np.repeat(shares[a], np.diff(shared.indptr))
        gain = _terms((p + q) / 2) - _terms(p / 2) - _terms(q / 2)
        both[a] = np.bincount(language, minlength=size)
        least[a] = np.bincount(language, np.minimum(p, q), size)
        mixed[a] = halves[a] + halves + np.bincount(language, gain, size)
    with np.errstate(divide="ignore", invalid="ignore"):
        jaccard = both / (used[:, None] + used - both)
    divergence = np.clip(mixed - (entropy[:, None] + entropy) / 2, 0, 1)
    weighted = least / (2 - least)  # the shares of either sum to 1
    empty = (used == 0)[:, None] | (used == 0)
    for matrix in (jaccard, weighted, divergence):
        matrix[empty] = np.nan
    return Overlap(jaccard, weighted, divergence)


def _terms(shares: np.ndarray) -> np.ndarray:
    """-p log2 p of each share, 0 for 0."""
    return -shares * np.log2(np.where(shares > 0, shares, 1))
