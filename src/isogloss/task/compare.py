"""Is one strategy better than another: on a language, over languages, over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from isogloss.errors import UsageError, VectorError
from isogloss.score import (
    RESAMPLES,
    Interval,
    Score,
    Scores,
    defined,
    holm,
    resampled,
    resampling,
)
from isogloss.task.contracts import Tally

SWAPS = 10_000
_HELD = 2**22  # numbers of a block of swaps
TEST = "swap of both systems' outcomes by item"


@dataclass(frozen=True)
class Difference:
    """What after has over before on the same examples.

    Attributes:
        before: value of the first system.
        after: value of the second.
        difference: after - before.
        low: lower end of its 95% paired bootstrap interval.
        high: upper end.
        p: two-sided, of the swap test.
        n: examples.
        p_holm: adjusted over the languages it was compared with; None for one alone.
    """

    before: float
    after: float
    difference: float
    low: float
    high: float
    p: float
    n: int
    p_holm: float | None = None


class Seeds(NamedTuple):
    """The value of a strategy over its seeds.

    Attributes:
        mean: of the values.
        low: lower end of a 95% interval of the mean.
        high: upper end.
        spread: standard deviation of the values over seeds, of n - 1; None with one seed.
        values: one a seed: with few of them look at these.
        interval: how `low` and `high` were made, None where they are not.
    """

    mean: float
    low: float | None
    high: float | None
    spread: float | None
    values: tuple[float, ...]
    interval: str | None


def compare(
    before: Tally, after: Tally, *, resamples: int = RESAMPLES, swaps: int = SWAPS, seed: int = 0
) -> Difference:
    """A measure of two systems on the same examples, for any measure that is made of sums.

    The interval is of a paired bootstrap: examples are drawn for both systems at once. The p-value
    is the share of random swaps, of what the two brought for each example, whose difference is at
    least as far from 0: if the systems are alike, it does not matter which said what. For means
    this is `score.paired_test`, since to swap is to flip the sign.

    Args:
        before: of the first system.
        after: of the second, on the same examples in the same order.
        resamples: bootstrap samples.
        swaps: random swaps.
        seed: of both.

    Raises:
        VectorError: not the same examples or sums, fewer than 2, or numbers that are not finite.

    Source: Noreen (1989), Computer-Intensive Methods for Testing Hypotheses, chapter 2; Yeh (2000),
    More accurate tests for the statistical significance of result differences, section 3; Koehn
    (2004), Statistical significance tests for machine translation evaluation, section 4.
    """
    _check(before, after)
    drawn = _drawn(before, after, resamples, seed)
    return _difference(before, after, drawn, _swapped(before, after, swaps, seed))


def compare_languages(
    before: Mapping[str, Tally],
    after: Mapping[str, Tally],
    *,
    parallel: bool = False,
    resamples: int = RESAMPLES,
    swaps: int = SWAPS,
    seed: int = 0,
) -> tuple[dict[str, Difference], Difference]:
    """`compare` for each language, p-values adjusted by Holm, and the mean over languages.

    The interval and the test of the mean are about these languages: they are not drawn anew. For
    others like them see `task.mixed`.

    Args:
        before: tallies of the first system by language.
        after: tallies of the second.
        parallel: example i is the same in every language, so it is drawn and swapped in all of
            them at once; otherwise each language on its own.
        resamples: bootstrap samples.
        swaps: random swaps.
        seed: of both.

    Raises:
        UsageError: the two have different languages, or none.
        VectorError: see `compare`; with `parallel` also languages of unequal numbers of examples.

    Source: Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure.
    """
    languages = same_languages({"before": before, "after": after})
    found = {
        tag: compare(before[tag], after[tag], resamples=resamples, swaps=swaps, seed=seed)
        for tag in languages
    }
    adjusted = holm([one.p for one in found.values()])
    found = {
        tag: replace(one, p_holm=p) for (tag, one), p in zip(found.items(), adjusted, strict=True)
    }
    if parallel:
        sides = [together([side[tag] for tag in languages]) for side in (before, after)]
        return found, compare(*sides, resamples=resamples, swaps=swaps, seed=seed)
    pairs = [(before[tag], after[tag]) for tag in languages]
    streams = [int(s.generate_state(1)[0]) for s in np.random.SeedSequence(seed).spawn(len(pairs))]
    drawn = [_drawn(*pair, resamples, one) for pair, one in zip(pairs, streams, strict=True)]
    swapped = [_swapped(*pair, swaps, one) for pair, one in zip(pairs, streams, strict=True)]
    means = [float(np.mean([getattr(d, k) for d in found.values()])) for k in ("before", "after")]
    n = sum(one.n for one in found.values())
    return found, _told(*means, n, np.mean(drawn, 0), np.mean(swapped, 0))


def change_rows(
    found: Mapping[str, Difference], *, measure: str, strategy: str, against: str, **about: Any
) -> Scores:
    """Differences by language as rows of a report, of the stage `change`.

    One that is not defined, as of a correlation with what is alike for all, has no value.
    """
    return Scores(
        Score(
            measure=measure, value=defined(one.difference), low=defined(one.low),
            high=defined(one.high), n=one.n, language=language, strategy=strategy, stage="change",
            interval="paired bootstrap over examples",
            settings={"against": against, "test": TEST, "p": one.p, "p_holm": one.p_holm},
            **about,
        )
        for language, one in found.items()
    )  # fmt: skip


def same_languages(systems: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The languages that all systems have, in the order of the first.

    Raises:
        UsageError: one has a language that another lacks, which is named; or there is none.
    """
    names = list(systems)
    everything = list(dict.fromkeys(tag for found in systems.values() for tag in found))
    missing = {
        name: [tag for tag in everything if tag not in systems[name]] for name in names
    }  # fmt: skip
    if any(missing.values()):
        lacking = "; ".join(f"{name} lacks {', '.join(m)}" for name, m in missing.items() if m)
        raise UsageError(
            f"an average needs the same languages of every system: {lacking}",
            remedy="run what is missing, or leave these languages out everywhere",
        )
    if not everything:
        raise UsageError("an average needs at least one language")
    return everything


