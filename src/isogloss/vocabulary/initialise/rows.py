"""The one signature of all initialisers, and what they share.

    (source embeddings, source tokenizer, target tokenizer, help) -> target embeddings, and how each
    row was made

An initialiser is `initialise(source: Source, target: Tokenizer, help: Help, **settings) -> Rows`,
registered as `register("initialiser", "name.v1")`. A model whose head is not tied is initialised
once: its tables stand side by side as the columns of `Source.rows`, so that both get the same
combinations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import sparse

from isogloss.errors import UsageError, VectorError
from isogloss.vocabulary.pieces import Pieces, read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MADE = ("random", "copied", "combined", "factorised", "predicted")
"""How a row is made: drawn, one source row, a weighted mean of several, a product of factors of
the source table, or the output of something fitted."""


class Source(NamedTuple):
    """The embeddings that are there.

    Attributes:
        rows: `[V, d]` float32.
        tokenizer: whose ids they are; ids over the tokenizer's are padding.
    """

    rows: np.ndarray
    tokenizer: Tokenizer


@dataclass(frozen=True)
class Help:
    """What an initialiser may need besides; each says what it does and raises without it.

    Attributes:
        seed: of what is drawn.
        source_words: words of the source language and `[n, a]` vectors of them.
        target_words: words of the target language and `[m, b]` vectors of them.
        source_frequencies: `[n]` how often each source word is met; by default 1 / its place, as
            files of word vectors begin with the most frequent word.
        target_frequencies: `[m]` the same of the target words.
        source_tokens: `[V, a]` vectors of the source's tokens in the space of the source words;
            zeros for tokens that have none.
        target_tokens: `[V', c]` vectors of the target's tokens in a space of their own, or in that
            of the target words where `source_tokens` is given; zeros for tokens that have none.
        dictionary: source and target words that translate each other.
        translations: `[V', V]` how often, or how likely, a target token is aligned with a source
            token.
    """

    seed: int = 0
    source_words: tuple[Sequence[str], np.ndarray] | None = None
    target_words: tuple[Sequence[str], np.ndarray] | None = None
    source_frequencies: Sequence[float] | np.ndarray | None = None
    target_frequencies: Sequence[float] | np.ndarray | None = None
    source_tokens: np.ndarray | None = None
    target_tokens: np.ndarray | None = None
    dictionary: Sequence[tuple[str, str]] | None = None
    translations: sparse.csr_array | None = None

    def need(self, method: str, *fields: str) -> list[Any]:
        """The values of these fields; raises UsageError if one is missing."""
        if missing := [field for field in fields if getattr(self, field) is None]:
            raise UsageError(f"{method} needs {', '.join(missing)}")
        return [getattr(self, field) for field in fields]


class Rows(NamedTuple):
    """Target embeddings, and how each row was made.

    Attributes:
        rows: `[V', d]` float32.
        made: `[V']` index into `MADE`.
        parts: `[V']` of how many source rows; 0 for none.
    """

    rows: np.ndarray
    made: np.ndarray
    parts: np.ndarray

    def counts(self) -> Mapping[str, int]:
        """How many rows were made in each way."""
        found = np.bincount(self.made, minlength=len(MADE))
        return {name: int(n) for name, n in zip(MADE, found, strict=True) if n}


def combine(
    weights: sparse.csr_array,
    source: Source,
    *,
    seed: int = 0,
    drawn: np.ndarray | None = None,
) -> Rows:
    """Row i = sum_j w_ij e_j; rows without weights are drawn.

    Args:
        weights: `[V', V]` nonnegative; each row sums to 1 or is empty.
        source: the embeddings.
        seed: of what is drawn.
        drawn: `[V', d]` rows for those without weights; by default from a normal distribution with
            the mean and the deviation of every column of the source.

    Raises:
        VectorError: weights of another shape, negative ones, or rows that do not sum to 1.
    """
    table = np.asarray(source.rows, np.float32)
    weights = sparse.csr_array(weights, copy=False)
    weights.eliminate_zeros()
    if weights.shape[1] != len(table):
        raise VectorError(f"weights of {weights.shape[1]} source rows; there are {len(table)}")
    parts = np.diff(weights.indptr)
    sums = np.asarray(weights.sum(1)).ravel()
    if (weights.data < 0).any() or not np.allclose(sums[parts > 0], 1, atol=1e-4):
        raise VectorError("weights must be nonnegative and sum to 1 in every row that has some")
    rows = np.asarray(weights.astype(np.float32) @ table)  # [V', d]
    empty = parts == 0
    if drawn is None:
        drawn = normal(table, len(rows), seed)
    rows[empty] = drawn[empty]
    made = np.where(empty, MADE.index("random"), MADE.index("combined"))
    made[parts == 1] = MADE.index("copied")
    return Rows(rows, made.astype(np.int8), parts)


def normal(table: np.ndarray, size: int, seed: int) -> np.ndarray:
    """`[size, d]` drawn from independent normals with each column's mean and deviation."""
    rng = np.random.default_rng(seed)
    made = rng.standard_normal((size, table.shape[1]), np.float32)
    return made * table.std(0) + table.mean(0)


