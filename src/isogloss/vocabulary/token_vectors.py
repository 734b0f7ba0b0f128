"""Vectors of tokens from vectors of words, or of the tokens' own names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from isogloss.errors import VectorError
from isogloss.vocabulary.pieces import METASPACE, read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CHUNK = 2**15  # words that are cut together: what the tokenizer says of one takes a kilobyte


def token_vectors_from_words(
    tokenizer: Tokenizer,
    words: Sequence[str],
    vectors: np.ndarray,
    frequencies: Sequence[float] | np.ndarray | None = None,
) -> np.ndarray:
    """v_t = sum_w f_w n_wt v_w / sum_w f_w n_wt: `[V, a]`, the mean of the words that hold t.

    n_wt is in how many of the word's two forms, with and without a space before it, the token is.
    Tokens that no word holds get zeros, and so do special ones: the unknown token is in words of
    every meaning.

    Args:
        tokenizer: whose tokens.
        words: words, the most frequent first if there are no frequencies.
        vectors: `[n, a]`.
        frequencies: `[n]` f_w, at least 0; by default 1 / place.

    Raises:
        VectorError: other numbers of vectors or frequencies than words, or values that are none.

    Source: Minixhofer et al. (2022), WECHSEL, section 3.2, for vectors without n-grams.
    """
    vectors = np.asarray(vectors, np.float32)
    counts = 1 / np.arange(1.0, len(words) + 1) if frequencies is None else np.asarray(frequencies)
    if vectors.ndim != 2 or not len(words) == len(vectors) == len(counts):
        raise VectorError(
            f"{len(words)} words, vectors {list(vectors.shape)}, {len(counts)} frequencies",
            remedy="give one vector and one frequency a word",
        )
    if not np.isfinite(vectors).all() or not (counts >= 0).all():
        raise VectorError("vectors of words must be finite and frequencies at least 0")
    holds = _holds(tokenizer, words)  # [V, n]
    weighted = holds @ sparse.diags_array(counts.astype(np.float64))
    sums = np.asarray(weighted.sum(1)).ravel()
    sums[read_pieces(tokenizer).special] = 0
    scale = sparse.diags_array(np.divide(1, sums, out=np.zeros_like(sums), where=sums > 0))
    return np.asarray((scale @ weighted).astype(np.float32) @ vectors)


def _holds(tokenizer: Tokenizer, words: Sequence[str]) -> sparse.csr_array:
    """In how many of its two forms each word holds each token, `[V, n]`."""
    ids, lengths = [np.empty(0, np.int64)], []
    for at in range(0, len(words), CHUNK):
        # The two forms of a word side by side: what is alike in both the tokenizer remembers.
        forms = [form for word in words[at : at + CHUNK] for form in (word, " " + word)]
        cut = [e.ids for e in tokenizer.encode_batch_fast(forms, add_special_tokens=False)]
        lengths += map(len, cut)
        ids.append(np.fromiter(chain.from_iterable(cut), np.int64))
    size = max(tokenizer.get_vocab().values(), default=-1) + 1
    rows, columns = np.concatenate(ids), np.repeat(np.arange(2 * len(words)), lengths)
    once = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(size, 2 * len(words)))
    once.sum_duplicates()
    once.data[:] = 1  # a token that is twice in a word counts once
    cells = (once.data, once.indices // 2, once.indptr)
    made = sparse.csr_array(cells, shape=(size, len(words)))
    made.sum_duplicates()
    return made


def token_vectors_from_ngrams(
    tokenizer: Tokenizer, vector: Callable[[str], np.ndarray], width: int
) -> np.ndarray:
    """What a model with n-grams gives for the text of each token: `[V, a]`, zeros for none.

    Args:
        tokenizer: whose tokens; special ones and parts of characters have no text.
        vector: from a text to `[a]`; raises KeyError where it has no n-gram of it.
        width: a.

    Source: Minixhofer et al. (2022), WECHSEL, section 3.2, for vectors with n-grams.
    """
    texts = read_pieces(tokenizer).texts
    made = np.zeros((len(texts), width), np.float32)
    for number, text in enumerate(texts):
        plain = (text or "").replace(METASPACE, " ").strip()
        if plain:
            with suppress(KeyError):
                made[number] = vector(plain)
    return made


def token_vectors_by_name(
    tokenizer: Tokenizer, names: Sequence[str], vectors: np.ndarray
) -> np.ndarray:
    """The vectors of the tokens that are called so, `[V, c]`; zeros for those that no name is of.

    Raises:
        VectorError: other numbers of vectors than names.
    """
    vectors = np.asarray(vectors, np.float32)
    if vectors.ndim != 2 or len(names) != len(vectors):
        raise VectorError(f"{len(names)} names for vectors {list(vectors.shape)}")
    vocabulary = tokenizer.get_vocab()
    made = np.zeros((max(vocabulary.values(), default=-1) + 1, vectors.shape[1]), np.float32)
    known = [(vocabulary[name], i) for i, name in enumerate(names) if name in vocabulary]
    at, rows = np.array(known, np.int64).reshape(-1, 2).T
    made[at] = vectors[rows]
    return made


def token_sentences(tokenizer: Tokenizer, texts: Iterable[str]) -> list[list[str]]:
    """The names of the tokens of each text: what word vectors of tokens are trained on."""
    names = {number: name for name, number in tokenizer.get_vocab().items()}
    cut = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return [[names[number] for number in encoding.ids] for encoding in cut]
