"""Rows as the mean of the source pieces that spell the token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from isogloss.registry import register
from isogloss.vocabulary.initialise.rows import (
    Help,
    Rows,
    Source,
    combine,
    means,
    one_to_one,
    overlap,
)
from isogloss.vocabulary.pieces import read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@register("initialiser", "mean.v1")
def mean(source: Source, target: Tokenizer, help: Help) -> Rows:
    """e_i = (1/k) sum of the source rows of the k pieces that the source cuts token i's text into.

    Shared tokens are copied. Unknown pieces are left out; a token of nothing else is drawn like the
    source. Prefer it where the source reads the target's script at all: it needs no data.

    Source: the usual start of new tokens, as in Yao et al. (2021), Adapt-and-Distill, section 3.2.
    """
    weights = spelled(source, target)
    return combine(weights, source, seed=help.seed)


def spelled(source: Source, target: Tokenizer) -> sparse.csr_array:
    """Weights `[V', V]` of the pieces that each target token is spelled with by the source."""
    theirs, ours = read_pieces(target), read_pieces(source.tokenizer)
    shape = (len(theirs), len(source.rows))
    weights = one_to_one(overlap(ours, theirs), shape)
    rest = np.flatnonzero(np.diff(weights.indptr) == 0)
    asked = [int(i) for i in rest if theirs.texts[i] is not None]
    # Byte-level vocabularies write the space before a word into its first piece.
    space = [" " if ours.byte_level and theirs.starts[i] else "" for i in asked]
    cut = source.tokenizer.encode_batch_fast(
        [f"{s}{theirs.texts[i]}" for s, i in zip(space, asked, strict=True)],
        add_special_tokens=False,
    )
    made = {
        number: [i for i in encoding.ids if not ours.special[i]]
        for number, encoding in zip(asked, cut, strict=True)
    }
    return sparse.csr_array(weights + means(made, shape))
