"""A threshold for mined pairs, from known translations planted among the user's sentences.

Of some planted pairs both sides stand in the pool, and can be found; of the others one side stands
there alone, and whatever is mined for these orphans is false. From how often each happens over a
threshold t, and how much of the user's own text is mined over it, follow the share of the user's
sentences that have a translation, and with it the precision and the recall to expect.

The assumption: with a translation in the pool the user's sentences score as planted ones do, and
without one as orphans do. So planted text should be of the user's domain, of sentences about as
long, and stand nowhere in the user's text. If it is not, the user's sentences may be mined, over
some threshold, more or less often than every mixture of planted ones, and `Misfit` tells. A fit
proves nothing: text of another kind can look like a mixture of another share.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from isogloss.errors import UsageError, VectorError
from isogloss.match.mining import Mined
from isogloss.score import RESAMPLES, Interval

FEWEST = 20  # planted pairs
GRID = 200  # thresholds looked at, at most
LEAST_VARIANCE = 1e-4  # of a share mined, so that no single threshold decides
THIRDS = 30  # cut off the shares among which the nearest is sought: it is met to 3e-6
ROUNDS = 100  # of fitting what sampling alone would make


class Planting(NamedTuple):
    """Which planted pairs stand in the pool, and with which side, in rising order.

    Attributes:
        present: both sides.
        source_only: the source, an orphan.
        target_only: the target, an orphan.
    """

    present: np.ndarray
    source_only: np.ndarray
    target_only: np.ndarray


class Outcomes(NamedTuple):
    """The scores at which sentences of one side were mined; -inf where they were not.

    Attributes:
        right: `[a]` of planted sentences whose translation is there, with that translation.
        wrong: `[a]` of the same sentences, with another.
        orphans: `[b]` of planted sentences whose translation is not there.
        text: `[n]` of the user's own sentences.
    """

    right: np.ndarray
    wrong: np.ndarray
    orphans: np.ndarray
    text: np.ndarray


class Misfit(NamedTuple):
    """How far the user's sentences lie from every mixture of planted ones.

    Attributes:
        value: min over pi of the largest |N - pi (R1 + W1) - (1 - pi) R0|, see `calibrate`.
        limit: what it stays under in 95 of 100 samples of a mixture.
    """

    value: float
    limit: float

    @property
    def beyond(self) -> bool:
        """More than sampling explains: planted text is of another kind than the user's."""
        return self.value > self.limit


class Calibration(NamedTuple):
    """A threshold and what to expect of the pairs that score at least as much.

    Attributes:
        threshold: keep scores of at least this.
        precision: share of the kept pairs that are right.
        recall: share of the pairs that are there that are kept.
        share: share of the user's sentences that have a translation.
        reached: False if the precision asked for, or any at all, cannot be expected anywhere; the
            threshold is then that of the highest precision.
        misfit: if it is beyond sampling, precision and recall are not to be relied on.
    """

    threshold: float
    precision: Interval
    recall: Interval
    share: Interval
    reached: bool
    misfit: Misfit


def plant(count: int, *, seed: int = 0) -> Planting:
    """Half of the pairs with both sides, a quarter with the source alone, a quarter the target.

    Raises:
        UsageError: fewer than 20 pairs.
    """
    if count < FEWEST:
        raise UsageError(
            f"{count} planted pairs are too few to calibrate a threshold",
            remedy=f"give {FEWEST} at least; some hundreds make narrow intervals",
        )
    order = np.random.default_rng(seed).permutation(count)
    half, rest = count // 2, (count + count // 2) // 2
    return Planting(*(np.sort(part) for part in np.split(order, [half, rest])))


def outcomes(
    mined: Mined, *, present: np.ndarray, orphans: np.ndarray, sizes: tuple[int, int], side: str
) -> Outcomes:
    """At which scores the sentences of one side were mined.

    A pair of a planted sentence with a wrong partner counts only if the partner is the user's:
    likewise the user's pairs with planted sentences are not among what is handed out.

    Args:
        mined: pairs over the whole pool: the user's sentences, after them the planted ones.
        present: `[a, 2]` source and target rows of planted pairs.
        orphans: `[b]` rows of the side whose translations are not in the pool.
        sizes: the user's sentences of the source and of the target.
        side: `source`, or `target`: the one whose sentences are mined once at most, which is the
            target in `backward` retrieval and the source in all others.
    """
    at = ("source", "target").index(side)
    rows, others = (mined.source, mined.target) if at == 0 else (mined.target, mined.source)
    size = 1 + max(int(part.max(initial=sizes[at])) for part in (rows, present[:, at], orphans))
    score, partner = np.full(size, -np.inf), np.full(size, -1)
    score[rows], partner[rows] = mined.scores, others
    false = np.where(partner < sizes[1 - at], score, -np.inf)
    is_right = partner[present[:, at]] == present[:, 1 - at]
    return Outcomes(
        np.where(is_right, score[present[:, at]], -np.inf),
        np.where(is_right, -np.inf, false[present[:, at]]),
        false[orphans],
        false[: sizes[at]],
    )


