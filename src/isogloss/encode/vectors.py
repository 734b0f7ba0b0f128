"""Vectors: an array that knows where it came from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from isogloss.errors import VectorError


@dataclass(frozen=True, eq=False)
class Vectors:
    """One vector a text, at one layer of one model.

    Attributes:
        array: `[n, d]` float32; row i belongs to corpus row `rows[i]`.
        rows: `[n]` the rows of the corpus that have a text; the others were missing.
        total: number of rows of the corpus, missing ones included.
        layer: 0 is the embedding layer.
        pooling: how token vectors became one vector.
        language: canonical tag.
        tokens: `[n]` tokens per text before truncation, special tokens included.
        truncated: how many texts were cut to the model's window.
        model_fingerprint: names the weights and the tokenizer.
        corpus_fingerprint: names the texts.
    """

    array: np.ndarray
    rows: np.ndarray
    total: int
    layer: int
    pooling: str
    language: str
    tokens: np.ndarray
    truncated: int
    model_fingerprint: str
    corpus_fingerprint: str

    def __len__(self) -> int:
        return len(self.array)

    def __repr__(self) -> str:
        n, d = self.array.shape
        return f"Vectors({self.language}, layer {self.layer}, {self.pooling}, [{n}, {d}])"

    def with_array(self, array: np.ndarray) -> Vectors:
        """The same provenance with another array of as many rows."""
        if len(array) != len(self.array):
            raise VectorError(f"{len(array)} rows cannot replace {len(self.array)}")
        return replace(self, array=array)


def pair_rows(left: Vectors, right: Vectors) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
    """Where both have a vector: indices into `left`, into `right`, and what was dropped.

    Returns:
        `[m]` and `[m]` indices such that `left.array[i]` and `right.array[j]` are translations,
        and counts of rows left out by reason.

    Raises:
        VectorError: the two come from corpora of different sizes.
    """
    if left.total != right.total:
        raise VectorError(
            f"{left.language} has {left.total} rows and {right.language} {right.total}: "
            "not the same corpus"
        )
    _, i, j = np.intersect1d(left.rows, right.rows, assume_unique=True, return_indices=True)
    dropped = {}
    if missing := left.total - len(i):
        dropped["missing in one language"] = int(missing)
    return i, j, dropped


def check_finite(array: np.ndarray, what: str) -> None:
    """Refuse vectors that are not numbers.

    Raises:
        VectorError: NaN or infinity, with the first row that has one.
    """
    bad = ~np.isfinite(array).all(axis=-1)
    if bad.any():
        raise VectorError(
            f"{what}: {int(bad.sum())} of {len(array)} vectors hold NaN or infinity, "
            f"the first in row {int(np.argmax(bad))}",
            remedy="the model's weights are probably damaged; check them or use float32",
        )
