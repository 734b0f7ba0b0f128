"""Cosines between two sets of vectors, in tiles, and the best of them: never an n x n matrix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

TILE_BYTES = 64 * 2**20
COLUMNS = 4096  # of a product at a time: more no longer stay in the cache


@dataclass(frozen=True)
class PairStatistics:
    """What retrieval, margins and MEXA need to know about the cosines of n translations.

    Attributes:
        matched: `[n]` cosine of each translation pair.
        best_other_right: `[n]` largest cosine of x_i with any y_j, j != i.
        best_other_left: `[n]` largest cosine of y_i with any x_j, j != i.
        mean_other: `[n]` mean cosine of x_i with all y_j, j != i.
        near_right: `[n]` mean cosine of x_i with its k nearest y.
        near_left: `[n]` mean cosine of y_i with its k nearest x.
    """

    matched: np.ndarray
    best_other_right: np.ndarray
    best_other_left: np.ndarray
    mean_other: np.ndarray
    near_right: np.ndarray
    near_left: np.ndarray


def unit(array: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1, float32; a zero row stays zero."""
    array = np.asarray(array, np.float32)
    return array / np.maximum(np.linalg.norm(array, axis=1, keepdims=True), 1e-12)


def pair_statistics(x: np.ndarray, y: np.ndarray, *, k: int = 4, tile: int = 0) -> PairStatistics:
    """One pass over the cosines of unit vectors `x` `[n, d]` with their translations `y` `[n, d]`.

    Args:
        x: unit vectors of one language.
        y: unit vectors of the other, row i the translation of row i.
        k: neighbours of the margin; at most n.
        tile: rows in a tile; by default as many as fit 64 MiB.
    """
    n = len(x)
    k = min(k, n)
    matched = np.empty(n, np.float32)
    right, mean, near_right = (np.empty(n, np.float32) for _ in range(3))
    left = np.full(n, -np.inf, np.float32)
    top = np.full((k, n), -np.inf, np.float32)  # k best of every column so far
    total = y.sum(0, dtype=np.float64)  # [d]
    for rows, scores in tiles(x, y, tile):  # [t, n]
        near_right[rows] = k_largest_mean(scores, k)
        top = _k_rows(np.concatenate([top, scores]), k)
        own = (np.arange(len(scores)), np.arange(rows.start, rows.stop))
        matched[rows] = scores[own]
        mean[rows] = (x[rows] @ total - scores[own]) / max(n - 1, 1)
        scores[own] = -np.inf
        right[rows] = scores.max(1)
        np.maximum(left, scores.max(0), out=left)
    return PairStatistics(matched, right, left, mean, near_right, top.mean(0))


