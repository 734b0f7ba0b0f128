"""FOCUS: new tokens as sparse mixtures of shared ones that are like them in the target's text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy import sparse

from isogloss.registry import register
from isogloss.vocabulary.initialise.rows import Help, Rows, Source, combine, one_to_one
from isogloss.vocabulary.initialise.similar import anchored, sparsemax_weights, spread
from isogloss.vocabulary.pieces import read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@register("initialiser", "focus.v1")
def focus(source: Source, target: Tokenizer, help: Help) -> Rows:
    """e_i = sum_j sparsemax_j(cos(a_i, a_j)) e_j over the shared tokens j; those are copied.

    a are the vectors of the target's tokens in `help.target_tokens`; the paper trains them by
    fastText on text of the target language that the target cuts (CBOW, 300 dimensions, 3 rounds).
    A shared token without a vector helps no other; a new one without is drawn like the source.

    Raises:
        UsageError: no vectors, or no shared token has one.
        VectorError: vectors of another number of tokens.

    Prefer it where both vocabularies share thousands of tokens, and there is text to train on but
    no dictionary.

    Source: Dobler and de Melo (2023), FOCUS: Effective Embedding Initialization for Monolingual
    Specialization of Multilingual Models, section 3.
    """
    theirs = read_pieces(target)
    found = anchored(source, theirs, help, "focus.v1")
    shape = (len(theirs), len(source.rows))
    likened = sparsemax_weights(found.vectors, found.near)
    weights = one_to_one(found.shared, shape) + spread(likened, found.new, found.old, shape)
    return combine(sparse.csr_array(weights), source, seed=help.seed)
