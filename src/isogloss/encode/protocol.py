"""What every encoder offers, whatever it reads."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from isogloss.encode.vectors import Vectors
from isogloss.encode.words import TokenVectors

Progress = Callable[[int], None]
"""Called with the number of texts just finished."""


class Reader(NamedTuple):
    """How an encoder cuts texts into tokens, for whoever looks at its tokens.

    Attributes:
        tokenizer: a `tokenizers.Tokenizer` that neither truncates nor pads; or, where there is
            none that gives the same tokens, a tokenizer of transformers written in Python.
        unknown: the id of the unknown token, if there is one.
        window: tokens the encoder reads at most, special tokens included.
        added: special tokens it puts around a text.
        lower: whether texts are lower-cased first.
    """

    tokenizer: Any
    unknown: int | None
    window: int
    added: int
    lower: bool = False


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

    @property
    def reader(self) -> Reader:
        """How it cuts texts into tokens."""
        ...

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


def differs_by_language(encoder: Any) -> bool:
    """Whether an encoder may give the same text other vectors in another language."""
    asked = getattr(encoder, "encode_words", None)
    return asked is not None and "language" in inspect.signature(asked).parameters
