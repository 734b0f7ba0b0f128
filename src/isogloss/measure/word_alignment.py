"""How well found links agree with those that people drew."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from isogloss.errors import VectorError
from isogloss.match.word_alignment import Links
from isogloss.measure.measured import Measured, item_key
from isogloss.score import (
    Score,
    Scores,
    bootstrap_mean,
    bootstrap_of_sums,
    bootstrap_ratio,
    defined,
)

Link = tuple[int, int]
Statistic = Callable[[np.ndarray], np.ndarray]


def alignment_scores(
    found: Sequence[Collection[Link]],
    sure: Sequence[Collection[Link]],
    possible: Sequence[Collection[Link]],
    lengths: Sequence[tuple[int, int]],
    *,
    seed: int = 0,
    **where: Any,
) -> Scores:
    """Precision, recall, F1 and AER of links, and precision, recall and F1 of null words.

    With A found, S sure and P possible links (S in P), counted over all sentences:
    precision = |A and P| / |A|, recall = |A and S| / |S|, F1 their harmonic mean,
    AER = 1 - (|A and S| + |A and P|) / (|A| + |S|). A null word is one that has no link; in gold
    neither a sure nor a possible one.

    Args:
        found: links (source word, target word) of each sentence pair.
        sure: its sure gold links.
        possible: its possible gold links; those that are sure count as possible anyway.
        lengths: its words of source and of target.
        seed: of the bootstrap over sentences.
        where: columns of the rows.

    Raises:
        VectorError: unequal numbers of sentences, or gold without a sure link.

    Source: Och and Ney (2003), A Systematic Comparison of Various Statistical Alignment Models,
    section 5 (AER); nulls: Arase, Bao and Yokoi (2023), section 5.
    """
    counts = alignment_counts(found, sure, possible, lengths)
    if not counts[:, 1].sum():
        raise VectorError("the gold has no sure link, so recall has no meaning")
    made = []
    for name, statistic in STATISTICS.items():
        at = bootstrap_of_sums(counts, statistic, seed=seed)
        made.append(
            Score(
                measure=name, value=defined(at.value), low=defined(at.low), high=defined(at.high),
                n=len(counts), interval="bootstrap over sentences", seed=seed, **where,
            )
        )  # fmt: skip
    return Scores(made)


def alignment_counts(
    found: Sequence[Collection[Link]],
    sure: Sequence[Collection[Link]],
    possible: Sequence[Collection[Link]],
    lengths: Sequence[tuple[int, int]],
) -> np.ndarray:
    """What each sentence pair brings to `STATISTICS`, `[n, 7]`.

    |A|, |S|, |A and S|, |A and P|, null words found, gold ones, and both; see `alignment_scores`.

    Raises:
        VectorError: unequal numbers of sentences.
    """
    if not len(found) == len(sure) == len(possible) == len(lengths):
        raise VectorError(f"{len(found)} sentences with found links, {len(sure)} with gold ones")
    rows = []
    for a, s, p, size in zip(found, sure, possible, lengths, strict=True):
        a, s = set(a), set(s)
        p = s | set(p)
        alone, gold_alone = _nulls(a, size), _nulls(p, size)
        rows.append(
            [len(a), len(s), len(a & s), len(a & p),
             len(alone), len(gold_alone), len(alone & gold_alone)]
        )  # fmt: skip
    return np.array(rows, np.float64).reshape(-1, 7)


def _rate(over: int, under: int) -> Statistic:
    return lambda sums: sums[over] / sums[under]


def _f1(over: tuple[int, int], under: tuple[int, int]) -> Statistic:
    # 2 P R / (P + R) of P = a / b and R = c / d
    (a, c), (b, d) = over, under
    return lambda s: 2 * s[a] * s[c] / (s[a] * s[d] + s[c] * s[b])


STATISTICS: dict[str, Statistic] = {
    "alignment_precision": _rate(3, 0),
    "alignment_recall": _rate(2, 1),
    "alignment_f1": _f1((3, 2), (0, 1)),
    "alignment_aer": lambda s: 1 - (s[2] + s[3]) / (s[0] + s[1]),
    "null_precision": _rate(6, 4),
    "null_recall": _rate(6, 5),
    "null_f1": lambda s: 2 * s[6] / (s[4] + s[5]),
}
"""Of sums of `alignment_counts`, `[7]` or `[7, resamples]`."""


def sentence_aer(
    found: Sequence[Collection[Link]],
    sure: Sequence[Collection[Link]],
    possible: Sequence[Collection[Link]],
    *,
    seed: int = 0,
    **where: Any,
) -> Measured:
    """The mean over sentence pairs of the AER of each, with that of each for a paired test.

    Unlike `alignment_aer`, which counts over all links, long sentences weigh as much as short ones.
    A pair without any link, neither found nor sure, has no error.

    Args:
        found: links (source word, target word) of each sentence pair.
        sure: its sure gold links.
        possible: its possible gold links.
        seed: of the bootstrap over sentences.
        where: columns of the row.

    Raises:
        VectorError: fewer than 2 sentence pairs.
    """
    errors = np.zeros(len(found))
    for i, (a, s, p) in enumerate(zip(found, sure, possible, strict=True)):
        a, s = set(a), set(s)
        if a or s:
            errors[i] = 1 - (len(a & s) + len(a & (s | set(p)))) / (len(a) + len(s))
    at = bootstrap_mean(errors, seed=seed)[0]
    row = Score(
        measure="alignment_sentence_aer", value=at.value, low=at.low, high=at.high, n=len(errors),
        interval="bootstrap over sentences", seed=seed, **where,
    )  # fmt: skip
    return Measured(Scores([row]), {item_key(row): errors})


def link_scores(found: Sequence[Links], *, seed: int = 0, **where: Any) -> Scores:
    """What links say without gold: the mean score of the pairs, and the share of unlinked words.

    The score of a pair is the mean over all its words of their best link, see `Links.score`. Both
    compare texts under one method; methods score links on scales of their own.

    Args:
        found: links of each sentence pair.
        seed: of the bootstrap over sentences.
        where: columns of the rows.

    Raises:
        VectorError: fewer than 2 sentence pairs, or no word in any.
    """
    words = np.array([sum(one.lengths) for one in found])  # [n]
    alone = np.array([sum(map(len, one.nulls)) for one in found])  # [n]
    intervals = {
        "alignment_score": bootstrap_mean(np.array([one.score for one in found]), seed=seed)[0],
        "alignment_null_share": bootstrap_ratio(alone, words, seed=seed),
    }
    return Scores(
        Score(
            measure=name, value=at.value, low=at.low, high=at.high, n=len(found),
            interval="bootstrap over sentences", seed=seed, **where,
        )
        for name, at in intervals.items()
    )  # fmt: skip


def _nulls(links: Collection[Link], lengths: tuple[int, int]) -> set[tuple[int, int]]:
    """(side, word) of the words that have no link."""
    linked = {(side, link[side]) for link in links for side in (0, 1)}
    return {(side, word) for side in (0, 1) for word in range(lengths[side])} - linked
