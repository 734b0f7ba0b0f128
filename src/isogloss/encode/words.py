"""Vectors of the tokens of words in context; a sentence longer than the window is read in parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np


class Split(NamedTuple):
    """The tokens of one sentence of words, special tokens left out.

    Attributes:
        ids: `[t]` token ids.
        words: `[t]` the word each token belongs to, rising.
    """

    ids: np.ndarray
    words: np.ndarray


class Splitter(Protocol):
    """What a tokenizer must do to give words their tokens."""

    def split(self, sentences: Sequence[Sequence[str]]) -> list[Split]:
        """Tokens and the words they belong to."""
        ...

    def frame(self) -> tuple[np.ndarray, np.ndarray]:
        """The special tokens before and after a text."""
        ...


@dataclass(frozen=True, eq=False)
class TokenVectors:
    """The tokens of n sentences, one after the other, at one layer of one model.

    Attributes:
        array: `[t, d]` float32.
        starts: `[n + 1]` where each sentence starts; the last is t.
        words: `[t]` the word of its sentence that a token belongs to.
        lengths: `[n]` words per sentence; one may have no token, such as a lone control character.
        windowed: sentences longer than the model's window, read in overlapping parts.
    """

    array: np.ndarray
    starts: np.ndarray
    words: np.ndarray
    lengths: np.ndarray
    windowed: int = 0

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def sentences(self) -> np.ndarray:
        """`[t]` the sentence that each token belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    @property
    def silent(self) -> int:
        """Words that have no token."""
        spoken = np.unique(np.stack([self.sentences, self.words]), axis=1).shape[1]
        return int(self.lengths.sum()) - spoken


Run = Callable[[list[np.ndarray]], dict[int, np.ndarray]]
"""Token ids of texts, special ones included, to the vectors `[t, d]` of all of them, by layer."""


def word_vectors(
    sentences: Sequence[Sequence[str]], splitter: Splitter, window: int, run: Run
) -> dict[int, TokenVectors]:
    """Vectors of the tokens of every word, by layer, in the caller's order.

    Args:
        sentences: words of each.
        splitter: the model's tokenizer.
        window: tokens the model reads at most, special tokens included.
        run: the forward pass.
    """
    split = splitter.split(sentences)
    before, after = splitter.frame()
    size = window - len(before) - len(after)
    parts = [(i, part) for i, one in enumerate(split) for part in windows(len(one.ids), size)]
    texts = [
        np.concatenate([before, split[i].ids[p.start : p.stop], after]).astype(np.int32)
        for i, p in parts
    ]
    counts = [p.last - p.first for _, p in parts]
    offsets = np.cumsum([0, *(len(text) for text in texts)])  # of each part among all its tokens
    kept = [
        np.arange(at + len(before) + p.first - p.start, at + len(before) + p.last - p.start)
        for at, (_, p) in zip(offsets, parts, strict=False)
    ]
    rows = np.concatenate([np.empty(0, np.int64), *kept])
    starts = np.zeros(len(split) + 1, np.int64)
    np.add.at(starts, np.array([i for i, _ in parts], np.int64) + 1, counts)
    return {
        layer: TokenVectors(
            array=array[rows],
            starts=starts.cumsum(),
            words=np.concatenate([np.empty(0, np.int64), *(one.words for one in split)]),
            lengths=np.array([len(words) for words in sentences], np.int64),
            windowed=sum(len(one.ids) > size for one in split),
        )
        for layer, array in run(texts).items()
    }


class Window(NamedTuple):
    """Tokens `start` to `stop` are read together; the vectors of `first` to `last` are kept."""

    start: int
    stop: int
    first: int
    last: int


def windows(total: int, size: int) -> list[Window]:
    """Windows of `size` over `total` tokens, half overlapping; each token is kept once.

    It is kept from the window in whose middle it is: cut at the middle of every overlap, no kept
    token has less than a quarter of a window of context on the side where the text goes on.
    """
    if total <= size:
        return [Window(0, total, 0, total)] if total else []
    starts = [*range(0, total - size, max(1, size // 2)), total - size]
    cuts = [0, *((late + early + size) // 2 for early, late in pairwise(starts)), total]
    return [
        Window(start, start + size, first, last)
        for start, (first, last) in zip(starts, pairwise(cuts), strict=True)
    ]
