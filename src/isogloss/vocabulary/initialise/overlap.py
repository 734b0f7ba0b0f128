"""Copy what both vocabularies share, draw the rest like the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isogloss.registry import register
from isogloss.vocabulary.initialise.rows import Help, Rows, Source, combine, one_to_one
from isogloss.vocabulary.initialise.rows import overlap as shared_tokens
from isogloss.vocabulary.pieces import read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@register("initialiser", "overlap.v1")
def overlap(source: Source, target: Tokenizer, help: Help) -> Rows:
    """Shared tokens keep their rows; the others ~ N(mean, deviation^2) of the source's columns.

    The lower bound for every method that adds knowledge of the target language. Prefer it where
    nothing but the two tokenizers is at hand and the scripts are the same.
    """
    pieces = read_pieces(target)
    shared = shared_tokens(source.tokenizer, pieces)
    weights = one_to_one(shared, (len(pieces), len(source.rows)))
    return combine(weights, source, seed=help.seed)
