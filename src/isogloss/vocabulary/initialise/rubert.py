"""New subwords re-assembled from the longest old ones."""

from __future__ import annotations

from collections.abc import Mapping
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
from isogloss.vocabulary.initialise.spelling import words_of
from isogloss.vocabulary.pieces import METASPACE, Pieces, read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@register("initialiser", "rubert.v1")
def rubert(source: Source, target: Tokenizer, help: Help) -> Rows:
    """e_i = (1/k) sum of the rows of the k old subwords that token i is put together from.

    `bird` that begins a word is put together from `bi` and `##rd`: the longest old subword that
    begins a word, then the longest that do not, whatever algorithm the old vocabulary has. If none
    has the right place one of the other place is taken; characters that no old subword holds are
    left out. Shared tokens are copied; a token of nothing else is drawn like the source.

    Prefer it to `mean.v1` for a WordPiece source, or where the source's algorithm gives up on words
    with a single unknown character.

    Source: Kuratov and Arkhipov (2019), Adaptation of Deep Bidirectional Multilingual Transformers
    for Russian Language, section 2.
    """
    theirs, ours = read_pieces(target), read_pieces(source.tokenizer)
    shape = (len(theirs), len(source.rows))
    weights = one_to_one(overlap(ours, theirs), shape)
    known, longest = _subwords(ours, by_place=not (ours.ends_marked or theirs.ends_marked))
    made: dict[int, list[int]] = {}
    for i in np.flatnonzero(np.diff(weights.indptr) == 0).tolist():
        text, starts = theirs.texts[i], bool(theirs.starts[i])
        words = words_of(text, starts, source.tokenizer, ours) if text is not None else []
        made[i] = [j for word in words for j in assemble(*word, known, longest)]
    return combine(sparse.csr_array(weights + means(made, shape)), source, seed=help.seed)


def assemble(
    text: str, starts: bool, known: Mapping[tuple[bool, str], int], longest: int
) -> list[int]:
    """The longest known subwords of a text from its begin on; characters in none are passed over.

    Args:
        text: one word or part of it.
        starts: whether it begins a word.
        known: ids of subwords by whether they begin a word, and text.
        longest: characters of the longest of them.
    """
    found, at = [], 0
    while at < len(text):
        place = starts and at == 0
        ends = range(min(len(text), at + longest), at, -1)
        keys = ((side, text[at:end]) for side in (place, not place) for end in ends)
        best = next((key for key in keys if key in known), None)
        if best is not None:
            found.append(known[best])
        at += 1 if best is None else len(best[1])
    return found


def _subwords(pieces: Pieces, *, by_place: bool) -> tuple[dict[tuple[bool, str], int], int]:
    """Ids by place and text, the first of equals; without places both are the same."""
    known: dict[tuple[bool, str], int] = {}
    for number, key in enumerate(pieces.identities()):
        if key is not None and key[1] and key[1] not in (" ", METASPACE):
            for side in (key[0],) if by_place else (False, True):
                known.setdefault((side, key[1]), number)
    return known, max((len(text) for _, text in known), default=0)