class Overlap(NamedTuple):
    """Tokens that two vocabularies share.

    Attributes:
        target: `[p]` target ids, rising.
        source: `[p]` the source id of each.
    """

    target: np.ndarray
    source: np.ndarray


def overlap(source: Tokenizer | Pieces, target: Tokenizer | Pieces) -> Overlap:
    """Tokens with the same text in the same place of a word, and special tokens of one role.

    The marks of both vocabularies are read first, so `Ġcat`, `▁cat` and WordPiece's `cat` are one.
    Special tokens are the same where their names are, or where both are the unknown, padding,
    beginning, end, mask, class or separator token by the names in use.
    """
    ours, theirs = (
        side if isinstance(side, Pieces) else read_pieces(side) for side in (source, target)
    )
    at: dict[object, int] = {}
    for number, key in enumerate(_keys(ours)):
        if key is not None:
            at.setdefault(key, number)
    pairs = [
        (number, at[key])
        for number, key in enumerate(_keys(theirs))
        if key is not None and key in at
    ]
    found = np.array(pairs, np.int64).reshape(-1, 2)
    return Overlap(found[:, 0], found[:, 1])


def one_to_one(shared: Overlap, shape: tuple[int, int]) -> sparse.csr_array:
    """The weights that copy shared tokens: `[V', V]`, one 1 in the row of each."""
    ones = np.ones(len(shared.target), np.float32)
    return sparse.csr_array((ones, (shared.target, shared.source)), shape=shape)


def means(cut: Mapping[int, Sequence[int]], shape: tuple[int, int]) -> sparse.csr_array:
    """The weights `[V', V]` that make row i the mean of the source rows `cut[i]`.

    A source row that comes twice counts twice; a token of no rows has no weights.
    """
    columns = np.fromiter((j for ids in cut.values() for j in ids), np.int64)
    lengths = [len(ids) for ids in cut.values()]
    rows = np.repeat(np.fromiter(cut, np.int64), lengths)
    shares = np.repeat([1 / max(n, 1) for n in lengths], lengths).astype(np.float32)
    made = sparse.csr_array((shares, (rows, columns)), shape=shape)
    made.sum_duplicates()
    return made


_ROLES = {
    role: i
    for i, names in enumerate(
        (
            ("<unk>", "[UNK]", "<|unk|>"),
            ("<pad>", "[PAD]", "<|pad|>"),
            ("<mask>", "[MASK]", "<|mask|>"),
            ("<s>", "[CLS]", "<bos>", "<|begin_of_text|>", "<cls>"),
            ("</s>", "[SEP]", "<eos>", "<|end_of_text|>", "<sep>"),
        )
    )
    for role in names
}


def _keys(pieces: Pieces) -> list[object | None]:
    """What tokens are matched by; None for those without text that no other token can match."""
    keys: list[object | None] = list(pieces.identities())
    for number in np.flatnonzero(pieces.special | pieces.bytes):
        name = str(pieces.names[number])
        keys[number] = ("role", _ROLES[name]) if name in _ROLES else ("name", name)
    return keys
