"""A new token's row ties together the source pieces, and at the last the bytes, that spell it."""

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
from isogloss.vocabulary.initialise.spelling import byte_pieces, bytes_of, cutter, words_of
from isogloss.vocabulary.pieces import read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@register("initialiser", "zip_tie.v1")
def zip_tie(source: Source, target: Tokenizer, help: Help) -> Rows:
    """e_i = (1/k) sum of the rows of the k pieces, bytes included, that the source writes i with.

    The source's own algorithm cuts the token's text in its place in a word, where `mean.v1` takes
    every token for the begin of one. Byte pieces count like any other, and a token that is a part
    of a character is written with them. Shared tokens are copied; what cannot be written is drawn
    like the source. A head that is not tied gets the same means.

    Prefer it for adding the characters and words of a new script to a byte-level source, or one
    that falls back to bytes.

    Source: Chen and Li (2024), Bailong: Bilingual Transfer Learning based on QLoRA and Zip-tie
    Embedding, section on the initialisation of new tokens.
    """
    theirs, ours = read_pieces(target), read_pieces(source.tokenizer)
    shape = (len(theirs), len(source.rows))
    weights = one_to_one(overlap(ours, theirs), shape)
    cut, known_bytes = cutter(source.tokenizer, ours), byte_pieces(ours)

    def spell(number: int) -> list[int]:
        text, starts = theirs.texts[number], bool(theirs.starts[number])
        if text is None:
            raw = bytes_of(theirs.names[number] or "", theirs) if theirs.bytes[number] else b""
            return [known_bytes[byte] for byte in raw if byte in known_bytes]
        if ours.byte_level:
            return cut(text, starts)
        words = words_of(text, starts, source.tokenizer, ours)
        return [i for word in words for i in cut(*word)]

    made = {int(i): spell(int(i)) for i in np.flatnonzero(np.diff(weights.indptr) == 0)}
    return combine(sparse.csr_array(weights + means(made, shape)), source, seed=help.seed)
