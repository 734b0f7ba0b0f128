"""Strategies over many languages and items at once: a linear mixed model with random intercepts."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from isogloss.errors import TrainingError, UsageError, VectorError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from isogloss.task.contracts import Tally

ENOUGH = 5
"""Languages from which the spread among them is worth an estimate."""


class Effect(NamedTuple):
    """What a strategy has over the first.

    Attributes:
        strategy: its name.
        difference: of the mean outcome.
        low: lower end of its 95% interval.
        high: upper end.
        p: two-sided, of a t test.
    """

    strategy: str
    difference: float
    low: float
    high: float
    p: float


class Mixed(NamedTuple):
    """A fitted model.

    Attributes:
        against: the first strategy, and its mean.
        mean: of the first strategy.
        effects: of the others.
        spreads: standard deviations: `item`, `language`, `language of a strategy`, `rest`.
        languages: how many.
        degrees: of freedom of the t tests.
        meaning: what the intervals are about, in a sentence.
        criterion: -2 log restricted likelihood, for comparison with other programs.
    """

    against: str
    mean: float
    effects: list[Effect]
    spreads: dict[str, float]
    languages: int
    degrees: int
    meaning: str
    criterion: float


class _Model(NamedTuple):
    """Cross products of a model, which is all that its likelihood needs.

    Attributes:
        fixed: `[p + 1, p + 1]` of strategies and outcome.
        many: `[a]` rows of each level of the largest factor, whose block is diagonal.
        few: `[b, b]` of the levels of all other factors.
        cross: `[a, b]` rows that two levels share.
        many_fixed: `[a, p + 1]`.
        few_fixed: `[b, p + 1]`.
        few_sizes: levels of each of the other factors.
        n: rows.
    """

    fixed: np.ndarray
    many: np.ndarray
    few: np.ndarray
    cross: csr_array
    many_fixed: np.ndarray
    few_fixed: np.ndarray
    few_sizes: tuple[int, ...]
    n: int


def mixed(
    outcomes: Sequence[float] | np.ndarray,
    strategies: Sequence[str],
    languages: Sequence[str],
    items: Sequence[Hashable],
    *,
    others: bool = True,
) -> Mixed:
    """Is a strategy better, when some languages and some items are harder than others?

        outcome = mean of its strategy + item + language (+ language of that strategy) + rest

    where all but the first are normal with variances that restricted likelihood (REML) finds. An
    outcome that is right or wrong makes it a linear model of a share, which is good away from 0
    and 1; a measure that is no mean over items has no such model, see `task.compare`.

    With `others` a strategy may help some languages more than others, so its interval is about
    other languages like these, and its t test has one degree of freedom fewer than there are
    languages. Without, the interval is about these very languages and narrower. With few languages
    (under ten or so) the spread among them is hardly known and the first is wide: it then says
    that they are few, not that there is no difference.

    Args:
        outcomes: `[n]` one an example, language and strategy; seeds averaged, or as more rows.
        strategies: `[n]` names; the first that occurs is what the others are compared with.
        languages: `[n]` tags.
        items: `[n]` what is the same item: language and id, so that what two strategies say of one
            example is paired. Of n-way parallel sets ids alone make an item one of all languages;
            then what is hard in one language alone is in the rest, and intervals are wider.
        others: whether the languages stand for others.

    Raises:
        VectorError: unequal lengths, or an outcome that is not a number.
        UsageError: fewer than two strategies, languages, or rows beyond what is fitted.
        TrainingError: no likelihood, as where outcomes never vary.

    Source: Laird and Ware (1982), Random-effects models for longitudinal data; Bates et al. (2015),
    Fitting Linear Mixed-Effects Models Using lme4, section 3 (the profiled REML criterion); Barr et
    al. (2013), Random effects structure for confirmatory hypothesis testing (slopes by group).
    """
    y = np.asarray(outcomes, np.float64)
    if len({len(y), len(strategies), len(languages), len(items)}) != 1 or y.ndim != 1:
        raise VectorError("a mixed model needs one strategy, language and item an outcome")
    if not np.isfinite(y).all():
        raise VectorError("an outcome is not a finite number")
    names, which = _levels(strategies)
    tags, where = _levels(languages)
    if len(names) < 2 or len(tags) < 2:
        raise UsageError(
            f"a mixed model needs two strategies and two languages, not {len(names)} and "
            f"{len(tags)}"
        )
    factors = {"item": _levels(items)[1], "language": where}
    if others:
        factors["language of a strategy"] = _levels(list(zip(which, where, strict=True)))[1]
    design = np.eye(len(names))[which]
    design[:, 0] = 1.0  # [n, p]: the mean of the first, and what others have over it
    if len(y) <= design.shape[1] + len(factors):
        raise UsageError(f"{len(y)} outcomes are too few for a mixed model")
    order = sorted(factors, key=lambda name: -int(factors[name].max()))
    model = _model(design, y, [factors[name] for name in order])
    ratios = _fit(model)
    coefficients, covariance, rest, criterion = _solve(model, ratios)
    degrees = len(tags) - 1 if others else len(y) - design.shape[1]
    spread = dict(zip(order, (ratios * rest).tolist(), strict=True))
    told = (
        f"other languages like these {len(tags)}" if others
        else f"these {len(tags)} languages and no others"
    )  # fmt: skip
    return Mixed(
        names[0], float(coefficients[0]),
        [_effect(name, coefficients[k], covariance[k, k], degrees) for k, name in
         enumerate(names) if k],
        {**{name: spread[name] for name in factors}, "rest": rest},
        len(tags), degrees, f"The intervals are about {told}.", criterion,
    )  # fmt: skip


def mixed_languages(before: Mapping[str, Tally], after: Mapping[str, Tally]) -> tuple[Mixed, str]:
    """`mixed` of two systems over the languages they share, and what an outcome is.

    Of a measure that is a mean over examples, such as accuracy, an outcome is `an example`, paired
    with the other system's. Of any other, such as F1, it is `a language`: the measure there, which
    makes the test a paired t test over languages.

    Args:
        before: tallies of the first system by language.
        after: tallies of the second, of the same examples.

    Raises:
        UsageError: other languages, or fewer than two.
        TrainingError: see `mixed`.
    """
    from isogloss.task.compare import same_languages

    sides = {"before": before, "after": after}
    rows: list[tuple[float, str, str, Hashable]] = []
    tags = same_languages(sides)
    each = {(name, tag): outcomes(side[tag]) for name, side in sides.items() for tag in tags}
    whole = any(one is None for one in each.values())
    for (name, tag), own in each.items():
        values = [_value(sides[name][tag])] if own is None or whole else own.tolist()
        rows += [(value, name, tag, (tag, at)) for at, value in enumerate(values)]
    y, strategies, languages, items = zip(*rows, strict=True)
    if y[: len(y) // 2] == y[len(y) // 2 :]:  # what is left of rounding is no variance
        raise _nothing_varies()
    return mixed(y, strategies, languages, items), "a language" if whole else "an example"


def outcomes(tally: Tally) -> np.ndarray | None:
    """`[n]` the measure of each example alone, if the measure of all is their mean; else None."""
    columns = np.asarray(tally.columns, np.float64)  # [n, k]
    weights = np.random.default_rng(0).dirichlet(np.ones(len(columns)), 3).T  # [n, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.asarray(tally.statistic(columns.T), np.float64)
        drawn = np.asarray(tally.statistic(columns.T @ weights), np.float64)
    if not np.isfinite(each).all() or not np.allclose(drawn, each @ weights):
        return None
    return each


def _value(tally: Tally) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(tally.statistic(np.asarray(tally.columns, np.float64).mean(0)))


def _levels(values: Sequence[Hashable]) -> tuple[list, np.ndarray]:
    """Distinct values in the order in which they come, and the number of each."""
    seen: dict[Hashable, int] = {}
    numbers = [seen.setdefault(value, len(seen)) for value in values]
    return list(seen), np.array(numbers, np.int64)


def _model(design: np.ndarray, y: np.ndarray, factors: Sequence[np.ndarray]) -> _Model:
    """Cross products; the first factor is the one of most levels."""
    from scipy.sparse import csr_array, hstack

    n = len(y)
    fixed = np.column_stack([design, y])  # [n, p + 1]
    marks = [csr_array((np.ones(n), (np.arange(n), one))) for one in factors]  # [n, levels]
    many, few = marks[0], csr_array(hstack(marks[1:]))
    return _Model(
        fixed.T @ fixed, np.bincount(factors[0]).astype(float), (few.T @ few).toarray(),
        csr_array(many.T @ few), many.T @ fixed, few.T @ fixed,
        tuple(one.shape[1] for one in marks[1:]), n,
    )  # fmt: skip


def _solve(model: _Model, ratios: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Means, their covariance, the standard deviation of the rest, and the criterion.

    `ratios` are the factors' standard deviations over that of the rest. With L their diagonal and Z
    all factors' levels, A = L Z'Z L + I is solved by its diagonal block of the largest factor, so
    only the levels of the others are ever inverted.
    """
    first, second = ratios[0], np.repeat(ratios[1:], model.few_sizes)  # [b]
    diagonal = first**2 * model.many + 1.0  # [a]
    cross = first * model.cross.multiply(second[None, :]).tocsr()  # [a, b]
    few = second[:, None] * model.few * second + np.eye(len(second))
    scaled = cross.multiply(1 / diagonal[:, None]).tocsr()
    try:
        root = np.linalg.cholesky(few - (cross.T @ scaled).toarray())  # of the Schur complement
    except np.linalg.LinAlgError:
        raise _nothing_varies() from None
    of_many, of_few = first * model.many_fixed, second[:, None] * model.few_fixed
    left = np.linalg.solve(root, of_few - scaled.T @ of_many)  # [b, p + 1]
    freed = model.fixed - of_many.T @ (of_many / diagonal[:, None]) - left.T @ left
    inner, right = freed[:-1, :-1], freed[:-1, -1]
    coefficients = np.linalg.solve(inner, right)
    squares = float(freed[-1, -1] - right @ coefficients)
    degrees = model.n - len(inner)
    if not squares > 0:
        raise _nothing_varies()
    variance = squares / degrees
    logs = np.log(diagonal).sum() + 2 * np.log(np.diag(root)).sum() + np.linalg.slogdet(inner)[1]
    criterion = float(logs + degrees * (1 + np.log(2 * np.pi * variance)))
    return coefficients, np.linalg.inv(inner) * variance, float(np.sqrt(variance)), criterion


def _nothing_varies() -> TrainingError:
    return TrainingError("a mixed model has no likelihood: nothing varies beyond its levels",
                         remedy="compare the values themselves")  # fmt: skip


def _fit(model: _Model) -> np.ndarray:
    """The ratios of least criterion, from two starts, since a variance may well be 0."""
    from scipy.optimize import minimize

    count = 1 + len(model.few_sizes)
    found = [
        minimize(lambda x: _solve(model, np.abs(x))[3], np.full(count, start),
                 method="Nelder-Mead",
                 options={"xatol": 1e-4, "fatol": 1e-7, "maxiter": 2000})
        for start in (1.0, 0.2)
    ]  # fmt: skip
    return np.abs(min(found, key=lambda one: one.fun).x)


def _effect(name: str, difference: float, variance: float, degrees: int) -> Effect:
    from scipy.stats import t

    error = float(np.sqrt(variance))
    half = float(t.ppf(0.975, degrees)) * error
    p = 2 * float(t.sf(abs(difference) / error, degrees))
    return Effect(name, float(difference), float(difference - half), float(difference + half), p)
