"""A factorised table: few numbers a token, and one projection that all tokens share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.vocabulary.initialise.rows import MADE, Help, Rows, Source, normal, overlap
from isogloss.vocabulary.pieces import read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class Factors(NamedTuple):
    """A table as a product.

    Attributes:
        rows: `[V, r]` coordinates of each token.
        projection: `[r, d]`, which knows no token.
    """

    rows: np.ndarray
    projection: np.ndarray


def factorise(table: np.ndarray, rank: int) -> Factors:
    """The product of rank r nearest to the table in squared error, by its singular values.

    E = U S V^T, rows = U_r S_r, projection = V_r^T.

    Raises:
        UsageError: a rank below 1 or over the width of the table.
    """
    if not 1 <= rank <= min(table.shape):
        raise UsageError(f"rank {rank} of a table of {table.shape[0]} x {table.shape[1]}")
    # The eigenvectors of E^T E: the table is long, its width is small.
    values, vectors = np.linalg.eigh(table.T.astype(np.float64) @ table)
    projection = vectors[:, np.argsort(-values)[:rank]].T  # [r, d]
    return Factors((table @ projection.T).astype(np.float32), projection.astype(np.float32))


@register("initialiser", "factorised.v1")
def factorised(source: Source, target: Tokenizer, help: Help, *, rank: int = 100) -> Rows:
    """e_i = f_i G with E ~ F G of rank r: f_i that of the shared token, or drawn like those of F.

    The projection G holds what embeddings of any language have in common, so that a token of an
    unseen script begins inside the space the body knows, and only r numbers of it are to be
    learned. Prefer it for scripts the source cannot read, with training of the rows afterwards.
    Shared tokens are products too: their rows are near the source's, not equal to them.

    Source: Pfeiffer et al. (2021), UNKs Everywhere: Adapting Multilingual Language Models to New
    Scripts, section 3.2, with lexical overlap; by singular values instead of their semi-NMF.
    """
    pieces = read_pieces(target)
    factors = factorise(source.rows, min(rank, *source.rows.shape))
    shared = overlap(source.tokenizer, pieces)
    coordinates = normal(factors.rows, len(pieces), help.seed)
    coordinates[shared.target] = factors.rows[shared.source]
    made = np.full(len(pieces), MADE.index("random"), np.int8)
    made[shared.target] = MADE.index("factorised")
    parts = (made > 0).astype(np.int64)
    return Rows(coordinates @ factors.projection, made, parts)
