"""Scores of rankings: which of the ids that answer a query come first.

A ranking is a list of ids, best first, each once; what it leaves out was not found. It has no ties:
`ranked` makes one of scores, with equal scores in the order of the ids, so that neither the order
of a collection nor knowledge of the answer decides.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from isogloss.errors import UsageError, VectorError
from isogloss.task.contracts import Tally
from isogloss.task.metrics.sums import checked, mean


def ranked(ids: Sequence[str], scores: Sequence[float] | np.ndarray) -> list[str]:
    """Ids by falling score, those of equal score in alphabetical order.

    Raises:
        UsageError: not one score an id, or an id twice.
        VectorError: a score that is not a number.
    """
    values = np.asarray(scores, float)
    if values.shape != (len(ids),) or len(set(ids)) != len(ids):
        raise UsageError(
            f"{len(set(ids))} different ids of {len(ids)} and scores of shape {values.shape}",
            remedy="give one score an id, and each id once",
        )
    if np.isnan(values).any():
        raise VectorError(f"the score of {ids[int(np.isnan(values).argmax())]!r} is not a number")
    return [one for _, one in sorted(zip(-values, ids, strict=True))]


def ranking_scores(
    gold: Sequence[Collection[str]], told: Sequence[Sequence[str] | None], k: int = 10
) -> dict[str, Tally]:
    """Means over queries of what their rankings are worth, by measure.

    With r_i = 1 if place i, counted from 1, answers the query, and R ids that do:

    - `precision@1`: r_1.
    - `recall@k`: (1/R) sum_{i<=k} r_i.
    - `mrr@k`: 1 / the first i <= k with r_i = 1, else 0.
    - `ndcg@k`: sum_{i<=k} r_i / log2(i + 1), over the same sum where the first R places answer.
    - `map`: (1/R) sum_i r_i (r_1 + ... + r_i) / i, over the whole ranking.

    A query without a prediction is worth 0.

    Args:
        gold: the ids that answer each query, one at least.
        told: a ranking of each query, or None.
        k: the depth at which rankings are cut, but for `map`.

    Raises:
        UsageError: unequal lengths, no query, one that nothing answers, an id twice in a ranking,
            or k under 1.

    Source: Manning, Raghavan and Schütze (2008), Introduction to Information Retrieval, section
    8.4; Järvelin and Kekäläinen (2002), Cumulated Gain-Based Evaluation, with gains of 0 and 1.
    """
    checked(gold, told)
    if k < 1:
        raise UsageError(f"rankings are cut at {k} places", remedy="give at least 1")
    found = np.zeros((len(gold), 5))
    for row, (one, other) in enumerate(zip(gold, told, strict=True), 1):
        relevant = set(one)
        if not relevant:
            raise UsageError(
                f"nothing answers query {row}", remedy="leave out queries that nothing answers"
            )
        if other is None:
            continue
        if len(set(other)) != len(other):
            raise UsageError(
                f"the ranking of query {row} has an id twice", remedy="keep the better place"
            )
        found[row - 1] = _of_query([name in relevant for name in other], len(relevant), k)
    names = ("precision@1", f"recall@{k}", f"mrr@{k}", f"ndcg@{k}", "map")
    return {name: mean(found[:, at]) for at, name in enumerate(names)}


def _of_query(answers: Sequence[bool], relevant: int, k: int) -> tuple[float, ...]:
    places = 1.0 + np.flatnonzero(answers)  # of what answers the query, counted from 1
    near = places[places <= k]
    best = np.arange(1, min(relevant, k) + 1)
    return (
        float(bool(len(places)) and places[0] == 1),
        len(near) / relevant,
        float(1 / near[0]) if len(near) else 0.0,
        float((1 / np.log2(near + 1)).sum() / (1 / np.log2(best + 1)).sum()),
        float((np.arange(1, len(places) + 1) / places).sum() / relevant),
    )