def margin_hits(
    x: np.ndarray, y: np.ndarray, statistics: PairStatistics, *, tile: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each translation has the single largest ratio margin, from x to y and from y to x.

    margin(x, y) = cos(x, y) / ((near(x) + near(y)) / 2), near being the mean cosine with the k
    nearest neighbours on the other side.

    Returns:
        `[n]` and `[n]` booleans.

    Source: Artetxe and Schwenk (2019), Margin-based Parallel Corpus Mining, equation 2, ratio.
    """
    n = len(x)
    best_right = np.empty(n, np.float32)
    best_left = np.full(n, -np.inf, np.float32)
    matched = np.empty(n, np.float32)
    for rows, scores in tiles(x, y, tile):  # [t, n]
        ratio_margin(scores, statistics.near_right[rows, None], statistics.near_left)
        own = (np.arange(len(scores)), np.arange(rows.start, rows.stop))
        matched[rows] = scores[own]
        scores[own] = -np.inf
        best_right[rows] = scores.max(1)
        np.maximum(best_left, scores.max(0), out=best_left)
    return matched > best_right, matched > best_left


def ratio_margin(cosines: np.ndarray, of_x: np.ndarray, of_y: np.ndarray) -> np.ndarray:
    """cos(x, y) / ((r(x) + r(y)) / 2), in the place of the cosines."""
    cosines /= (of_x + of_y) / 2
    return cosines


def tiles(
    x: np.ndarray, y: np.ndarray, tile: int = 0, *, shift: np.ndarray | None = None
) -> Iterator[tuple[slice, np.ndarray]]:
    """Slices of rows of x with their products with all of y, x y^T + shift `[t, m]`.

    The array is the caller's to change until the next one is asked for, which takes its place.
    Beside it there is one copy of `y`, laid out for the processor.

    Args:
        x: `[n, d]`.
        y: `[m, d]`.
        tile: rows in a tile; by default as many as fit 64 MiB.
        shift: `[m]` added to every row.
    """
    import torch

    from isogloss.encode.products import affine

    size = min(tile or max(1, TILE_BYTES // (4 * max(len(y), 1))), max(len(x), 1))
    x, blocks = np.ascontiguousarray(x, np.float32), range(0, len(y), COLUMNS)
    with torch.inference_mode():
        products = [
            affine((_tensor(y[at : at + COLUMNS]), _tensor(shift, slice(at, at + COLUMNS))))
            for at in blocks
        ]
        room = torch.empty(size, len(y))
    for start in range(0, len(x), size):
        rows = slice(start, min(start + size, len(x)))
        scores = room[: rows.stop - start]
        with torch.inference_mode():
            part = torch.from_numpy(x[rows])
            for at, product in zip(blocks, products, strict=True):
                scores[:, at : at + COLUMNS] = product(part)
        yield rows, scores.numpy()


def k_largest(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns and values of the k largest of each row, best first, lower columns before equals.

    Args:
        scores: `[t, m]` float32.
        k: at most m.

    Returns:
        `[t, k]` columns and `[t, k]` values.
    """
    import torch

    if k == 1:
        ids = scores.argmax(1)[:, None]
        return ids, np.take_along_axis(scores, ids, 1)
    with torch.inference_mode():
        found, ids, maxima = _candidates(torch.from_numpy(scores), k)
        values, at = found.topk(k)
        floor = values[:, -1:]
        tied = ((maxima >= floor).sum(1) > k) | ((found >= floor).sum(1) > k)
        ids, order = ids.gather(1, at).sort(1)  # by column first: the next sort keeps that order
        values, order = values.gather(1, order).sort(dim=1, descending=True, stable=True)
        columns = ids.gather(1, order).numpy()
    for row in np.flatnonzero(tied.numpy()):  # which of equals is last depends on all of the row
        inside = np.flatnonzero(scores[row] >= floor[row, 0].item())
        columns[row] = inside[np.argsort(-scores[row, inside], kind="stable")[:k]]
    return columns, values.numpy()


def k_largest_mean(scores: np.ndarray, k: int) -> np.ndarray:
    """The mean of the k largest of each row of `[t, m]`: `[t]`."""
    import torch

    with torch.inference_mode():
        return _candidates(torch.from_numpy(scores), k)[0].topk(k).values.mean(1).numpy()


def _candidates(scores, k: int):
    """Values `[t, c]` and columns of few that hold the k largest, and the maxima of their blocks.

    The k largest lie in the k blocks with the largest maxima, so that one pass of maxima replaces
    a search through whole rows. A block is every `count`-th column: its maximum is then a maximum
    of whole stretches of memory, and neighbours in the text, often alike, fall to different blocks.
    """
    import torch

    t, m = scores.shape
    width = round((m / k) ** 0.5)  # as many maxima to search as columns of the k best blocks
    count = m // width
    if width < 4:
        return scores, torch.arange(m).expand(t, m), scores
    blocks = scores[:, : count * width].view(t, width, count)
    maxima = blocks.amax(1)  # [t, count]
    best = maxima.topk(k).indices[:, None].expand(t, width, k)
    values = blocks.gather(2, best).reshape(t, -1)
    ids = (best + count * torch.arange(width)[:, None]).reshape(t, -1)
    rest = torch.arange(count * width, m).expand(t, -1)
    return torch.cat([values, scores[:, count * width :]], 1), torch.cat([ids, rest], 1), maxima


def _tensor(array: np.ndarray | None, part: slice = slice(None)):
    import torch

    if array is None:
        return None
    return torch.from_numpy(np.ascontiguousarray(array[part], np.float32))


def _k_rows(scores: np.ndarray, k: int) -> np.ndarray:
    """The k largest of each column, in no order: `[k, m]`."""
    size = len(scores)
    return scores if k >= size else np.partition(scores, size - k, axis=0)[size - k :]
