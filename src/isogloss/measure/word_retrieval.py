"""Contextual word retrieval: does a word in its sentence find its translation in its own?"""

from __future__ import annotations

from typing import Any

import numpy as np

from isogloss.encode.vectors import check_finite
from isogloss.errors import VectorError
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest
from isogloss.measure.clustered import clustered_mean
from isogloss.measure.measured import Measured, item_key
from isogloss.score import Score, Scores


def word_retrieval(
    source: np.ndarray, target: np.ndarray, pairs: np.ndarray | None = None, **options: Any
) -> Scores:
    """The scores of `measured_word_retrieval`, which takes the same, without the outcomes."""
    return measured_word_retrieval(source, target, pairs, **options).scores


def measured_word_retrieval(
    source: np.ndarray,
    target: np.ndarray,
    pairs: np.ndarray | None = None,
    *,
    sentences: np.ndarray | None = None,
    score: str = "csls",
    neighbourhood: int = 10,
    languages: tuple[str, str] = ("source", "target"),
    seed: int = 0,
    **where: Any,
) -> Measured:
    """Share of aligned word occurrences whose nearest occurrence on the other side is aligned.

    Every occurrence of every word is a candidate, so a word must find its translation in this very
    sentence, not another use of the same word. Neighbours are ranked by CSLS, which takes down
    those that are near to all. A tie with an occurrence that is not aligned is a miss.

    Args:
        source: `[n, d]` one vector an occurrence, all words of all sentences.
        target: `[m, d]` the same of the translations.
        pairs: `[p, 2]` rows of both that an alignment joins; row i with row i by default. An
            occurrence in several pairs is one query, and any of them is right.
        sentences: `[p]` the sentence of each pair. The interval then draws whole sentences, whose
            words are not independent; without them it draws words.
        score: how neighbours are ranked, see `match.search`.
        neighbourhood: neighbours whose mean cosine CSLS takes off.
        languages: names of source and target.
        seed: of the bootstrap.
        where: other columns of the rows, such as `layer` and `system`.

    Returns:
        `word_retrieval_p1` from source to target and back. Occurrences in no pair are counted as
        dropped; they are candidates still. The outcomes beside them, for a paired test, are
        `[sentences]`, or `[q]` without sentences: that of a sentence is its hits over the mean
        number of queries a sentence, so that their mean is the share over all queries.

    Raises:
        VectorError: vectors that are not numbers or differ in width, fewer than 2 on a side, or
            pairs that do not fit them.
        UsageError: a score that does not exist.

    Source: Cao, Kitaev and Klein (2020), Multilingual Alignment of Contextual Word
    Representations, section 3.2.
    """
    check_finite(source, "source words")
    check_finite(target, "target words")
    pairs = _pairs(pairs, len(source), len(target))
    if sentences is not None and len(sentences) != len(pairs):
        raise VectorError(f"{len(sentences)} sentences for {len(pairs)} pairs")
    sides, rows = (unit(source), unit(target)), []
    items: dict[str, np.ndarray] = {}
    for at in (0, 1):
        joined = pairs[:, [at, 1 - at]]  # [p, 2], what asks first
        queries, first = np.unique(joined[:, 0], return_index=True)  # [q], [q]
        hits = _hits(sides[at], sides[1 - at], joined, queries, score, neighbourhood)
        clusters = np.arange(len(queries)) if sentences is None else np.asarray(sentences)[first]
        found = clustered_mean(hits, clusters, seed=seed)
        idle = len(sides[at]) - len(queries)
        row = Score(
            measure="word_retrieval_p1", language=languages[0], pivot=languages[1],
            direction=f"{languages[at]}>{languages[1 - at]}", value=found.value, low=found.low,
            high=found.high, n=len(queries), dropped={"not aligned": idle} if idle else {},
            interval="bootstrap over words" if sentences is None else "bootstrap over sentences",
            seed=seed, settings={"score": score, "candidates": len(sides[1 - at])}, **where,
        )  # fmt: skip
        rows.append(row)
        items[item_key(row)] = hits.astype(np.float64)
        if sentences is not None:
            _, place = np.unique(clusters, return_inverse=True)  # [q]
            summed = np.bincount(place, hits)  # [sentences]
            items[item_key(row)] = summed * len(summed) / len(hits)
    return Measured(Scores(rows), items)


def _hits(
    x: np.ndarray,
    y: np.ndarray,
    pairs: np.ndarray,
    queries: np.ndarray,
    score: str,
    neighbourhood: int,
) -> np.ndarray:
    """Whether each query's best row of y is one of its own, and no other scores as well `[q]`."""
    best = nearest(x, y, 2, score=score, neighbourhood=neighbourhood, rows=queries)
    right = pairs[:, 0] * len(y) + pairs[:, 1]  # [p] each pair as one number
    own = np.isin(queries[:, None] * len(y) + best.ids, right)  # [q, 2]
    tied = best.scores[:, 0] == best.scores[:, 1]
    return own[:, 0] & (own[:, 1] | ~tied)


def _pairs(pairs: np.ndarray | None, n: int, m: int) -> np.ndarray:
    if min(n, m) < 2:
        raise VectorError(f"{n} source and {m} target words; each side needs 2 at least")
    if pairs is None:
        if n != m:
            raise VectorError(
                f"{n} source and {m} target words are not aligned row by row",
                remedy="give the pairs of rows that an alignment joins",
            )
        return np.stack([np.arange(n)] * 2, 1)
    pairs = np.asarray(pairs, np.int64)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not len(pairs):
        raise VectorError(f"pairs must be [p, 2] and not empty, got {list(pairs.shape)}")
    outside = (pairs < 0) | (pairs >= [n, m])
    if outside.any():
        first = pairs[outside.any(1).argmax()].tolist()
        raise VectorError(f"pair {first} is outside {n} source and {m} target words")
    return pairs
