"""WECHSEL: tokens of two languages compared through word vectors turned into one space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from isogloss.errors import UsageError, VectorError
from isogloss.registry import register
from isogloss.vocabulary.initialise.rows import Help, Rows, Source, combine, one_to_one, overlap
from isogloss.vocabulary.initialise.similar import softmax_weights, spread, token_vectors
from isogloss.vocabulary.pieces import read_pieces
from isogloss.vocabulary.token_vectors import token_vectors_from_words

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@register("initialiser", "wechsel.v1")
def wechsel(
    source: Source,
    target: Tokenizer,
    help: Help,
    *,
    neighbours: int = 10,
    temperature: float = 0.1,
    aligned: bool = False,
) -> Rows:
    """e_i = sum_j softmax_j(cos(u_i, u_j) / temperature) e_j over the k source tokens j nearest.

    u are vectors of tokens in one space of words. A token's is the mean of the vectors of the words
    that hold it, by frequency; or, where `help.source_tokens` and `help.target_tokens` are given,
    such as sums of fastText's n-grams, those. The source's are turned onto the target's by the
    rotation that the dictionary fits. Special tokens of both are copied and like no other; target
    tokens without a vector are drawn like the source.

    Args:
        source: the embeddings.
        target: the new tokenizer.
        help: words and vectors of both languages, and a dictionary.
        neighbours: k.
        temperature: of the softmax.
        aligned: the word vectors are in one space already and need no dictionary.

    Raises:
        UsageError: help is missing, no pair of the dictionary is known, or no token has a vector.
        VectorError: vectors of the two languages have different widths, or are not numbers.

    It copies no words, so that a word that only looks like one of the source may mean another
    thing. Prefer it from a source of one language, and across scripts, where a dictionary of some
    thousand pairs is at hand.

    Source: Minixhofer et al. (2022), WECHSEL: Effective Initialization of Subword Embeddings for
    Cross-Lingual Transfer of Monolingual Language Models, section 3.
    """
    by_words = not _tokens_given(help)
    help.need("wechsel.v1", *(("source_words", "target_words") if by_words or not aligned else ()))
    help.need("wechsel.v1", *(() if aligned else ("dictionary",)))
    ours, theirs = read_pieces(source.tokenizer), read_pieces(target)
    y, known_y = _tokens(help, "source", source.tokenizer, len(ours))
    x, known_x = _tokens(help, "target", target, len(theirs))
    known_y &= ~ours.special  # an unknown token is in words of every meaning
    known_x &= ~theirs.special
    if not known_x.any() or not known_y.any():
        side = "target" if known_y.any() else "source"
        raise UsageError(f"wechsel.v1: no token of the {side} is in any of the {side}_words")
    turn = np.eye(y.shape[1], dtype=np.float32) if aligned else rotation(help)
    _one_width(y, x, turn)
    y = y @ turn
    shape = (len(theirs), len(source.rows))
    shared = overlap(ours, theirs)
    special = theirs.special[shared.target]
    copied = type(shared)(shared.target[special], shared.source[special])
    new, old = np.flatnonzero(known_x), np.flatnonzero(known_y)
    likened = softmax_weights(x[new], y[old], neighbours=neighbours, temperature=temperature)
    weights = one_to_one(copied, shape) + spread(likened, new, old, shape)
    return combine(sparse.csr_array(weights), source, seed=help.seed)


def _tokens(help: Help, side: str, tokenizer: Tokenizer, size: int) -> tuple[np.ndarray, ...]:
    """Vectors of the tokens of one side, and which have one."""
    if _tokens_given(help):
        vectors = getattr(help, f"{side}_tokens")
    else:
        words, table = getattr(help, f"{side}_words")
        frequencies = getattr(help, f"{side}_frequencies")
        vectors = token_vectors_from_words(tokenizer, words, table, frequencies)
    return token_vectors(vectors, size, f"wechsel.v1, {side}")


def _tokens_given(help: Help) -> bool:
    return help.source_tokens is not None and help.target_tokens is not None


def _one_width(*arrays: np.ndarray) -> None:
    if len({array.shape[1] for array in arrays}) > 1:
        widths = " and ".join(str(array.shape[1]) for array in arrays[:2])
        raise VectorError(
            f"wechsel.v1: vectors of widths {widths} are in no one space",
            remedy="train or reduce those of both languages to one width",
        )


def rotation(help: Help) -> np.ndarray:
    """R = argmin ||S R - T|| over R^T R = I, rows of S and T the words of the dictionary's pairs.

    Each word of a pair is looked up as it is, in lower case and with a capital, so that a pair
    comes up to nine times.

    Raises:
        UsageError: none of the pairs has both words among the vectors.
        VectorError: vectors of different widths.

    Source: Schönemann (1966); the three spellings are those of the authors' code.
    """
    (source, of_source), (target, of_target) = _words(help.source_words), _words(help.target_words)
    _one_width(of_source, of_target)
    at_source, at_target = _places(source), _places(target)
    pairs = [
        (at_source[a], at_target[b])
        for one, other in help.dictionary or ()
        for a in (one, one.lower(), one.title())
        for b in (other, other.lower(), other.title())
        if a in at_source and b in at_target
    ]
    if not pairs:
        raise UsageError(
            f"wechsel.v1: of {len(help.dictionary or ())} pairs of the dictionary none is in both "
            "lists of words",
            remedy="check that it goes from the source language to the target language",
        )
    i, j = np.array(pairs).T
    u, _, vt = np.linalg.svd(of_source[i].T.astype(np.float64) @ of_target[j])
    return (u @ vt).astype(np.float32)


def _words(given: tuple[Sequence[str], np.ndarray] | None) -> tuple[Sequence[str], np.ndarray]:
    words, vectors = given or ((), np.empty((0, 0)))
    return words, np.asarray(vectors, np.float32)


def _places(words: Sequence[str]) -> dict[str, int]:
    """The first place of each word."""
    return {word: place for place, word in reversed(list(enumerate(words)))}
