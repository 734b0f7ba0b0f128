"""CLP-Transfer: new rows weighted by likeness to shared tokens in a small target-language model."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from isogloss.match.neighbours import unit
from isogloss.registry import register
from isogloss.vocabulary.initialise.rows import (
    MADE,
    Help,
    Rows,
    Source,
    combine,
    one_to_one,
)
from isogloss.vocabulary.initialise.similar import anchored
from isogloss.vocabulary.pieces import read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@register("initialiser", "clp.v1")
def clp(source: Source, target: Tokenizer, help: Help) -> Rows:
    """e_i = sum_j cos(a_i, a_j) e_j / sum_j cos(a_i, a_j) over all shared tokens j.

    a are rows of the embedding table of a small model with the target's tokenizer, in
    `help.target_tokens`. Shared tokens are copied. The weights are linear in a_i, so that two sums
    over the shared tokens serve all others: no matrix of cosines is made. Cosines under 0 count as
    they are; where they cancel out, so that the squares of the weights sum to over 1, as those of
    no mean do, the row is drawn like the source, as are those of tokens without a vector.

    Raises:
        UsageError: no vectors, or no shared token has one.
        VectorError: vectors of another number of tokens.

    All rows lie near the mean of the shared ones, since every shared token has a share. Prefer it
    where a small model of the target language is there already and its cosines are of one sign;
    else `focus.v1`, which takes only the nearest.

    Source: Ostendorff and Rehm (2023), Efficient Language Model Training through Cross-Lingual and
    Progressive Transfer Learning, section 3.
    """
    theirs = read_pieces(target)
    found = anchored(source, theirs, help, "clp.v1")
    weights = one_to_one(found.shared, (len(theirs), len(source.rows)))
    made = combine(weights, source, seed=help.seed)
    rows = np.asarray(source.rows, np.float32)[found.old]
    mixed = weighted(found.vectors, found.near, rows)
    new = found.new[mixed.sound]
    made.rows[new] = mixed.rows[mixed.sound]
    made.made[new] = MADE.index("combined" if len(rows) > 1 else "copied")
    made.parts[new] = len(rows)
    return made


class Weighted(NamedTuple):
    """Rows `[n, d]`, and which of them are of weights that do not cancel out, `[n]`."""

    rows: np.ndarray
    sound: np.ndarray


def weighted(x: np.ndarray, y: np.ndarray, rows: np.ndarray) -> Weighted:
    """Row i = sum_j w_ij r_j with w_ij = cos(x_i, y_j) / sum_j cos(x_i, y_j).

    With unit vectors in the rows of X and Y, it is X (Y^T R) / X (Y^T 1), and sum_j w_ij^2 is
    x_i (Y^T Y) x_i / (X (Y^T 1))_i^2.

    Args:
        x: `[n, c]`.
        y: `[m, c]`.
        rows: `[m, d]` what is weighted.
    """
    x, y = unit(x), unit(y)
    exact = y.astype(np.float64)
    sums = x @ exact.sum(0)  # [n]
    squares = np.einsum("nc,nc->n", x @ (exact.T @ exact), x)
    sound = (sums > 0) & (squares <= sums**2)
    scale = np.divide(1, sums, out=np.zeros_like(sums), where=sound)
    mixed = y.T @ np.asarray(rows, np.float32)  # [c, d]
    return Weighted((x * scale[:, None].astype(np.float32)) @ mixed, sound)
