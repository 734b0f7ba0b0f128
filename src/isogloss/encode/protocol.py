"""What every encoder offers, whatever it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from isogloss.encode.vectors import Vectors
from isogloss.encode.words import TokenVectors

Progress = Callable[[int], None]
"""Called with the number of texts just finished."""


class Tokenized(NamedTuple):
    """What the tokenizer made of each text, before any truncation, special tokens left out.

    Attributes:
        tokens: `[n]` tokens per text.
        words: `[n]` words per text, as the tokenizer's own pre-tokenizer splits it.
        unknown: `[n]` unknown tokens per text.
        over_window: `[n]` whether the text with its special tokens is longer than the window.
    """

    tokens: np.ndarray
    words: np.ndarray
    unknown: np.ndarray
    over_window: np.ndarray


class Encoder(Protocol):
    """Texts to vectors.

    Attributes:
        name: as the user gave it.
        fingerprint: 16 hex digits over weights and tokenizer.
        layers: the layers it has; 0 is the embedding layer, the last is the default.
        window: tokens it reads at most, special tokens included.
        pooling: its default pooling.
        licence: as its model card states it, or None.
    """

    name: str
    fingerprint: str
    layers: tuple[int, ...]
    window: int
    pooling: str
    licence: str | None

    def encode(
        self,
        texts: Sequence[str | None],
        *,
        language: str,
        layers: Sequence[int] | None = None,
        pooling: str | None = None,
        strict: bool = False,
        progress: Progress | None = None,
    ) -> dict[int, Vectors]:
        """Vectors per layer, in the caller's order; missing texts (None) have no row."""
        ...

    def encode_words(
        self, sentences: Sequence[Sequence[str]], *, layers: Sequence[int] | None = None
    ) -> dict[int, TokenVectors]:
        """Vectors of the tokens of words in context, per layer, for word alignment.

        Sentences over the window are read in overlapping parts; nothing is cut.
        """
        ...

    def tokenize(self, texts: Sequence[str]) -> Tokenized:
        """Counts that the tokenizer audit needs."""
        ...
