"""Word vectors of one cross-lingual space as embeddings: languages differ in the table alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isogloss.errors import VectorError
from isogloss.registry import register
from isogloss.vocabulary.initialise.rows import MADE, Help, Rows, Source, normal, overlap
from isogloss.vocabulary.pieces import read_pieces
from isogloss.vocabulary.token_vectors import token_vectors_from_words

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@register("initialiser", "word_vectors.v1")
def word_vectors(source: Source, target: Tokenizer, help: Help, *, penalty: float = 1.0) -> Rows:
    """e_i = u_i A + b, u_i the token's cross-lingual vector, A and b fitted on the source's table.

    minimises sum_j |s_j A + b - e_j|^2 + penalty |A|^2 over source tokens j with a vector s_j, so
    that vectors come to lie where the body expects embeddings. A language is swapped for another
    of the same space by its table; train the body with the table frozen first, on the source's own
    words through the same map. Shared special tokens are copied; tokens in none of the words are
    drawn like the source.

    Args:
        source: the embeddings that are there.
        target: the new tokenizer.
        help: with `source_words` and `target_words`, of one space.
        penalty: of the ridge, in squared units of the vectors.

    Raises:
        VectorError: vectors of different widths, or no source token in any word.

    Source: the frozen cross-lingual embeddings of decoupled vocabulary learning; the ridge is ours.
    """
    known, wanted = help.need("word_vectors.v1", "source_words", "target_words")
    pieces = read_pieces(target)
    ours, theirs = (
        token_vectors_from_words(tokenizer, *words, np.ones(len(words[0])))
        for tokenizer, words in ((source.tokenizer, known), (target, wanted))
    )
    if ours.shape[1] != theirs.shape[1]:
        raise VectorError(
            f"word vectors of widths {ours.shape[1]} and {theirs.shape[1]} are not of one space",
            remedy="bring them into one with `isogloss map`",
        )
    seen = np.flatnonzero((ours != 0).any(1))
    if not len(seen):
        raise VectorError("no source token stands in any of the words")
    x, y = ours[seen].astype(np.float64), source.rows[seen].astype(np.float64)
    centre_x, centre_y = x.mean(0), y.mean(0)
    x, y = x - centre_x, y - centre_y
    matrix = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ y)  # [a, d]
    rows = ((theirs - centre_x) @ matrix + centre_y).astype(np.float32)
    made = np.full(len(pieces), MADE.index("predicted"), np.int8)
    unknown = ~(theirs != 0).any(1)
    rows[unknown] = normal(source.rows, len(pieces), help.seed)[unknown]
    made[unknown] = MADE.index("random")
    shared = overlap(source.tokenizer, pieces)
    special = pieces.special[shared.target]
    rows[shared.target[special]] = source.rows[shared.source[special]]
    made[shared.target[special]] = MADE.index("copied")
    return Rows(rows, made, (made == MADE.index("copied")).astype(np.int64))
