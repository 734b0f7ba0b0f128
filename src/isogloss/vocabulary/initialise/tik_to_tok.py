"""Tik-to-Tok: a word dictionary generalised to tokens by what characters translate to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.vocabulary.initialise.rows import (
    Help,
    Overlap,
    Rows,
    Source,
    combine,
    one_to_one,
    overlap,
)
from isogloss.vocabulary.initialise.similar import likened
from isogloss.vocabulary.pieces import Pieces, read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SHORTEST, LONGEST = 3, 6  # characters of an n-gram, as in fastText


@register("initialiser", "tik_to_tok.v1")
def tik_to_tok(
    source: Source,
    target: Tokenizer,
    help: Help,
    *,
    width: int = 100,
    k: int = 10,
    temperature: float = 0.1,
) -> Rows:
    """e_i = sum over the k source tokens j most like i of w_ij e_j, likeness by a dictionary.

    A dictionary knows words, a vocabulary has parts of them. Words and tokens of both sides are
    sums of their n-grams of characters; n-gram vectors are such that translations meet: with X and
    Y the n-grams of both sides of the entries, U S V^T ~ X^T Y after weighting them by rarity, and
    a token has the vector of its n-grams by U S^(1/2), or by V S^(1/2). Shared special tokens are
    copied, and shared others count as entries. A token of n-grams that no entry has is drawn like
    the source. Prefer it where there is a dictionary and no parallel text.

    Args:
        source: the embeddings that are there.
        target: the new tokenizer.
        help: with `dictionary`.
        width: of the n-gram vectors, at most.
        k: source tokens that a token is made of.
        temperature: of the softmax.

    Raises:
        UsageError: a dictionary of fewer than 2 entries.

    Source: Remy et al. (2023), Tik-to-Tok: Translating Language Models One Token at a Time; how
    the dictionary is generalised is our own, by latent semantic analysis as in Landauer and
    Littman (1990), Fully Automatic Cross-Language Document Retrieval.
    """
    [dictionary] = help.need("tik_to_tok.v1", "dictionary")
    theirs, ours = read_pieces(target), read_pieces(source.tokenizer)
    shared = overlap(ours, theirs)
    same = [str(theirs.texts[i]) for i in shared.target if theirs.texts[i] is not None]
    entries = [*dictionary, *((word, word) for word in same)]
    if len(entries) < 2:
        raise UsageError(f"a dictionary of {len(entries)} entries; 2 at least are needed")
    left, right = (
        _Grams([_normalised(tokenizer, pair[side]) for pair in entries])
        for side, tokenizer in ((0, source.tokenizer), (1, target))
    )
    u, sizes, v = _latent(left.table, right.table, width, help.seed)
    scale = np.sqrt(sizes)
    source_vectors = left.of(_spelled(ours)) @ (u * scale)
    target_vectors = right.of(_spelled(theirs)) @ (v * scale)
    special = theirs.special[shared.target] | theirs.bytes[shared.target]
    target_vectors[theirs.special | theirs.bytes] = 0
    shape = (len(theirs), len(source.rows))
    weights = likened(target_vectors, source_vectors, shape, neighbours=k, temperature=temperature)
    copied = one_to_one(Overlap(shared.target[special], shared.source[special]), shape)
    return combine(sparse.csr_array(weights + copied), source, seed=help.seed)


class _Grams:
    """Words as rarity-weighted, unit-length counts of their n-grams of characters."""

    def __init__(self, words: Sequence[str]) -> None:
        self.known: dict[str, int] = {}
        for word in words:
            for gram in _grams(f"<{word.lower()}>"):
                self.known.setdefault(gram, len(self.known))
        self.rarity = np.ones(len(self.known))
        counts = self.of([f"<{word.lower()}>" for word in words])
        self.rarity = np.log1p(len(words) / np.maximum((counts > 0).sum(0), 1))
        self.table = self.of([f"<{word.lower()}>" for word in words])  # [n, grams]

    def of(self, spelled: Sequence[str | None]) -> sparse.csr_array:
        """`[n, grams]` of words with their ends marked; empty rows for None."""
        rows, columns = [], []
        for i, word in enumerate(spelled):
            found = [self.known[g] for g in _grams(word or "") if g in self.known]
            rows += [i] * len(found)
            columns += found
        cells = (self.rarity[columns], (rows, columns)) if rows else ([], ([], []))
        made = sparse.csr_array(cells, shape=(len(spelled), len(self.known)), dtype=np.float64)
        made.sum_duplicates()
        length = np.sqrt(np.asarray(made.multiply(made).sum(1)).ravel())
        scale = np.divide(1, length, out=np.zeros_like(length), where=length > 0)
        return sparse.csr_array(sparse.diags_array(scale) @ made)


def _normalised(tokenizer: Tokenizer, word: str) -> str:
    """A word as the tokenizer spells its tokens, in Latin letters for one that romanises."""
    if tokenizer.normalizer is None:
        return word
    return tokenizer.normalizer.normalize_str(word).strip()


def _grams(word: str) -> list[str]:
    """Its n-grams of characters, and the word itself."""
    found = [
        word[at : at + n] for n in range(SHORTEST, LONGEST + 1) for at in range(len(word) - n + 1)
    ]
    return [*found, word] if len(word) > LONGEST or len(word) == 2 else found


def _spelled(pieces: Pieces) -> list[str | None]:
    """Tokens with the mark of where a word begins, as n-grams are cut; where it ends is not known.

    A token that begins a word may be all of it, so that it is also a word that ends.
    """
    return [
        None if text is None else f"{'<' if start else ''}{text.lower()}"
        for text, start in zip(pieces.texts, pieces.starts, strict=True)
    ]


def _latent(
    left: sparse.csr_array, right: sparse.csr_array, width: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The largest singular vectors and values of left^T right: `[g, w]`, `[w]`, `[h, w]`."""
    from scipy.sparse.linalg import aslinearoperator, svds

    # Multiplied out it would have many times the cells.
    product = aslinearoperator(left.T) @ aslinearoperator(right)
    width = min(width, min(product.shape) - 1)
    start = np.random.default_rng(seed).standard_normal(min(product.shape))
    u, sizes, vt = svds(product, k=width, v0=start)  # PROPACK is faster, and fails on low ranks
    return u, sizes, vt.T