def calibrate(
    found: Outcomes, *, precision: float | None = None, resamples: int = RESAMPLES, seed: int = 0
) -> Calibration:
    """The threshold of the best expected F1, or the lowest one that reaches a precision.

    With R1(t) and W1(t) the shares of present sentences mined rightly and wrongly at t or more,
    R0(t) that of orphans, and N(t) that of the user's sentences,

        N = pi (R1 + W1) + (1 - pi) R0,
        precision = pi R1 / (pi (R1 + W1) + (1 - pi) R0),    recall = R1,

    where pi, the share of sentences with a translation, is the least-squares solution over all
    thresholds within [0, 1], each weighted by 1 / (N (1 - N)). For the precision half an orphan
    more is counted as mined at every threshold: that none of 100 was mined does not make it
    perfect. The upper end of its interval does without. Intervals are 95% bootstraps over planted
    and own sentences; they do not know that the threshold was chosen on the same ones, nor that
    planted sentences may be of another kind than the user's. `misfit` tells some of that: how far N
    lies over some threshold from the mixture of whatever share is nearest, and how far it lies in
    samples of such a mixture.

    Args:
        found: see `outcomes`.
        precision: wanted, over 0 and under 1; the best F1 by default.
        resamples: number of bootstrap samples.
        seed: of the bootstrap.

    Raises:
        UsageError: a precision that cannot be.
        VectorError: an empty side, nothing planted was mined, or orphans score exactly as
            sentences with a translation do.

    Source: our own, by the mixture that quantification solves, as in Forman (2008), Quantifying
    Counts and Costs via Classification.
    """
    if precision is not None and not 0 < precision < 1:
        raise UsageError(f"precision is {precision}; it must lie between 0 and 1")
    if not all(map(len, found)):
        raise VectorError("a calibration needs present pairs, orphans and sentences of the user")
    grid = _grid(found)  # [g]
    draw = np.random.default_rng(seed)
    right, wrong = _drawn(found.right, found.wrong, grid, resamples, draw)  # [1 + resamples, g]
    [false] = _drawn(found.orphans, None, grid, resamples, draw)
    [text] = _drawn(found.text, None, grid, resamples, draw)
    share = _share(right + wrong, false, text, len(found.text))  # [1 + resamples]
    if not np.isfinite(share[0]):
        raise VectorError("orphans are mined exactly as sentences with a translation are")
    careful = (false * len(found.orphans) + 0.5) / (len(found.orphans) + 1)
    low, high = _precision(share, right, wrong, careful), _precision(share, right, wrong, false)
    at, reached = _choose(low[0], right[0], precision)
    return Calibration(
        float(grid[at]),
        _interval(low[:, at], high[:, at]),
        _interval(right[:, at], right[:, at]),
        _interval(share, share),
        reached,
        _misfit(found, grid, resamples, draw),
    )


def _grid(found: Outcomes) -> np.ndarray:
    """Scores of planted sentences, evenly among them, rising."""
    scores = np.concatenate([found.right, found.wrong, found.orphans])
    scores = np.unique(scores[np.isfinite(scores)])
    if not len(scores):
        raise VectorError("nothing that was planted was mined")
    return scores[np.unique(np.linspace(0, len(scores) - 1, GRID).round().astype(int))]


def _drawn(
    first: np.ndarray,
    second: np.ndarray | None,
    grid: np.ndarray,
    resamples: int,
    draw: np.random.Generator,
) -> list[np.ndarray]:
    """Shares at each threshold or over it, as they are and in bootstrap samples of the items.

    An item counts by its place among the thresholds alone, so that drawing items again is drawing
    from a multinomial over the places.
    """
    size, places = len(grid) + 1, _place(first, grid)
    if second is not None:
        places = np.where(np.isfinite(second), size + _place(second, grid), places)
    counts = np.bincount(places, minlength=size * (1 if second is None else 2))
    drawn = np.vstack([counts, draw.multinomial(len(first), counts / len(first), resamples)])
    return [_over(drawn[:, at : at + size]) / len(first) for at in range(0, len(counts), size)]


