"""What a tokenizer makes of each text of a language, in counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from isogloss.vocabulary.lines import Lines, Segmenter, Words, find_words, read_lines
from isogloss.vocabulary.tokenization import Cut, Tokenization

COUNTS = (
    "texts",
    "tokens",
    "characters",
    "words",
    "continued",
    "unknown",
    "partial",
    "lost",
    "over",
)
_BLOCK = 4096  # texts cut at once, so that memory does not grow with the corpus


class Block(NamedTuple):
    """Some texts of a language, read once for all tokenizers."""

    texts: list[str]
    lines: Lines
    words: Words | None


class Tally(NamedTuple):
    """Counts of a language's texts.

    Attributes:
        counts: `[n, len(COUNTS)]` a row a text; what is not known is 0.
        known: `[len(COUNTS)]` whether each column is known.
        ids: `[u]` the tokens that occur, in order.
        times: `[u]` how often.
    """

    counts: np.ndarray
    known: np.ndarray
    ids: np.ndarray
    times: np.ndarray


def read_blocks(
    texts: Sequence[str], script: str, segmenter: Segmenter | None = None
) -> list[Block]:
    """The texts in blocks, with their characters and words."""
    blocks = []
    for at in range(0, len(texts), _BLOCK):
        part = list(texts[at : at + _BLOCK])
        lines = read_lines(part)
        blocks.append(Block(part, lines, find_words(part, lines, script, segmenter)))
    return blocks


def tally(tokenization: Tokenization, blocks: Sequence[Block]) -> Tally:
    """The counts of all texts.

    A word is continued where a token begins inside it: at another than its first character, or in
    the middle of one. So a mark of its own before a word does not count, and a token over several
    words continues none of them.

    Source: the share of continued words is that of Rust et al. (2021), How Good is Your Tokenizer?,
    section 4.1, with words between white space where they had those of treebanks.
    """
    parts, known, used = [], np.ones(len(COUNTS), bool), []
    for block in blocks:
        cut = tokenization.cut(block.texts)
        columns = _columns(cut, block, tokenization)
        known &= np.array([column is not None for column in columns])
        n = len(block.texts)
        parts.append(np.stack([np.zeros(n) if c is None else c for c in columns], 1))
        used.append(np.unique(cut.ids, return_counts=True))
    if not parts:
        return Tally(np.zeros((0, len(COUNTS))), known, *np.zeros((2, 0), np.int64))
    ids, place = np.unique(np.concatenate([i for i, _ in used]), return_inverse=True)
    times = np.bincount(place, np.concatenate([t for _, t in used]), len(ids)).astype(np.int64)
    return Tally(np.concatenate(parts), known, ids, times)


def _columns(cut: Cut, block: Block, tokenization: Tokenization) -> list[np.ndarray | None]:
    """A column a count, in the order of `COUNTS`."""
    n = len(block.texts)
    text_of = np.repeat(np.arange(n), cut.lengths)  # [t]

    def marked(flags: np.ndarray | None) -> np.ndarray | None:
        return None if flags is None else np.bincount(text_of[flags], minlength=n)

    words = block.words
    return [
        np.ones(n),
        cut.lengths,
        np.bincount(block.lines.text_of, minlength=n),
        None if words is None else words.counts,
        None if words is None or cut.begins is None else _continued(cut, block.lines, words),
        marked(cut.unknown),
        marked(cut.partial),
        cut.lost,
        None
        if tokenization.window is None
        else cut.lengths + tokenization.added > tokenization.window,
    ]


def _continued(cut: Cut, lines: Lines, words: Words) -> np.ndarray:
    """`[n]` words of each text inside which a token begins."""
    assert cut.begins is not None
    told = cut.begins >= 0
    at = (np.repeat(lines.starts, cut.lengths) + cut.begins)[told]  # [k] in all characters
    word = words.word_of[at]
    again = np.concatenate([[False], at[1:] == at[:-1]])
    first = (at == 0) | (words.word_of[np.maximum(at - 1, 0)] != word)
    split = np.unique(word[(word >= 0) & (again | ~first)])
    of_word = np.zeros(words.word_of.max(initial=-1) + 1, np.int64)
    inside = words.word_of >= 0
    of_word[words.word_of[inside]] = lines.text_of[inside]
    return np.bincount(of_word[split], minlength=len(cut.lengths))
