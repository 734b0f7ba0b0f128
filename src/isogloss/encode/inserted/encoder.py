"""A transformer with modules put into it, as training left them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from isogloss.encode.folder import ModelFolder
from isogloss.encode.inserted.files import load_parts
from isogloss.encode.inserted.now import Now
from isogloss.encode.padded import PaddedForward
from isogloss.encode.protocol import Progress
from isogloss.encode.transformer import Forward, TransformerEncoder, check_fast
from isogloss.encode.vectors import Vectors
from isogloss.encode.weights import load_body
from isogloss.encode.words import TokenVectors
from isogloss.registry import register


@register("encoder", "inserted.v1")
class InsertedEncoder(TransformerEncoder):
    """`TransformerEncoder` whose body has modules in it; some of them differ by language.

    Args:
        folder: the opened model folder, with `inserted.json` and `inserted.safetensors`.
        fast: see `load_encoder`.

    Raises:
        ModelError: the folder cannot be loaded, or the modules are for another body.
    """

    def __init__(self, folder: ModelFolder, *, fast: str = "auto") -> None:
        self._now = Now()
        super().__init__(folder, fast=fast)

    def _open(self, folder: ModelFolder, fast: str) -> Forward:
        check_fast(fast)
        body = load_body(folder)
        # First what is put in, as copies of maps that were made faster would share their weights.
        _, modules = load_parts(folder.body, body, self._now)
        modules.eval()
        body.register_forward_pre_hook(self._see, with_kwargs=True)
        return PaddedForward(body, fast=fast == "auto")

    def _see(self, body: Any, inputs: Any, given: dict[str, Any]) -> None:
        self._now.mask = given["attention_mask"].bool()

    def _speak(self, language: str | None) -> None:
        self._now.languages = () if language is None else (language,)
        self._now.language = None if language is None else torch.zeros(1, dtype=torch.long)

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
        """Vectors per layer, see `Encoder`.

        Raises:
            UsageError: a language that the body has no module for; no such layer or pooling.
        """
        self._speak(language)
        return super().encode(
            texts, language=language, layers=layers, pooling=pooling, strict=strict,
            progress=progress,
        )  # fmt: skip

    def encode_ids(
        self,
        ids: Sequence[np.ndarray],
        *,
        language: str,
        layers: Sequence[int] | None = None,
        pooling: str = "mean",
    ) -> dict[int, np.ndarray]:
        """Pooled `[n, d]` per layer of token ids, see `TransformerEncoder`.

        Raises:
            UsageError: a language that the body has no module for; no such layer or pooling.
        """
        self._speak(language)
        return super().encode_ids(ids, language=language, layers=layers, pooling=pooling)

    def encode_words(
        self,
        sentences: Sequence[Sequence[str]],
        *,
        layers: Sequence[int] | None = None,
        language: str | None = None,
    ) -> dict[int, TokenVectors]:
        """Vectors of the tokens of words in context, see `Encoder`.

        Raises:
            UsageError: modules differ by language, and none is given.
        """
        self._speak(language)
        return super().encode_words(sentences, layers=layers)
