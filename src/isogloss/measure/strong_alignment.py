"""Strong alignment: do translations rank above everything else in a pool of all languages?"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from isogloss.encode.vectors import Vectors
from isogloss.errors import UsageError, VectorError
from isogloss.match.neighbours import tiles, unit
from isogloss.measure.clustered import clustered_mean
from isogloss.measure.nway import Side, sides
from isogloss.score import Interval, Score, Scores, bootstrap_mean

NAMES = ("strong_alignment_map", "weak_alignment_map", "language_bias")


class _Pool(NamedTuple):
    """All candidates of all languages.

    Attributes:
        units: `[p, d]` unit vectors, one language after the other.
        blocks: the slice of each language.
        places: `[L, total]` where a language's candidate of a row is; -1 where it has none.
    """

    units: np.ndarray
    blocks: list[slice]
    places: np.ndarray


class _Asked(NamedTuple):
    """What one query language may find; m of its queries at a time.

    Attributes:
        gold: `[m, L]` places of the translations, -1 where there is none.
        hidden: `[m]` place of what is no candidate for a query, -1 if there is none.
        block: slice of the candidates of its own language.
    """

    gold: np.ndarray
    hidden: np.ndarray
    block: slice


def strong_alignment(
    queries: Mapping[str, Vectors | np.ndarray],
    candidates: Mapping[str, Vectors | np.ndarray] | None = None,
    *,
    own: bool = True,
    k: int = 10,
    seed: int = 0,
    tile: int = 0,
) -> Scores:
    """Mean average precision in one pool of all languages, in single languages, and the bias.

    For a query with relevant candidates R, ranked by cosine in the pool of all languages,
    AP = 1 / |R| sum over r in R of (relevant at or above r) / (candidates at or above r). The weak
    variant asks each language's candidates alone, where AP is 1 / rank of the translation, and
    averages over languages. A model that puts languages apart does well there and badly in the
    common pool. The bias is the share of the query's own language among the k nearest; without a
    bias it is that language's share of the pool, `settings["expected"]`.

    A candidate that ties with a relevant one counts as above it; ties for the k-th place count by
    their share. Cosines are computed in tiles, exactly.

    Args:
        queries: language to `[n, d]`; rows of equal number are translations.
        candidates: the same for what is sought, such as answers. By default the queries
            themselves, each seeking its translations and never itself.
        own: whether the candidate in the query's language is one of the relevant; if not it is
            taken out for that query. Without `candidates` it never is.
        k: nearest that the bias looks at; fewer where the pool is smaller.
        seed: of the bootstrap over items; translations of one item are drawn together.
        tile: queries in a tile; by default as many as fit 64 MiB.

    Returns:
        For each query language and for all (`language` is None) the rows `strong_alignment_map`,
        `weak_alignment_map` and `language_bias`.

    Raises:
        VectorError: vectors that do not fit together or are not numbers, or a language of which
            fewer than 2 queries have a translation.
        UsageError: other languages among the candidates, or k under 1.

    Source: Roy, Constant, Al-Rfou, Barua, Phillips and Yang (2020), LAReQA, sections 2 (weak and
    strong alignment) and 5 (bias).
    """
    asked = sides(queries)
    sought = asked if candidates is None else sides(candidates)
    if k < 1:
        raise UsageError(f"k is {k}; the bias needs at least the nearest candidate")
    if set(asked) != set(sought):
        raise UsageError(f"queries are in {list(asked)}, candidates in {list(sought)}")
    _fit(asked, sought)
    own = own and candidates is not None
    pool = _pool([sought[language] for language in asked])
    rows, outcomes, items, lost = [], [], [], np.zeros(2, int)
    for at, (language, side) in enumerate(asked.items()):
        wanted = _asked(pool, side, at, own)
        kept = np.flatnonzero((wanted.gold >= 0).any(1))
        if len(kept) < 2:
            raise VectorError(
                f"{language}: {len(kept)} queries have a translation among the candidates; at "
                "least 2 are needed"
            )
        wanted = wanted._replace(gold=wanted.gold[kept], hidden=wanted.hidden[kept])
        found = _ranked(side.array[kept], pool, wanted, k, tile)  # [m, 4]
        gone = np.array([side.total - len(side.rows), len(side.rows) - len(kept)])
        intervals = bootstrap_mean(found[:, :3], seed=seed)
        rows += _rows(intervals, found, "bootstrap over items", language, gone, k, own)
        outcomes.append(found)
        items.append(side.rows[kept])
        lost += gone
    found, clusters = np.concatenate(outcomes), np.concatenate(items)
    intervals = [clustered_mean(column, clusters, seed=seed) for column in found[:, :3].T]
    method = "bootstrap over items, all languages of an item together"
    return Scores(rows + _rows(intervals, found, method, None, lost, k, own))


def _asked(pool: _Pool, side: Side, at: int, own: bool) -> _Asked:
    """What the queries of the language at this place seek; its own is hidden unless wanted."""
    gold = pool.places[:, side.rows].T.copy()  # [n, L]
    hidden = np.full(len(gold), -1)
    if not own:
        hidden, gold[:, at] = gold[:, at].copy(), -1
    return _Asked(gold, hidden, pool.blocks[at])


def _pool(sought: list[Side]) -> _Pool:
    ends = np.cumsum([0, *(len(side.rows) for side in sought)])
    places = np.full((len(sought), sought[0].total), -1)
    for place, side, start in zip(places, sought, ends, strict=False):  # one end more
        place[side.rows] = np.arange(start, start + len(side.rows))
    blocks = [slice(int(a), int(b)) for a, b in pairwise(ends)]
    return _Pool(np.concatenate([unit(side.array) for side in sought]), blocks, places)


def _ranked(array: np.ndarray, pool: _Pool, asked: _Asked, k: int, tile: int) -> np.ndarray:
    """`[n, 4]`: average precision, mean reciprocal rank by language, bias, its expectation."""
    found = np.empty((len(array), 4))
    for at, cosines in tiles(unit(array), pool.units, tile):  # [t, p]
        part = _Asked(asked.gold[at], asked.hidden[at], asked.block)
        found[at] = np.stack(_tile(cosines, part, pool.blocks, k), 1)
    return found


def _tile(
    cosines: np.ndarray, asked: _Asked, blocks: list[slice], k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The four outcomes `[t]` of a tile; its cosines `[t, p]` are used up."""
    there = asked.gold >= 0  # [t, L]
    query, which = np.nonzero(there)
    hides = np.flatnonzero(asked.hidden >= 0)
    cosines[hides, asked.hidden[hides]] = -np.inf
    bias, expected = _bias(cosines, asked, k)
    right = np.full(asked.gold.shape, np.inf, np.float32)
    right[query, which] = cosines[query, asked.gold[query, which]]
    cosines[query, asked.gold[query, which]] = -np.inf  # what is left is wrong
    weak = np.zeros(asked.gold.shape)
    for b, block in enumerate(blocks):
        weak[:, b] = 1 / (1 + (cosines[:, block] >= right[:, b : b + 1]).sum(1))
    cosines.sort(axis=1)
    size = cosines.shape[1]
    above = [size - np.searchsorted(row, ones) for row, ones in zip(cosines, right, strict=True)]
    above = np.sort(np.where(there, above, size), 1)  # [t, L] wrong ones above the first, second ..
    nth = np.arange(1, there.shape[1] + 1)
    relevant = there.sum(1)  # [t]
    precision = np.where(nth <= relevant[:, None], nth / (nth + above), 0)
    strong = precision.sum(1) / relevant
    return strong, np.where(there, weak, 0).sum(1) / relevant, bias, expected