def averages(systems: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The plain mean over languages of each system.

    Raises:
        UsageError: see `same_languages`, or a value that is not a number.
    """
    languages = same_languages(systems)
    for name, values in systems.items():
        if undefined := [tag for tag in languages if not math.isfinite(values[tag])]:
            raise UsageError(f"{name} has no value for {', '.join(undefined)}")
    return {name: sum(values[t] for t in languages) / len(languages)
            for name, values in systems.items()}  # fmt: skip


def together(tallies: Sequence[Tally]) -> Tally:
    """The mean of several tallies of the same examples, such as those of seeds, as one.

    Raises:
        VectorError: unequal numbers of examples, or no tally.
    """
    sizes = {len(one.columns) for one in tallies}
    if len(sizes) != 1:
        raise VectorError(
            f"tallies of {', '.join(f'{n:,}' for n in sorted(sizes)) or 'no'} examples have no "
            "examples in common"
        )
    ends = np.cumsum([one.columns.shape[1] for one in tallies])[:-1]

    def statistic(sums: np.ndarray) -> Any:
        parts = np.split(np.asarray(sums), ends)
        return sum(one.statistic(p) for one, p in zip(tallies, parts, strict=True)) / len(tallies)

    columns = np.hstack([np.asarray(one.columns, np.float64) for one in tallies])
    return Tally(columns, statistic, tallies[0].settings)


def over_languages(
    tallies: Mapping[str, Tally],
    *,
    parallel: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """The mean over languages of a measure of one system, with its interval.

    As in `compare_languages` the interval is about these languages, with other examples.

    Args:
        tallies: by language.
        parallel: example i is the same in every language, so it is drawn in all of them at once.
        resamples: bootstrap samples.
        seed: of the resampling.

    Raises:
        VectorError: with `parallel`, languages of unequal numbers of examples.
    """
    values = [_value(one) for one in tallies.values()]
    if parallel:
        whole = together(list(tallies.values()))
        drawn = _statistic(whole, resampled(whole.columns, resamples=resamples, seed=seed))
    else:
        streams = np.random.SeedSequence(seed).spawn(len(tallies))
        drawn = np.mean(
            [
                _statistic(one, resampled(
                    _columns(one), resamples=resamples, seed=int(stream.generate_state(1)[0])
                ))
                for one, stream in zip(tallies.values(), streams, strict=True)
            ],
            0,
        )  # fmt: skip
    return Interval(float(np.mean(values)), *_ends(drawn))


def over_seeds(
    tallies: Sequence[Tally],
    *,
    interval: Literal["bootstrap", "t"] = "bootstrap",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Seeds:
    """Mean over seeds with an interval, its spread, and the values themselves.

    `bootstrap` draws examples and seeds, so the interval is about other examples and other seeds;
    of few seeds it shows somewhat too little of what seeds do, by sqrt((s - 1) / s) for s of them.
    `t` is mean +- t(s - 1) spread / sqrt(s): about other seeds on these very examples, and wide
    with three of them, as it must be. With one seed only examples are drawn.

    Args:
        tallies: one a seed, of the same examples in the same order.
        interval: which of the two.
        resamples: bootstrap samples.
        seed: of the resampling.

    Raises:
        UsageError: another interval.
        VectorError: no tally, unequal numbers of examples, or fewer than 2.

    Source: Davison and Hinkley (1997), Bootstrap Methods and their Application, section 3.8
    (resampling both levels of two); Bouthillier et al. (2021), Accounting for Variance in Machine
    Learning Benchmarks, section 3 (examples and seeds as sources of variance).
    """
    if interval not in ("bootstrap", "t"):
        raise UsageError(f"no interval {interval!r} over seeds; there is bootstrap, t")
    whole = together(tallies)
    if len(whole.columns) < 2:
        raise VectorError(f"an interval needs at least 2 examples, got {len(whole.columns)}")
    values = [_value(one) for one in tallies]
    if interval == "t":
        return over_values(values)
    drawn = np.stack(
        [
            _statistic(one, resampled(_columns(one), resamples=resamples, seed=seed))
            for one in tallies
        ],
        1,
    )  # fmt: skip  [resamples, seeds]
    weights = resampling(len(tallies), resamples, seed + 1)  # [resamples, seeds]
    low, high = _ends((drawn * weights).sum(1))
    what = "examples and seeds" if len(tallies) > 1 else "examples"
    return over_values(values)._replace(low=low, high=high, interval=f"bootstrap over {what}")


def over_values(values: Sequence[float]) -> Seeds:
    """Mean, t interval and spread of one value a seed.

    Raises:
        VectorError: no value, or one that is not a number.
    """
    from scipy.stats import t

    if not values or not np.isfinite(values).all():
        raise VectorError(f"seeds of the values {list(values)} have no mean")
    mean, s = float(np.mean(values)), len(values)
    if s == 1:
        return Seeds(mean, None, None, None, (mean,), None)
    spread = float(np.std(values, ddof=1))
    half = float(t.ppf(0.975, s - 1)) * spread / math.sqrt(s)
    told = f"t interval of {s} seeds"
    return Seeds(mean, mean - half, mean + half, spread, tuple(map(float, values)), told)


def _check(before: Tally, after: Tally) -> None:
    a, b = _columns(before), _columns(after)
    if a.shape != b.shape:
        raise VectorError(f"unpaired outcomes: {a.shape} and {b.shape}")
    if len(a) < 2:
        raise VectorError(f"a comparison needs at least 2 examples, got {len(a)}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise VectorError("an outcome is not a finite number")


def _columns(tally: Tally) -> np.ndarray:
    return np.asarray(tally.columns, np.float64)


def _value(tally: Tally) -> float:
    return float(_statistic(tally, _columns(tally).mean(0)))


def _statistic(tally: Tally, means: np.ndarray) -> np.ndarray:
    """The value of means `[..., k]`; NaN where it is not defined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(tally.statistic(means.T), np.float64)


def _drawn(before: Tally, after: Tally, resamples: int, seed: int) -> np.ndarray:
    """Differences of bootstrap samples `[resamples]`."""
    a, b = _columns(before), _columns(after)
    means = resampled(np.hstack([a, b]), resamples=resamples, seed=seed)
    k = a.shape[1]
    return _statistic(after, means[:, k:]) - _statistic(before, means[:, :k])


def _swapped(before: Tally, after: Tally, swaps: int, seed: int) -> np.ndarray:
    """Differences of random swaps `[swaps]`."""
    a, b = _columns(before), _columns(after)
    changed = (a != b).any(1)
    gap = (b - a)[changed] / len(a)  # [changed, k]: what a swap moves from one to the other
    rng = np.random.default_rng(seed)
    made = np.empty(swaps)
    block = max(1, _HELD // max(1, len(gap)))
    for at in range(0, swaps, block):
        size = min(block, swaps - at)
        moved = rng.integers(0, 2, (size, len(gap)), np.int8).astype(np.float64) @ gap
        made[at : at + size] = _statistic(after, b.mean(0) - moved) - _statistic(
            before, a.mean(0) + moved
        )
    return made


def _difference(before: Tally, after: Tally, drawn: np.ndarray, swapped: np.ndarray) -> Difference:
    return _told(_value(before), _value(after), len(before.columns), drawn, swapped)


def _told(
    before: float, after: float, n: int, drawn: np.ndarray, swapped: np.ndarray
) -> Difference:
    """A swap whose difference is not defined counts as far off, which is the careful side."""
    low, high = _ends(drawn)
    near = np.abs(swapped) < abs(after - before) - 1e-12
    p = (len(swapped) - int(near.sum()) + 1) / (len(swapped) + 1)
    return Difference(before, after, after - before, low, high, p, n)


def _ends(drawn: np.ndarray) -> tuple[float, float]:
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return math.nan, math.nan
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)
