"""How many tokens each language needs beside each other, on the sentences that both have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from isogloss.errors import VectorError
from isogloss.score import RESAMPLES, resampled


class Parity(NamedTuple):
    """Ratios of tokens; rows are languages, columns those they are compared with.

    Attributes:
        value: `[L, k]`; NaN where fewer than 2 sentences are shared, or the other has no token.
        low: lower ends of the 95% intervals.
        high: their upper ends.
        n: sentences that both have.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n: np.ndarray


def parity(
    tokens: np.ndarray,
    there: np.ndarray,
    against: Sequence[int] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Parity:
    """Tokens of each language over those of others.

        parity(a, b) = sum_i tokens_a(i) / sum_i tokens_b(i)   over sentences i that both have

    1 is parity; over a pivot b it is the premium of a. Sentences are resampled for all languages
    at once, so that the intervals of all pairs cost few matrix products: one of the tokens, and as
    many more as there are different sets of missing sentences.

    Args:
        tokens: `[n, L]` tokens of each sentence and language, 0 where it is missing.
        there: `[n, L]` whether the language has the sentence.
        against: columns to compare with; all by default.
        resamples: number of bootstrap samples.
        seed: of the resampling.

    Raises:
        VectorError: fewer than 2 sentences, or shapes that differ.

    Source: Petrov, La Malfa, Torr and Bibi (2023), Language Model Tokenizers Introduce Unfairness
    Between Languages, section 3.
    """
    if tokens.shape != there.shape or len(tokens) < 2:
        raise VectorError(f"tokens {tokens.shape} and sentences that are there {there.shape}")
    columns = list(range(tokens.shape[1])) if against is None else list(against)
    sets, set_of = np.unique(there, axis=1, return_inverse=True)  # [n, s], [L]
    sets, set_of = sets.astype(np.float64), set_of.ravel()
    made = [np.full((tokens.shape[1], len(columns)), np.nan) for _ in range(3)]
    n = (there.T.astype(np.int64) @ there.astype(np.int64))[:, columns]
    for one in sorted({int(set_of[b]) for b in columns}):
        masked = tokens * sets[:, one, None]
        over, all_over = resampled(masked, resamples=resamples, seed=seed), masked.sum(0)  # [R, L]
        for place, b in enumerate(columns):
            if set_of[b] != one:
                continue
            other = tokens[:, b, None] * sets  # [n, s]
            under = resampled(other, resamples=resamples, seed=seed)[:, set_of]  # [R, L]
            with np.errstate(divide="ignore", invalid="ignore"):
                made[0][:, place] = all_over / other.sum(0)[set_of]
                drawn = over / under
            made[1][:, place], made[2][:, place] = quantiles(drawn)
    few = n < 2
    for matrix in made:
        matrix[few | ~np.isfinite(made[0])] = np.nan
    return Parity(*made, n)


def quantiles(drawn: np.ndarray) -> np.ndarray:
    """The 2.5th and 97.5th percentile of each column `[2, k]`, over what is finite in it."""
    finite = np.isfinite(drawn)
    if finite.all():
        return np.percentile(drawn, [2.5, 97.5], axis=0)
    made = np.full((2, drawn.shape[1]), np.nan)
    for column in np.flatnonzero(finite.any(0)):
        made[:, column] = np.percentile(drawn[finite[:, column], column], [2.5, 97.5])
    return made
