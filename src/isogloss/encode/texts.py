"""What every text encoder does around its network: missing rows, cutting, order, checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from isogloss.encode.vectors import Vectors, check_finite
from isogloss.errors import TruncationError, UsageError
from isogloss.files import fingerprint_texts


class Present(NamedTuple):
    """The texts that are there.

    Attributes:
        rows: `[n]` their rows.
        texts: the texts themselves.
        total: number of rows, missing ones included.
        fingerprint: names all rows.
    """

    rows: np.ndarray
    texts: list[str]
    total: int
    fingerprint: str


def present(texts: Sequence[str | None]) -> Present:
    """The texts that are not None, with their rows."""
    rows = np.array([i for i, text in enumerate(texts) if text is not None], np.int64)  # [n]
    kept = [text for text in texts if text is not None]
    return Present(rows, kept, len(texts), fingerprint_texts(texts))


def choose_layers(
    wanted: Sequence[int] | None, available: tuple[int, ...], name: str
) -> tuple[int, ...]:
    """The wanted layers, or the last; a negative number counts from the end.

    Raises:
        UsageError: the model has no such layer.
    """
    if wanted is None:
        return (available[-1],)
    chosen = []
    for layer in wanted:
        if not -len(available) <= layer < len(available):
            raise UsageError(
                f"{name} has no layer {layer}",
                remedy=f"its layers are {available[0]} to {available[-1]}",
            )
        chosen.append(available[layer])
    return tuple(dict.fromkeys(chosen))


def check_window(tokens: np.ndarray, rows: np.ndarray, window: int, language: str) -> None:
    """Refuse texts over the window, for strict mode.

    Raises:
        TruncationError: how many texts are too long, and the first rows.
    """
    long = rows[tokens > window]
    if len(long):
        shown = ", ".join(str(row) for row in long[:10]) + (" ..." if len(long) > 10 else "")
        raise TruncationError(
            f"{language}: {len(long)} of {len(rows)} texts are longer than the model's window of "
            f"{window} tokens (rows {shown}, counted from 0)",
            remedy="shorten or split these texts, or leave out --strict to cut and count them",
        )


class About(NamedTuple):
    """Where vectors come from: the fields of `Vectors` that all layers share."""

    pooling: str
    language: str
    tokens: np.ndarray
    window: int
    model_fingerprint: str


def assemble(arrays: dict[int, np.ndarray], there: Present, about: About) -> dict[int, Vectors]:
    """Vectors per layer, checked.

    Raises:
        VectorError: an array holds NaN or infinity.
    """
    truncated = int((about.tokens > about.window).sum())
    found = {}
    for layer, array in arrays.items():
        check_finite(array, f"{about.language}, layer {layer}")
        found[layer] = Vectors(
            array=array,
            rows=there.rows,
            total=there.total,
            layer=layer,
            pooling=about.pooling,
            language=about.language,
            tokens=about.tokens,
            truncated=truncated,
            model_fingerprint=about.model_fingerprint,
            corpus_fingerprint=there.fingerprint,
        )
    return found
