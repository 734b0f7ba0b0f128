"""What a ranking of passages is worth to those who judged some of them relevant."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from isogloss.errors import UsageError
from isogloss.task.contracts import Tally

Judge = Callable[[np.ndarray, int, int], float]
"""From hits `[r]`, whether each passage of a ranking is relevant, how many are, and a depth."""


def discounted_gain(hits: np.ndarray, relevant: int, depth: int) -> float:
    """nDCG@k: sum_i hit_i / log2(i + 1) over the first k, by what the best ranking would have.

    Prefer it where a query has several relevant passages and the first places matter most.
    Source: Järvelin and Kekäläinen (2002), Cumulated gain-based evaluation, section 2, with gains
    of 0 and 1 and the discount of trec_eval.
    """
    weights = 1 / np.log2(np.arange(2, depth + 2))  # [k]
    gained = weights[: len(hits[:depth])] @ hits[:depth]
    return float(gained / weights[: min(relevant, depth)].sum())


def recall(hits: np.ndarray, relevant: int, depth: int) -> float:
    """Recall@k: the share of the relevant passages among the first k.

    Prefer it for what is to be reranked: a passage that is not there cannot be brought up.
    """
    return float(hits[:depth].sum() / relevant)


def reciprocal_rank(hits: np.ndarray, relevant: int, depth: int) -> float:
    """MRR@k: 1 / the place of the first relevant passage, 0 if it is not among the first k."""
    found = np.flatnonzero(hits[:depth])
    return 1 / (1 + float(found[0])) if len(found) else 0.0


def precision(hits: np.ndarray, relevant: int, depth: int) -> float:
    """P@k: the share of the first k places that hold a relevant passage; empty places hold none."""
    return float(hits[:depth].sum() / depth)


JUDGES: dict[str, Judge] = {
    "ndcg": discounted_gain, "recall": recall, "mrr": reciprocal_rank, "p": precision,
}  # fmt: skip


def judge(
    name: str, relevant: Sequence[Collection[str] | None], rankings: Sequence[Sequence[str] | None]
) -> Tally:
    """A measure as sums over queries: `[n, 2]`, its value and 1, or twice 0.

    A query without a ranking has found nothing. One of which no relevant passage is known says
    nothing of a ranking and is left out of both sums; how many there are stands in the settings.

    Args:
        name: a judge and a depth, such as `ndcg@10`.
        relevant: ids of each query's relevant passages.
        rankings: ids of passages, best first, for each query.

    Raises:
        UsageError: no such measure, other than one ranking a query, or a passage twice in one.
    """
    kind, _, depth = name.partition("@")
    if kind not in JUDGES or not depth.isascii() or not depth.isdigit() or not int(depth):
        raise UsageError(
            f"no measure of rankings is called {name!r}",
            remedy=f"one of {', '.join(JUDGES)} with a depth, such as ndcg@10",
        )
    if len(relevant) != len(rankings):
        raise UsageError(f"{len(rankings)} rankings cannot answer {len(relevant)} queries")
    columns = np.zeros((len(relevant), 2))
    for row, (known, ranking) in enumerate(zip(relevant, rankings, strict=True)):
        if known:
            hits = _hits(set(known), ranking or (), row)
            columns[row] = JUDGES[kind](hits, len(set(known)), int(depth)), 1
    settings: dict[str, Any] = {"depth": int(depth), "gains": "0 or 1"}
    if without := int((columns[:, 1] == 0).sum()):
        settings["queries without a relevant passage"] = without
    return Tally(columns, _mean, settings)


def _mean(sums: np.ndarray) -> Any:
    return sums[0] / sums[1]


def _hits(known: set[str], ranking: Sequence[str], row: int) -> np.ndarray:
    if len(set(ranking)) < len(ranking):
        twice = next(one for at, one in enumerate(ranking) if one in ranking[:at])
        raise UsageError(
            f"the ranking of query {row + 1} names passage {twice!r} twice",
            remedy="rank each passage once",
        )
    return np.array([one in known for one in ranking], bool)
