"""The mixed model is that of its plain dense likelihood, and its interval means what it says."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import t, ttest_1samp

from isogloss.errors import TrainingError, UsageError, VectorError
from isogloss.task.mixed import mixed


def table(seed=0, tags=6, n=20, gain=0.3, slope=0.2, shared=True, binary=False, missing=0.0):
    """Rows of two strategies: outcome, strategy, language, item."""
    rng = np.random.default_rng(seed)
    hard, item = rng.normal(0, 0.5, tags), rng.normal(0, 0.7, n if shared else n * tags)
    helped = rng.normal(0, slope, (2, tags))
    rows = []
    for at in range(tags):
        for i in range(n):
            which = i if shared else at * n + i
            for k, strategy in enumerate(("zero-shot", "joint")):
                if rng.random() < missing:
                    continue
                y = gain * k + hard[at] + item[which] + helped[k, at] + rng.normal(0, 0.6)
                rows.append((float(y > 0) if binary else y, strategy, f"l{at}", f"i{which}"))
    return tuple(zip(*rows, strict=True))


def dense(outcomes, strategies, languages, items, *, others=True):
    """Least -2 log restricted likelihood with the whole covariance matrix, and the effect."""
    y = np.array(outcomes)
    second = np.array([s == "joint" for s in strategies], float)
    x = np.column_stack([np.ones(len(y)), second])
    groups = [items, languages]
    if others:
        groups.append(list(zip(strategies, languages, strict=True)))
    same = [np.array([[a == b for b in one] for a in one], float) for one in groups]

    def fitted(logs):
        *parts, rest = np.exp(2 * np.array(logs))
        v = sum(p * s for p, s in zip(parts, same, strict=True)) + rest * np.eye(len(y))
        inverse = np.linalg.inv(v)
        inner = x.T @ inverse @ x
        b = np.linalg.solve(inner, x.T @ inverse @ y)
        r = y - x @ b
        value = (
            np.linalg.slogdet(v)[1] + np.linalg.slogdet(inner)[1] + r @ inverse @ r
            + (len(y) - 2) * np.log(2 * np.pi)
        )  # fmt: skip
        return value, b[1], np.sqrt(np.linalg.inv(inner)[1, 1])

    best = minimize(lambda z: fitted(z)[0], np.full(len(groups) + 1, -1.0), method="Nelder-Mead",
                    options={"xatol": 1e-4, "fatol": 1e-7, "maxiter": 1500})  # fmt: skip
    return *fitted(best.x), np.exp(best.x)


@pytest.mark.parametrize("others", [True, False])
@pytest.mark.parametrize("shape", [{}, {"shared": False, "n": 9}, {"missing": 0.3, "binary": True}])
def test_it_is_the_dense_likelihood(shape, others):
    rows = table(1, **{"tags": 4, "n": 12, **shape})
    found = mixed(*rows, others=others)
    criterion, difference, error, _ = dense(*rows, others=others)
    assert found.criterion == pytest.approx(criterion, abs=1e-3)
    (effect,) = found.effects
    assert effect.difference == pytest.approx(difference, abs=1e-3)
    degrees = 3 if others else len(rows[0]) - 2
    assert found.degrees == degrees
    assert effect.high - effect.low == pytest.approx(2 * t.ppf(0.975, degrees) * error, rel=0.01)


def test_spreads_are_those_that_were_planted():
    found = mixed(*table(3, tags=30, n=80, slope=0.3))
    assert found.spreads["item"] == pytest.approx(0.7, rel=0.25)
    assert found.spreads["language"] == pytest.approx(0.5, rel=0.35)
    assert found.spreads["language of a strategy"] == pytest.approx(0.3, rel=0.3)
    assert found.spreads["rest"] == pytest.approx(0.6, rel=0.05)
    assert found.effects[0].low < 0.3 < found.effects[0].high and found.languages == 30


def test_balanced_rows_give_the_t_test_over_languages():
    """Complete rows and slopes: the paired t test of the languages' mean differences."""
    rows = table(5, tags=8, n=15, slope=0.5)
    y = np.array(rows[0]).reshape(8, 15, 2).mean(1)
    wanted = ttest_1samp(y[:, 1] - y[:, 0], 0)
    (effect,) = mixed(*rows).effects
    assert effect.difference == pytest.approx(np.mean(y[:, 1] - y[:, 0]))
    assert effect.p == pytest.approx(wanted.pvalue, rel=1e-3)
    interval = wanted.confidence_interval()
    assert (effect.low, effect.high) == pytest.approx((interval.low, interval.high), rel=1e-3)


def test_an_interval_about_other_languages_is_wider():
    rows = table(2, slope=0.6)
    wide, narrow = mixed(*rows), mixed(*rows, others=False)
    widths = [one.effects[0].high - one.effects[0].low for one in (wide, narrow)]
    assert widths[0] > 2 * widths[1]
    assert "other languages like these 6" in wide.meaning
    assert "these 6 languages and no others" in narrow.meaning


def test_the_interval_covers_what_it_should():
    """Languages drawn anew: with slopes it covers the truth, without it covers far too little."""
    hits = {True: 0, False: 0}
    for seed in range(14):
        rows = table(100 + seed, tags=6, n=5, slope=0.5)
        for others in hits:
            (effect,) = mixed(*rows, others=others).effects
            hits[others] += effect.low <= 0.3 <= effect.high
    assert hits[True] >= 12 and hits[False] <= 11


def test_three_strategies_and_an_order_of_their_own():
    y, strategies, languages, items = (list(column) for column in table(4))
    more = [value + 1 for value, s in zip(y, strategies, strict=True) if s == "zero-shot"]
    rows = [(a, b) for a, b, s in zip(languages, items, strategies, strict=True) if s != "joint"]
    y += more
    strategies += ["best"] * len(more)
    languages += [a for a, _ in rows]
    items += [b for _, b in rows]
    found = mixed(y, strategies, languages, items)
    assert found.against == "zero-shot" and [e.strategy for e in found.effects] == ["joint", "best"]
    assert found.effects[1].difference == pytest.approx(1.0, abs=1e-6)


def test_what_has_no_model_is_refused():
    y, strategies, languages, items = table(0)
    with pytest.raises(VectorError, match="one strategy"):
        mixed(y[1:], strategies, languages, items)
    with pytest.raises(VectorError, match="finite"):
        mixed((np.nan, *y[1:]), strategies, languages, items)
    with pytest.raises(UsageError, match="not 2 and 1"):
        mixed(y, strategies, ["a"] * len(y), items)
    with pytest.raises(UsageError, match="too few"):
        mixed(y[:5], strategies[:5], ["a", "b", "a", "b", "a"], items[:5])
    with pytest.raises(TrainingError, match="nothing varies"):
        mixed([0.5] * len(y), strategies, languages, items)
