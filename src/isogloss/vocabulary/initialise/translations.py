"""From words that translate each other to tokens that do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from isogloss.vocabulary.pieces import read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def token_translations(
    pairs: Iterable[tuple[str, str, float]], source: Tokenizer, target: Tokenizer
) -> sparse.csr_array:
    """How often each target token stands for each source token: `[V', V]`.

    Of a pair of words that translate each other c times, cut into a source and b target tokens,
    target token j gives source token i

        c (1 / (2 a) + (b / 2) |[i/a, (i+1)/a] n [j/b, (j+1)/b]|),

    half of it spread over all of the other word and half to what lies at the same place in it.
    Words that a tokenizer cuts into nothing, or into unknown tokens only, give nothing.

    Args:
        pairs: a source word, a target word, and how often or how likely they are aligned.
        source: tokenizer of the model.
        target: the new one.

    Source: Remy et al. (2024), Trans-Tokenization and Cross-lingual Vocabulary Transfers,
    section 3.2.
    """
    known = list(pairs)
    sides = [
        _cut(tokenizer, [pair[at] for pair in known])
        for at, tokenizer in ((0, source), (1, target))
    ]
    rows: list[np.ndarray] = []
    columns: list[np.ndarray] = []
    counts: list[np.ndarray] = []
    for (_, _, count), ours, theirs in zip(known, *sides, strict=True):
        if len(ours) and len(theirs) and count > 0:
            rows.append(np.repeat(theirs, len(ours)))
            columns.append(np.tile(ours, len(theirs)))
            counts.append(count * _shares(len(ours), len(theirs)).ravel())
    shape = tuple(len(read_pieces(tokenizer)) for tokenizer in (target, source))
    if not rows:
        return sparse.csr_array(shape, dtype=np.float32)
    cells = np.concatenate(counts), (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_array(sparse.coo_array(cells, shape=shape), dtype=np.float32)


def _cut(tokenizer: Tokenizer, words: list[str]) -> list[np.ndarray]:
    """Token ids of words as they stand in running text, unknown and special ones left out."""
    pieces = read_pieces(tokenizer)
    space = " " if pieces.byte_level else ""
    cut = tokenizer.encode_batch_fast([space + word for word in words], add_special_tokens=False)
    ids = [np.array(one.ids, np.int64) for one in cut]
    return [one[~pieces.special[one]] for one in ids]


def _shares(a: int, b: int) -> np.ndarray:
    """Half even, half by place: `[b, a]`, rows of sum 1."""
    ours, theirs = np.arange(a + 1) / a, np.arange(b + 1) / b
    over = np.minimum(ours[1:], theirs[1:, None]) - np.maximum(ours[:-1], theirs[:-1, None])
    return 0.5 / a + 0.5 * b * np.maximum(over, 0)
