"""Texts as one run of characters, so that what is asked of each character is asked of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from isogloss.errors import UsageError
from isogloss.language.segment import UNSPACED

Segmenter = Callable[[str], Sequence[str]]
"""From a text to its words, in order."""

_SPACE = np.array([chr(code).isspace() for code in range(0x3001)] + [False])


class Lines(NamedTuple):
    """n texts and their c characters, text after text.

    Attributes:
        starts: `[n]` characters before each text.
        text_of: `[c]` the text of each character.
        space: `[c]` whether it is white space.
    """

    starts: np.ndarray
    text_of: np.ndarray
    space: np.ndarray


class Words(NamedTuple):
    """Where the words of texts are.

    Attributes:
        counts: `[n]` words a text.
        word_of: `[c]` the word of each character, counted over all texts; -1 between words.
    """

    counts: np.ndarray
    word_of: np.ndarray


def read_lines(texts: Sequence[str]) -> Lines:
    """The characters of texts, and which of them are white space as `str.split` knows it."""
    sizes = np.array([len(text) for text in texts], np.int64)
    characters = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    space = _SPACE[np.minimum(characters, len(_SPACE) - 1)]
    return Lines(np.cumsum(sizes) - sizes, np.repeat(np.arange(len(texts)), sizes), space)


def find_words(
    texts: Sequence[str], lines: Lines, script: str, segmenter: Segmenter | None = None
) -> Words | None:
    """The words of texts; None in a script that puts no space between them.

    Args:
        texts: the texts.
        lines: what `read_lines` makes of them.
        script: ISO 15924 code.
        segmenter: finds the words in place of white space, in any script.

    Raises:
        UsageError: the segmenter gives something that is not in the text.
    """
    if segmenter is not None:
        begins, inside = _segmented(texts, lines, segmenter)
    elif script in UNSPACED:
        return None
    else:
        inside = ~lines.space
        before = np.concatenate([[False], inside[:-1]])
        before[lines.starts[lines.starts < len(before)]] = False
        begins = inside & ~before
    word_of = np.where(inside, begins.cumsum() - 1, -1)
    return Words(np.bincount(lines.text_of[begins], minlength=len(texts)), word_of)


def _segmented(
    texts: Sequence[str], lines: Lines, segmenter: Segmenter
) -> tuple[np.ndarray, np.ndarray]:
    """Of every character, whether it begins a word and whether it is in one."""
    begins, inside = np.zeros(len(lines.space), bool), np.zeros(len(lines.space), bool)
    for text, start in zip(texts, lines.starts, strict=True):
        end = 0
        for word in filter(str.strip, segmenter(text)):
            at = text.find(word, end)
            if at < 0:
                raise UsageError(
                    f"the segmenter gave {word!r}, which is not in the rest of {text[end:]!r}",
                    remedy="its words must be parts of the text, in order",
                )
            end = at + len(word)
            begins[start + at], inside[start + at : start + end] = True, True
    return begins, inside
