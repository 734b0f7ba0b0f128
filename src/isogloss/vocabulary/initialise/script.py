"""New rows drawn from the source rows of the same script and the same place in a word."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from isogloss.registry import register
from isogloss.vocabulary.initialise.rows import (
    Help,
    Rows,
    Source,
    combine,
    normal,
    one_to_one,
    overlap,
)
from isogloss.vocabulary.pieces import Pieces, read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer

COMMON = "COMMON"  # digits, punctuation, symbols, and marks that any script may carry
BYTES = "BYTES"  # tokens that are parts of characters
LEAST = 2  # source rows that have a deviation
_ANY = ("COMBINING", "MODIFIER", "VARIATION")
_WIDTHS = ("FULLWIDTH ", "HALFWIDTH ")


@register("initialiser", "script.v1")
def script(
    source: Source, target: Tokenizer, help: Help, *, shared: bool = True, position: bool = True
) -> Rows:
    """e_i ~ N(m_c, s_c^2), c the script of token i and whether it begins a word.

    m_c and s_c are the mean and the deviation of every column over the source tokens of c. Where
    the source has fewer than 2 of them it is the script alone, and then all of the source. Places
    in words are left aside if only one of the two vocabularies marks ends of words.

    Args:
        source: the embeddings.
        target: the new tokenizer.
        help: the seed.
        shared: tokens of both vocabularies keep their rows, which the paper found best (its script,
            position and identity); without it only special tokens do, as in all its variants.
        position: whether tokens that begin words and others are apart.

    The clusters of an embedding table are its scripts, so a row drawn there is among its like, at
    no data at all. Prefer it for a smaller vocabulary of a multilingual source.
    Source: Downey et al. (2023), Embedding Structure Matters, section 3.
    """
    ours, theirs = read_pieces(source.tokenizer), read_pieces(target)
    both = overlap(ours, theirs)
    copied = one_to_one(both, (len(theirs), len(source.rows)))
    if not shared:
        kept = sparse.diags_array(theirs.special.astype(np.float32))
        copied = sparse.csr_array(kept @ copied)
    position = position and ours.ends_marked == theirs.ends_marked
    drawn = _draw(source.rows, ours, theirs, help.seed, position)
    return combine(copied, source, drawn=drawn)


def _draw(rows: np.ndarray, ours: Pieces, theirs: Pieces, seed: int, position: bool) -> np.ndarray:
    """`[V', d]`: every token from the closest group that the source has."""
    table = np.asarray(rows[: len(ours)], np.float32)
    made = normal(table, len(theirs), seed)
    noise = np.random.default_rng([seed, 1]).standard_normal(made.shape, np.float32)
    for placed in (False, True) if position else (False,):  # the closer group comes last
        known, wanted = _groups(ours, placed), _groups(theirs, placed)
        for group in known.keys() & wanted.keys():
            if len(known[group]) >= LEAST:
                like, new = table[known[group]], wanted[group]
                made[new] = noise[new] * like.std(0, ddof=1) + like.mean(0)
    return made


def _groups(pieces: Pieces, placed: bool) -> dict[tuple[str, bool], list[int]]:
    """Tokens by script and place; special ones and ids without a token are in none."""
    found: dict[tuple[str, bool], list[int]] = {}
    for number, text in enumerate(pieces.texts):
        if text is not None or pieces.bytes[number]:
            name = BYTES if text is None else script_of(text)
            starts = placed and text is not None and bool(pieces.starts[number])
            found.setdefault((name, starts), []).append(number)
    return found


def script_of(text: str) -> str:
    """The script of most characters of a text, the first of equals: `LATIN`, `CYRILLIC`, `CJK` ...

    Letters and marks have the script that their Unicode name begins with, all else is `COMMON`.
    """
    counts = Counter(_script(c) for c in text)
    return max(counts, key=counts.__getitem__, default=COMMON)


@cache
def _script(character: str) -> str:
    if unicodedata.category(character)[0] not in "LM":
        return COMMON
    name = unicodedata.name(character, COMMON)
    for width in _WIDTHS:
        name = name.removeprefix(width)
    first = name.split()[0].partition("-")[0]
    return COMMON if first in _ANY else first
