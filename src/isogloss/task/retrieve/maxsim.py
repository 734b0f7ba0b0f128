"""MaxSim: how well the tokens of a query find themselves in a passage."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from isogloss.errors import VectorError

LEAST = -1.0
"""The cosine of a token with a passage of no token."""
BYTES = 64 * 2**20  # of cosines that are held together
FEW = 256  # tokens of queries under which runs of tokens are cheaper than groups of like length


class Tokens(NamedTuple):
    """The tokens of n texts, one after the other.

    Attributes:
        array: `[t, p]` float32 unit vectors.
        lengths: `[n]` tokens of each text.
        windowed: texts over the encoder's window, read in overlapping parts.
    """

    array: np.ndarray
    lengths: np.ndarray
    windowed: int = 0

    @property
    def starts(self) -> np.ndarray:
        """`[n]` where each text begins."""
        return np.cumsum(self.lengths) - self.lengths

    def take(self, texts: np.ndarray) -> Tokens:
        """The tokens of these texts, in this order."""
        return Tokens(self.array[runs(self.starts[texts], self.lengths[texts])],
                      self.lengths[texts])  # fmt: skip


def runs(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """`[sum of lengths]` numbers start, start + 1 ... of each run, one run after the other."""
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))


def maxsim(queries: Tokens, passages: Tokens) -> np.ndarray:
    """sum_t max_u q_t . d_u for every query and passage `[q, n]`, exact.

    A token of a query has cosine -1 with a passage of no token. Passages of equal length are
    reduced together, and only real tokens are multiplied, in blocks of one shape. With few query
    tokens, as in rescoring, runs of tokens are reduced where they are.

    Raises:
        VectorError: other widths.

    Source: Khattab and Zaharia (2020), ColBERT, section 3.3.
    """
    if queries.array.shape[1] != passages.array.shape[1]:
        raise VectorError(
            f"token vectors of widths {queries.array.shape[1]} and {passages.array.shape[1]} have "
            "no cosine", remedy="project both with the same projection",
        )  # fmt: skip
    if not len(queries.array) or not len(passages.array):
        least = LEAST * queries.lengths[:, None].astype(np.float32)
        return np.repeat(least, len(passages.lengths), 1)
    best = _few if len(queries.array) <= FEW else _many
    return _by_query(best(queries.array, passages), queries.lengths)


def maxsim_plain(queries: Tokens, passages: Tokens) -> np.ndarray:
    """The same, by three loops: what the fast one has to equal."""
    found = np.zeros((len(queries.lengths), len(passages.lengths)))
    for i, query in enumerate(texts_of(queries)):
        for j, passage in enumerate(texts_of(passages)):
            for token in query:
                found[i, j] += max((float(token @ other) for other in passage), default=LEAST)
    return found


def texts_of(tokens: Tokens) -> list[np.ndarray]:
    """`[t, p]` of each text."""
    return np.split(tokens.array, np.cumsum(tokens.lengths)[:-1])


def _few(asked: np.ndarray, passages: Tokens) -> np.ndarray:
    """The best cosine `[t, n]` of tokens `[t, p]` in each passage."""
    best = np.full((len(asked), len(passages.lengths)), LEAST, np.float32)
    there = np.flatnonzero(passages.lengths)
    starts = np.append(passages.starts[there], len(passages.array))
    size = max(1, BYTES // (4 * len(asked)))
    for a, b in _blocks(passages.lengths[there], size):
        cosines = asked @ passages.array[starts[a] : starts[b]].T  # [t, u]
        best[:, there[a:b]] = np.maximum.reduceat(cosines, starts[a:b] - starts[a], axis=1)
    return best


def _many(asked: np.ndarray, passages: Tokens) -> np.ndarray:
    import torch

    from isogloss.encode.products import affine

    best = np.full((len(asked), len(passages.lengths)), LEAST, np.float32)
    order = np.argsort(passages.lengths, kind="stable")
    order = order[passages.lengths[order] > 0]
    lengths = passages.lengths[order]
    size = max(int(lengths[-1]), BYTES // (4 * len(asked)))
    room = torch.zeros(min(size, len(passages.array)), asked.shape[1])
    with torch.inference_mode():
        product = affine((torch.from_numpy(np.ascontiguousarray(asked)), None))
        for a, b in _blocks(lengths, len(room)):
            tokens = passages.take(order[a:b]).array
            room[: len(tokens)] = torch.from_numpy(tokens)
            cosines = product(room)  # one shape: another has to be compiled
            at = 0
            for rows, length in _groups(lengths[a:b]):
                many = (rows.stop - rows.start) * length
                group = cosines[at : at + many].view(-1, length, len(asked))
                best[:, order[a:b][rows]] = group.amax(1).T.numpy()
                at += many
    return best


def _by_query(best: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Sums of rows `[t, n]` over the tokens of each query: `[q, n]`."""
    found = np.zeros((len(lengths), best.shape[1]), np.float32)
    there = np.flatnonzero(lengths)
    starts = (np.cumsum(lengths) - lengths)[there]
    found[there] = np.add.reduceat(best, starts, axis=0)
    return found


def _blocks(lengths: np.ndarray, size: int) -> list[tuple[int, int]]:
    """Runs of texts with at most `size` tokens together, and one text at least."""
    ends, cuts = np.cumsum(lengths), [0]
    while cuts[-1] < len(lengths):
        before = int(ends[cuts[-1] - 1]) if cuts[-1] else 0
        last = int(np.searchsorted(ends, before + size, side="right"))
        cuts.append(max(last, cuts[-1] + 1))
    return list(pairwise(cuts))


def _groups(lengths: np.ndarray) -> list[tuple[slice, int]]:
    """Runs of equal length, and the length."""
    cuts: Sequence[int] = [0, *(np.flatnonzero(np.diff(lengths)) + 1).tolist(), len(lengths)]
    return [(slice(a, b), int(lengths[a])) for a, b in pairwise(cuts)]
