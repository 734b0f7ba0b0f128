"""A transformer whose tokenizer has a fallback: words it does not cover are read as pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from isogloss.encode.fallback_words import Coverage, FallbackTokenizer
from isogloss.encode.folder import ModelFolder
from isogloss.encode.pixel_network import FallbackNetwork, load_fallback, word_rows
from isogloss.encode.pixels import Renderer
from isogloss.encode.tokens import RustTokenizer
from isogloss.encode.transformer import Forward, TransformerEncoder
from isogloss.errors import ModelError
from isogloss.registry import register


@register("encoder", "pixel_fallback.v1")
class PixelFallbackEncoder(TransformerEncoder):
    """`TransformerEncoder` over the rows of covered words' tokens and one row a word of the others.

    A word is drawn and read by the network once, however often it stands in texts; its row depends
    on the word alone. Where every word is covered, vectors are those of the model without fallback.

    Args:
        folder: the opened model folder, with what `save_fallback` wrote.
        fast: see `load_encoder`.

    Raises:
        ModelError: the folder cannot be loaded, a font is not here, or there is no fast tokenizer.
        MissingExtra: Pillow is not installed.

    Source: Lotz, Salesky, Rust and Elliott (2025), Overcoming Vocabulary Constraints with
    Pixel-level Fallback.
    """

    def __init__(self, folder: ModelFolder, *, fast: str = "auto") -> None:
        super().__init__(folder, fast=fast)
        if not isinstance(self._tokenizer, RustTokenizer):
            raise ModelError("a fallback needs a fast tokenizer", file=folder.body)
        network, renderer, rule = load_fallback(folder.path)
        size, columns = self._forward.table.shape
        if network.shape.columns != columns:
            raise ModelError(
                f"rows of {network.shape.columns} columns for a table of {columns}",
                file=folder.path,
            )
        words = FallbackTokenizer(self._tokenizer, rule, renderer.lacking, size)
        self._words, self._tokenizer = words, words
        self._forward = _WithWords(self._forward, words, network, renderer)

    def coverage(self, texts: Sequence[str | None]) -> Coverage:
        """How many words of some texts are drawn, and which cannot be."""
        there = [self._prepare(text) for text in texts if text is not None]
        return self._words.coverage(there)


class _WithWords:
    """A forward pass whose table goes on with the rows of the words met so far."""

    def __init__(
        self,
        forward: Forward,
        tokenizer: FallbackTokenizer,
        network: FallbackNetwork,
        renderer: Renderer,
    ) -> None:
        self._forward, self._tokenizer = forward, tokenizer
        self._network, self._renderer = network, renderer
        self.layers, self.width = forward.layers, forward.width
        self.table = forward.table
        self._read, self._rows = tokenizer.words, torch.zeros(0, self.table.shape[1])

    def __call__(
        self, ids: list[np.ndarray], layers: Sequence[int], pooling: str
    ) -> dict[int, np.ndarray]:
        """Pooled `[b, d]`, or `[t, d]`, per layer."""
        words = self._tokenizer.words
        if words is not self._read:  # the tokenizer began anew
            self._read, self._rows = words, self._rows[:0]
        if len(words) > len(self._rows):
            new = list(words)[len(self._rows) :]
            made = word_rows(self._network, self._renderer, new)
            self._rows = torch.cat([self._rows, made])
            self._forward.table = torch.cat([self.table, self._rows])
        return self._forward(ids, layers, pooling)
