"""What a ranking of ids is worth to those who judged some of them relevant.

A ranking is a list of ids, best first, each once; what it leaves out was not found.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from isogloss.errors import UsageError
from isogloss.task.contracts import Tally

Judge = Callable[[np.ndarray, int, int], float]
"""From hits `[r]`, whether each id of a ranking is relevant, how many are, and a depth."""


def discounted_gain(hits: np.ndarray, relevant: int, depth: int) -> float:
    """nDCG@k: sum_i hit_i / log2(i + 1) over the first k, by what the best ranking would have.

    Prefer it where a query has several relevant ids and the first places matter most.
    Source: Järvelin and Kekäläinen (2002), Cumulated gain-based evaluation, section 2, with gains
    of 0 and 1 and the discount of trec_eval.
    """
    weights = 1 / np.log2(np.arange(2, depth + 2))  # [k]
    gained = weights[: len(hits[:depth])] @ hits[:depth]
    return float(gained / weights[: min(relevant, depth)].sum())


def recall(hits: np.ndarray, relevant: int, depth: int) -> float:
    """Recall@k: the share of the relevant ids among the first k.

    Prefer it for what is to be reranked: a passage that is not there cannot be brought up.
    """
    return float(hits[:depth].sum() / relevant)


def reciprocal_rank(hits: np.ndarray, relevant: int, depth: int) -> float:
    """MRR@k: 1 / the place of the first relevant id, 0 if it is not among the first k."""
    found = np.flatnonzero(hits[:depth])
    return 1 / (1 + float(found[0])) if len(found) else 0.0


def precision(hits: np.ndarray, relevant: int, depth: int) -> float:
    """Precision@k: the share of the first k places that hold a relevant id; empty ones do not."""
    return float(hits[:depth].sum() / depth)


def average_precision(hits: np.ndarray, relevant: int, depth: int) -> float:
    """MAP@k: the mean over relevant ids of the precision at their place, 0 beyond the first k.

    Source: Manning, Raghavan and Schütze (2008), Introduction to Information Retrieval, section
    8.4.
    """
    places = 1.0 + np.flatnonzero(hits[:depth])
    return float((np.arange(1, len(places) + 1) / places).sum() / relevant)


JUDGES: dict[str, Judge] = {
    "ndcg": discounted_gain, "recall": recall, "mrr": reciprocal_rank, "precision": precision,
    "map": average_precision,
}  # fmt: skip


def judge(
    name: str, relevant: Sequence[Collection[str] | None], rankings: Sequence[Sequence[str] | None]
) -> Tally:
    """A measure as sums over queries: `[n, 2]`, its value and 1, or twice 0.

    A query without a ranking has found nothing. One of which no relevant id is known says nothing
    of a ranking and is left out of both sums; how many there are stands in the settings.

    Args:
        name: a judge and a depth, such as `ndcg@10`.
        relevant: the relevant ids of each query.
        rankings: ids, best first, for each query.

    Raises:
        UsageError: no such measure, other than one ranking a query, or an id twice in one.
    """
    kind, _, depth = name.partition("@")
    if kind not in JUDGES or not depth.isascii() or not depth.isdigit() or not int(depth):
        raise UsageError(
            f"no measure of rankings is called {name!r}",
            remedy=f"one of {', '.join(JUDGES)} with a depth, such as ndcg@10",
        )
    if len(relevant) != len(rankings):
        raise UsageError(f"{len(rankings)} rankings cannot answer {len(relevant)} queries")
    found = np.zeros((len(relevant), 2))
    for row, (known, ranking) in enumerate(zip(relevant, rankings, strict=True)):
        if known:
            hits = _hits(set(known), ranking or (), row)
            found[row] = JUDGES[kind](hits, len(set(known)), int(depth)), 1
    settings: dict[str, Any] = {"depth": int(depth), "gains": "0 or 1"}
    if without := int((found[:, 1] == 0).sum()):
        settings["queries without a relevant id"] = without
    return Tally(found, lambda sums: sums[0] / sums[1], settings)


def _hits(known: set[str], ranking: Sequence[str], row: int) -> np.ndarray:
    if len(set(ranking)) < len(ranking):
        twice = next(one for at, one in enumerate(ranking) if one in ranking[:at])
        raise UsageError(
            f"the ranking of query {row + 1} names {twice!r} twice", remedy="rank each id once"
        )
    return np.array([one in known for one in ranking], bool)