def _bias(cosines: np.ndarray, asked: _Asked, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Share of the own language among the k nearest, and in the pool, `[t]` each."""
    size = cosines.shape[1] - (asked.hidden >= 0)  # [t] candidates
    mine = asked.block.stop - asked.block.start - (asked.hidden >= 0)
    depth = min(k, int(size.min()))
    kth = np.partition(cosines, -depth, axis=1)[:, -depth, None]  # [t, 1]
    over, level = cosines > kth, cosines == kth  # [t, p]
    share = (depth - over.sum(1)) / level.sum(1)  # of those that tie for the last places
    near = over[:, asked.block].sum(1) + share * level[:, asked.block].sum(1)
    return near / depth, mine / size


def _fit(asked: Mapping[str, Side], sought: Mapping[str, Side]) -> None:
    one, other = next(iter(asked.values())), next(iter(sought.values()))
    if (one.total, one.array.shape[1]) != (other.total, other.array.shape[1]):
        raise VectorError(
            f"queries are {one.total} rows of width {one.array.shape[1]}, candidates "
            f"{other.total} of width {other.array.shape[1]}: not the same corpus or model"
        )


def _rows(
    intervals: list[Interval], found: np.ndarray, method: str, language: str | None,
    gone: np.ndarray, k: int, own: bool,
) -> list[Score]:  # fmt: skip
    reasons = zip(("missing", "no translation in the pool"), gone, strict=True)
    dropped = {reason: int(count) for reason, count in reasons if count}
    extra = ({"own": own}, {}, {"k": k, "expected": round(float(found[:, 3].mean()), 4)})
    return [
        Score(
            measure=name, language=language, value=value, low=low, high=high, interval=method,
            n=len(found), dropped=dict(dropped), settings=settings,
        )
        for name, (value, low, high), settings in zip(NAMES, intervals, extra, strict=True)
    ]  # fmt: skip
