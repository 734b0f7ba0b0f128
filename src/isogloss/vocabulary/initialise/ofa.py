"""OFA: a factorised table, new tokens combined by likeness in multilingual word vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from isogloss.registry import register
from isogloss.vocabulary.initialise.factorised import factorise
from isogloss.vocabulary.initialise.rows import (
    MADE,
    Help,
    Rows,
    Source,
    combine,
    one_to_one,
    overlap,
)
from isogloss.vocabulary.initialise.similar import likened
from isogloss.vocabulary.pieces import read_pieces
from isogloss.vocabulary.token_vectors import token_vectors_from_words

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@register("initialiser", "ofa.v1")
def ofa(
    source: Source,
    target: Tokenizer,
    help: Help,
    *,
    rank: int | None = None,
    k: int = 10,
    temperature: float = 0.1,
) -> Rows:
    """e_i = f_i G with E ~ F G, f_i = sum over the k source tokens most like i of w_ij f_j.

    A token's vector is the mean of those of the words it stands in; w is a softmax of cosines.
    Shared tokens keep their coordinates, the others are drawn like F. Without a rank the table is
    not factorised. Prefer it for many languages at once, with word vectors that are aligned in one
    space before, and with a rank where the table is to stay small in training.

    Args:
        source: the embeddings that are there.
        target: the new tokenizer.
        help: with `source_words` and `target_words`, words and vectors of one space; they may be
            the same multilingual words.
        rank: r of F `[V, r]` and G `[r, d]`.
        k: source tokens that a token is made of.
        temperature: of the softmax.

    Source: Liu, Lin, Wang and Schütze (2024), OFA: A Framework of Initializing Unseen Subword
    Embeddings, section 3.
    """
    known, wanted = help.need("ofa.v1", "source_words", "target_words")
    pieces = read_pieces(target)
    ours, theirs = (
        token_vectors_from_words(tokenizer, *words, np.ones(len(words[0])))
        for tokenizer, words in ((source.tokenizer, known), (target, wanted))
    )
    shared = overlap(source.tokenizer, pieces)
    theirs[shared.target] = 0
    shape = (len(pieces), len(source.rows))
    weights = likened(theirs, ours, shape, neighbours=k, temperature=temperature)
    weights = weights + one_to_one(shared, shape)
    if rank is None:
        return combine(sparse.csr_array(weights), source, seed=help.seed)
    factors = factorise(source.rows, rank)
    coordinates = Source(factors.rows, source.tokenizer)
    made = combine(sparse.csr_array(weights), coordinates, seed=help.seed)
    kinds = np.where(made.made > 0, MADE.index("factorised"), made.made).astype(np.int8)
    return Rows(made.rows @ factors.projection, kinds, made.parts)
