"""Similarities of the tokens of many sentence pairs, padded to one array."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

PADDING = -1.0  # where there is no token: below every similarity


class Grid(NamedTuple):
    """Token similarities of b sentence pairs.

    Attributes:
        similarity: `[b, m, n]` float32, (1 + cos) / 2, -1 where a sentence has ended.
        norms: lengths `[b, m]` and `[b, n]` of the token vectors, 0 where a sentence has ended.
    """

    similarity: np.ndarray
    norms: tuple[np.ndarray, np.ndarray]

    @property
    def real(self) -> np.ndarray:
        """`[b, m, n]` whether both tokens are there."""
        return self.similarity > PADDING

    @property
    def dots(self) -> np.ndarray:
        """`[b, m, n]` dot products, -inf where a sentence has ended."""
        cosine = 2 * self.similarity - 1
        made = cosine * self.norms[0][:, :, None] * self.norms[1][:, None, :]
        return np.where(self.real, made, -np.inf)


def make_grid(
    x: np.ndarray, y: np.ndarray, lengths: tuple[np.ndarray, np.ndarray], distortion: float = 0.0
) -> Grid:
    """The grid of padded token vectors.

    Args:
        x: `[b, m, d]` float32.
        y: `[b, n, d]` float32.
        lengths: `[b]` and `[b]` tokens of each sentence, at least 1.
        distortion: how much a link between token i of m and j of n loses for being far from the
            diagonal: the similarity is multiplied by 1 - distortion (i/(m-1) - j/(n-1))^2.

    Source: distortion: Sabet et al. (2020), SimAlign, section 3.4.
    """
    import torch

    norms = tuple(np.linalg.norm(side, axis=2) for side in (x, y))
    units = (
        torch.from_numpy(side / np.maximum(norm, 1e-12)[:, :, None])
        for side, norm in zip((x, y), norms, strict=True)
    )
    cosine = torch.bmm(next(units), next(units).transpose(1, 2)).numpy()  # [b, m, n]
    similarity = np.clip((cosine + 1) / 2, 0, 1)
    if distortion:
        similarity *= 1 - distortion * _off_diagonal(lengths, similarity.shape[1:]) ** 2
    ended = [
        np.arange(size) >= length[:, None]
        for size, length in zip(similarity.shape[1:], lengths, strict=True)
    ]
    similarity[ended[0][:, :, None] | ended[1][:, None, :]] = PADDING
    for norm, end in zip(norms, ended, strict=True):
        norm[end] = 0
    return Grid(similarity, (norms[0], norms[1]))


def _off_diagonal(lengths: tuple[np.ndarray, np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """`[b, m, n]` i/(m-1) - j/(n-1); 0 for a sentence of one token, which has no diagonal."""
    row, column = (
        np.arange(size) / np.maximum(length - 1, 1)[:, None]
        for size, length in zip(shape, lengths, strict=True)
    )
    short = (lengths[0] < 2) | (lengths[1] < 2)
    return np.where(short[:, None, None], 0, row[:, :, None] - column[:, None, :]).astype(
        np.float32
    )
