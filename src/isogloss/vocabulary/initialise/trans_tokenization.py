"""Trans-tokenization: rows as means of the source tokens that parallel text aligns."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from isogloss.registry import register
from isogloss.vocabulary.initialise.rows import Help, Rows, Source, combine, one_to_one, overlap
from isogloss.vocabulary.pieces import Pieces, read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@register("initialiser", "trans_tokenization.v1")
def trans_tokenization(source: Source, target: Tokenizer, help: Help) -> Rows:
    """e_i = sum_j n_ij e_j / sum_j n_ij, n_ij how often tokens i and j are aligned.

    Tokens that both vocabularies share count as aligned once more, and special tokens are copied.
    A token that is aligned with nothing takes the mean of the combinations of aligned tokens that
    it begins and of the longest aligned tokens that stand in it, those that begin a word twice.
    What is left is drawn like the source. Prefer it where there is parallel text.

    Args:
        source: the embeddings that are there.
        target: the new tokenizer.
        help: with `translations`, such as `translations.token_translations` makes.

    Source: Remy et al. (2024), Trans-Tokenization and Cross-lingual Vocabulary Transfers,
    section 3; for tokens that are not aligned its published tool.
    """
    [aligned] = help.need("trans_tokenization.v1", "translations")
    pieces = read_pieces(target)
    shape = (len(pieces), len(source.rows))
    shared = overlap(source.tokenizer, pieces)
    counts = sparse.csr_array(aligned, dtype=np.float32, copy=True)
    counts.resize(shape)
    plain = ~(pieces.special | pieces.bytes)
    counts = sparse.diags_array(plain.astype(np.float32)) @ counts + one_to_one(shared, shape)
    weights = shares(counts)
    return combine(sparse.csr_array(weights + _from_kin(weights, pieces)), source, seed=help.seed)


def shares(counts: sparse.csr_array) -> sparse.csr_array:
    """Rows scaled to sum 1; empty ones stay empty."""
    counts = sparse.csr_array(counts)
    sums = np.asarray(counts.sum(1)).ravel()
    scale = np.divide(1, sums, out=np.zeros_like(sums), where=sums > 0)
    return sparse.csr_array(sparse.diags_array(scale) @ counts)


def _from_kin(weights: sparse.csr_array, pieces: Pieces) -> sparse.csr_array:
    """Combinations for tokens without one, from tokens they begin or that stand in them."""
    known = np.diff(weights.indptr) > 0
    names = [
        None if text is None else f"{' ' if start else ''}{text}"
        for text, start in zip(pieces.texts, pieces.starts, strict=True)
    ]
    at = {name: i for i, name in enumerate(names) if name and known[i]}
    ordered = sorted(at)
    rows, columns, shares_of = [], [], []
    for i in np.flatnonzero(~known):
        name = names[i]
        if name:
            for kin in (*_beginning_with(name, ordered), *_inside(name, at)):
                rows.append(i)
                columns.append(at[kin])
                shares_of.append(2.0 if kin.startswith(" ") else 1.0)
    square = (len(names), len(names))
    mixing = sparse.csr_array((shares_of, (rows, columns)), shape=square, dtype=np.float32)
    return shares(sparse.csr_array(mixing @ weights))


def _beginning_with(name: str, ordered: list[str]) -> list[str]:
    first = bisect_left(ordered, name)
    last = bisect_left(ordered, name + "\U0010ffff", first)
    return ordered[first:last]


def _inside(name: str, known: dict[str, int]) -> list[str]:
    """The known parts of a name, longest first, none of which stands in one before it."""
    found: list[str] = []
    for length in range(len(name), 0, -1):
        for start in range(len(name) - length + 1):
            part = name[start : start + length]
            if part in known and not any(part in longer for longer in found):
                found.append(part)
    return found
