"""The k nearest rows by cosine through an index: exact ones, and one that guesses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from isogloss.errors import MissingExtra, UsageError, VectorError
from isogloss.match.inverted import by_lists
from isogloss.match.search import Neighbours, nearest

POINTS = 39  # training vectors a list at least; under that faiss itself warns
MOST_POINTS = 256  # a list; more do not move the centres


def cosine_neighbours(
    x: np.ndarray,
    y: np.ndarray,
    k: int,
    *,
    index: str = "exact",
    seed: int = 0,
    lists: int | None = None,
    probes: int | None = None,
) -> Neighbours:
    """The k rows of `y` nearest to each row of `x` by cosine, through the named index.

    `exact` is `search.nearest`. `flat` is exact too, by faiss: choose by what is faster on the
    machine. `lists` sorts `y` into lists around centres and looks only into the lists whose centres
    are nearest to the query: prefer it where losing a few neighbours in a hundred is worth the
    time. `ivf` does the same by faiss, for queries that come a few at a time. A query whose lists
    hold fewer than k vectors is answered exactly.

    Args:
        x: `[n, d]` unit vectors.
        y: `[m, d]` unit vectors.
        k: neighbours to give.
        index: one of `INDEXES`.
        seed: of the training of `lists` and `ivf`.
        lists: of `lists`, 2 sqrt(m) by default, and of `ivf`, 4 sqrt(m); fewer where one would have
            under 39 vectors.
        probes: lists that are looked through, at least one; a 26th, of `ivf` a 40th.

    Raises:
        UsageError: an index that does not exist; lists or probes that it does not have.
        MissingExtra: faiss is not installed.
        VectorError: different widths, or k over the size of the index.

    Source: Jégou, Douze and Schmid (2011), Product Quantization for Nearest Neighbor Search,
    section 4 (inverted lists); Johnson, Douze and Jégou (2017), Billion-scale Similarity Search.
    """
    if index not in INDEXES:
        raise UsageError(f"no index {index!r}; there is {', '.join(INDEXES)}")
    if index not in GUESSES and (lists or probes):
        raise UsageError(f"lists and probes are settings of lists and ivf; the index is {index}")
    if x.shape[1] != y.shape[1]:
        raise VectorError(f"vectors of widths {x.shape[1]} and {y.shape[1]} have no cosine")
    if not 1 <= k <= len(y):
        raise VectorError(f"k is {k}; the index holds {len(y)} vectors")
    x, y = (np.ascontiguousarray(side, np.float32) for side in (x, y))
    if index in GUESSES:
        chosen = shape(len(y), lists, probes, guess=GUESSES[index])
        return INDEXES[index](x, y, k, seed, *chosen)
    return INDEXES[index](x, y, k)


class Guess(NamedTuple):
    """How an index that guesses is laid out: `factor` sqrt(m) lists, a `share` looked through."""

    factor: float
    share: float


GUESSES = {"lists": Guess(2, 1 / 26), "ivf": Guess(4, 1 / 40)}


def shape(
    m: int, lists: int | None = None, probes: int | None = None, *, guess: Guess = GUESSES["ivf"]
) -> tuple[int, int]:
    """Lists and probes over m vectors.

    Raises:
        UsageError: more lists than vectors, or more probes than lists.
    """
    lists = max(1, min(round(guess.factor * m**0.5), m // POINTS)) if lists is None else lists
    if not 1 <= lists <= m:
        raise UsageError(f"{lists} lists of {m} vectors; there can be 1 to {m}")
    probes = max(1, round(lists * guess.share)) if probes is None else probes
    if not 1 <= probes <= lists:
        raise UsageError(f"{probes} probes of {lists} lists; there can be 1 to {lists}")
    return lists, probes


def _flat(x: np.ndarray, y: np.ndarray, k: int) -> Neighbours:
    made = _faiss().IndexFlatIP(y.shape[1])
    made.add(y)
    return _ask(made, x, y, k)


def _lists(x: np.ndarray, y: np.ndarray, k: int, seed: int, lists: int, probes: int) -> Neighbours:
    return in_order(*by_lists(x, y, k, lists=lists, probes=probes, seed=seed))


def _ivf(x: np.ndarray, y: np.ndarray, k: int, seed: int, lists: int, probes: int) -> Neighbours:
    faiss = _faiss()
    centres = faiss.IndexFlatIP(y.shape[1])
    made = faiss.IndexIVFFlat(centres, y.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
    made.cp.seed = seed
    made.cp.min_points_per_centroid = 1  # a user's own number of lists is not remarked upon
    made.cp.spherical = True
    drawn = np.random.default_rng(seed).permutation(len(y))[: lists * MOST_POINTS]
    made.train(y[np.sort(drawn)])
    made.add(y)
    made.nprobe = probes
    return _ask(made, x, y, k)


def _ask(made: Any, x: np.ndarray, y: np.ndarray, k: int) -> Neighbours:
    scores, ids = made.search(x, k)  # [n, k] each
    short = np.flatnonzero(ids[:, -1] < 0)
    if len(short):
        ids[short], scores[short] = nearest(x, y, k, rows=short)
    return in_order(ids, scores)


def in_order(ids: np.ndarray, scores: np.ndarray, k: int | None = None) -> Neighbours:
    """The k best of each row, all by default, best first; of equal scores the lower id."""
    order = np.lexsort((ids, -scores))[:, :k]
    return Neighbours(np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1))


def _faiss() -> Any:
    try:
        import faiss
    except ImportError:
        raise MissingExtra("faiss-cpu", "faiss", "an index of faiss") from None
    return faiss


INDEXES: dict[str, Callable[..., Neighbours]] = {
    "exact": nearest,
    "lists": _lists,
    "flat": _flat,
    "ivf": _ivf,
}
"""A family: the same question, answered by our own tiles and lists or by an index of faiss."""
