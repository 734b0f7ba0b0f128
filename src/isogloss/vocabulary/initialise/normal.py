"""Every row drawn from a normal distribution fitted to the source's table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isogloss.registry import register
from isogloss.vocabulary.initialise.rows import Help, Rows, Source
from isogloss.vocabulary.initialise.rows import normal as by_column
from isogloss.vocabulary.pieces import read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@register("initialiser", "normal.v1")
def normal(source: Source, target: Tokenizer, help: Help, *, covariance: bool = False) -> Rows:
    """e_i ~ N(m, S) for all target tokens, m and S the mean and the variances of the source rows.

    Args:
        source: the embeddings; padding rows, which no token has, are not fitted.
        target: the new tokenizer.
        help: the seed.
        covariance: S holds the covariances of the columns too; a step of d^3 operations.

    The body meets rows of the lengths it knows, and nothing else of the source. Prefer it to
    `random.v1`; with covariances, a model with tied or untied head gives new tokens the share of
    probability that a mean token has.
    Source: Hewitt (2021), Initializing New Word Embeddings for Pretrained Language Models.
    """
    size = len(read_pieces(target))
    table = np.asarray(source.rows[: len(read_pieces(source.tokenizer))], np.float32)
    draw = _with_covariance if covariance else by_column
    return Rows(draw(table, size, help.seed), np.zeros(size, np.int8), np.zeros(size, np.int64))


def _with_covariance(table: np.ndarray, size: int, seed: int) -> np.ndarray:
    """`[size, d]`: m + z U diag(s^1/2) U^T, U and s of the covariance of the rows."""
    mean = table.mean(0)
    centred = (table - mean).astype(np.float64)
    variances, axes = np.linalg.eigh(centred.T @ centred / len(table))
    root = (axes * np.sqrt(np.maximum(variances, 0))) @ axes.T  # [d, d]
    made = np.random.default_rng(seed).standard_normal((size, len(mean)), np.float32)
    return made @ root.astype(np.float32) + mean