def _place(scores: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """How many thresholds each score reaches."""
    return np.searchsorted(grid, scores, side="right")


def _over(counts: np.ndarray) -> np.ndarray:
    """From `[r, g + 1]` items that reach 0 to g thresholds to `[r, g]` that reach each."""
    return np.cumsum(counts[:, :0:-1], 1)[:, ::-1]


def _share(mined: np.ndarray, false: np.ndarray, text: np.ndarray, n: int) -> np.ndarray:
    """The pi with the least sum_t (text - pi mined - (1 - pi) false)^2 / v(t), in [0, 1].

    v(t) = N (1 - N), as the variance of the share mined: high scores, which few reach, tell more of
    translations than low ones, which sentences of another kind than the orphans reach as well. Half
    a sentence of the n is added to N, so that a score none of a few reaches is no certainty.
    """
    apart = mined - false
    near = (n * text[0] + 0.5) / (n + 1)
    weight = 1 / np.maximum(near * (1 - near), LEAST_VARIANCE)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (weight * apart * (text - false)).sum(1) / (weight * apart**2).sum(1)
    return np.clip(found, 0, 1)  # NaN stays


def _misfit(found: Outcomes, grid: np.ndarray, resamples: int, draw: np.random.Generator) -> Misfit:
    """The gap that no share closes, and those of samples for which the assumption holds."""
    size = len(grid) + 1
    counts = [
        np.bincount(_place(scores, grid), minlength=size)
        for scores in (np.maximum(found.right, found.wrong), found.orphans, found.text)
    ]
    gap, share = _gap(*(_over(own[None]) / own.sum() for own in counts))
    mined, false = _pooled(*counts, share[0])  # [g + 1]
    odds = (mined, false, share[0] * mined + (1 - share[0]) * false)
    drawn = (
        _over(draw.multinomial(own.sum(), p, resamples)) / own.sum()
        for own, p in zip(counts, odds, strict=True)
    )
    limit = np.percentile(_gap(*drawn)[0], 95)
    return Misfit(*(round(float(one), 5) for one in (gap[0], limit)))  # as exact as the search


def _gap(mined: np.ndarray, false: np.ndarray, text: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """min_pi max_t |text - pi mined - (1 - pi) false| of each row `[r]`, and its pi `[r]`."""

    def gap(pi: np.ndarray) -> np.ndarray:
        return np.abs(text - false - pi[:, None] * (mined - false)).max(1)

    low, high = np.zeros(len(mined)), np.ones(len(mined))
    for _ in range(THIRDS):  # it falls and then rises with pi: the worse outer third is cut off
        third = (high - low) / 3
        left_is_worse = gap(low + third) > gap(high - third)
        low = np.where(left_is_worse, low + third, low)
        high = np.where(left_is_worse, high, high - third)
    share = (low + high) / 2
    return gap(share), share


def _pooled(
    present: np.ndarray, orphans: np.ndarray, text: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Odds of each place for both kinds of sentence that make all three counts most probable.

    By expectation and maximisation. Planted sentences alone would not do: where none of 50 orphans
    was mined, one may be of the next 50.
    """
    total = present + orphans + text
    mined, false = ((own + total / total.sum()) / (own.sum() + 1) for own in (present, orphans))
    for _ in range(ROUNDS):
        either = share * mined + (1 - share) * false
        told = text * np.divide(share * mined, either, out=np.zeros_like(either), where=either > 0)
        mined, false = present + told, orphans + text - told
        mined, false = mined / mined.sum(), false / false.sum()
    return mined, false


def _precision(
    share: np.ndarray, right: np.ndarray, wrong: np.ndarray, false: np.ndarray
) -> np.ndarray:
    pi = share[:, None]
    kept = pi * (right + wrong) + (1 - pi) * false
    return np.divide(pi * right, kept, out=np.zeros_like(kept), where=kept > 0)


def _choose(precision: np.ndarray, recall: np.ndarray, wanted: float | None) -> tuple[int, bool]:
    """Which threshold, and whether it is what was asked for."""
    if precision.max() > 0 and wanted is None:
        total = np.maximum(precision + recall, 1e-12)
        return int((2 * precision * recall / total).argmax()), True
    if wanted is not None and (precision >= wanted).any():
        return int((precision >= wanted).argmax()), True
    return int(len(precision) - 1 - precision[::-1].argmax()), False


def _interval(low: np.ndarray, high: np.ndarray) -> Interval:
    """The first value, with percentiles of the others: the lower of one, the upper of another."""
    ends = low[0], np.nanpercentile(low[1:], 2.5), np.nanpercentile(high[1:], 97.5)
    return Interval(*map(float, ends))
