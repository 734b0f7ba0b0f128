"""The check that follows a merge or growth: does the model work, and how near is it to the old."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.encode.folder import ModelFolder
from isogloss.errors import ModelError, VectorError
from isogloss.match.neighbours import unit
from isogloss.progress import Start
from isogloss.score import bootstrap_mean

WORDS = 64  # of the vocabulary, that are read
_LOOKED_AT = 20_000  # whole words, to spread them over


def compare_vectors(
    made: Path, base: ModelFolder, others: Sequence[ModelFolder], start: Start
) -> dict[str, Any]:
    """How near the vectors that a new model gives of some words are to those of each other model.

    Where it gives longer ones, as one that was grown does, their beginnings are compared.

    Returns:
        `words`, how many were read, and for each model the `mean` cosine, its 95% interval `low`
        and `high` over words, and `each`.

    Raises:
        ModelError: the new model cannot be loaded, or gives what is no number.
    """
    advance = start("smoke check", 1 + len(others))
    words = _words(made, base)
    try:
        here = _vectors(made, words)
    except VectorError as error:
        raise ModelError(
            f"the new model gives what is no number: {error.message}",
            file=base.path,
            remedy="take smaller weights or a smaller scale; nothing was kept",
        ) from error
    advance(1)
    found: dict[str, Any] = {}
    for folder in others:
        there = _vectors(folder.path, words)
        if there.shape[1] <= here.shape[1]:
            each = (unit(here[:, : there.shape[1]]) * unit(there)).sum(1)
            interval = bootstrap_mean(each, seed=0)[0]
            found[folder.name] = {
                "mean": interval.value, "low": interval.low, "high": interval.high,
                "each": [round(float(cosine), 6) for cosine in each],
            }  # fmt: skip
        advance(1)
    return {"words": len(words), "cosines": found}


def _words(made: Path, base: ModelFolder) -> list[str]:
    """Whole words spread over the vocabulary; its tokens where it has none."""
    from isogloss.encode import load_encoder
    from isogloss.vocabulary.words import whole_words

    tokenizer = load_encoder(made).reader.tokenizer
    known = whole_words(tokenizer, size=_LOOKED_AT) or sorted(tokenizer.get_vocab())
    if not known:
        raise ModelError("has a tokenizer without tokens", file=base.path)
    return known[:: max(1, len(known) // WORDS)][:WORDS]


def _vectors(path: Path, words: Sequence[str]) -> np.ndarray:
    from isogloss.encode import load_encoder

    return next(iter(load_encoder(path).encode(words, language="und").values())).array
