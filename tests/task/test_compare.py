"""Differences between strategies: the same items, the same languages, honest p-values."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import UsageError, VectorError
from isogloss.score import bootstrap_mean, bootstrap_of_sums, holm, paired_test
from isogloss.task.compare import (
    averages,
    change_rows,
    compare,
    compare_languages,
    over_languages,
    over_seeds,
    over_values,
    same_languages,
    together,
)
from isogloss.task.contracts import Tally


def accuracy(hits):
    return Tally(np.asarray(hits, float)[:, None], lambda s: s[0])


def f1(counts):
    """Columns are true positives, predicted, gold."""
    return Tally(np.asarray(counts, float), lambda s: 2 * s[0] / (s[1] + s[2]))


def draw_counts(rng, n, rate):
    gold = rng.integers(1, 5, n)
    right = rng.binomial(gold, rate)
    return np.stack([right, right + rng.integers(0, 3, n), gold], 1)


def two_systems(seed=0, n=200, gain=0.15):
    rng = np.random.default_rng(seed)
    before = (rng.random(n) < 0.5).astype(float)
    after = np.where(rng.random(n) < gain, 1.0, before)
    return before, after


@pytest.mark.parametrize("seed, gain", [(0, 0.1), (1, 0.0), (2, 0.02)])
def test_of_a_mean_it_is_the_paired_test(seed, gain):
    before, after = two_systems(seed, gain=gain)
    found, wanted = compare(accuracy(before), accuracy(after)), paired_test(before, after)
    assert found.difference == pytest.approx(wanted.difference, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))
    assert found.p == pytest.approx(wanted.p, abs=0.01)
    assert (found.before, found.after) == pytest.approx((before.mean(), after.mean()))


def test_p_is_that_of_all_swaps():
    """Of F1 over six items every swap can be listed."""
    rng = np.random.default_rng(3)
    a, b = draw_counts(rng, 6, 0.4), draw_counts(rng, 6, 0.9)
    value = f1(a).statistic
    observed = abs(value(b.sum(0)) - value(a.sum(0)))
    extreme = 0
    for swap in itertools.product([False, True], repeat=6):
        left, right = (
            np.where(np.array(swap)[:, None], b, a),
            np.where(np.array(swap)[:, None], a, b),
        )
        extreme += abs(value(right.sum(0)) - value(left.sum(0))) >= observed - 1e-12
    assert compare(f1(a), f1(b)).p == pytest.approx(extreme / 64, abs=0.02)


def test_the_interval_draws_both_systems_at_once():
    """Paired, a constant gain has no width; unpaired it would."""
    hits = np.random.default_rng(0).random(100)
    found = compare(accuracy(hits), accuracy(hits + 0.25))
    assert (found.low, found.high) == pytest.approx((0.25, 0.25)) and found.p < 0.001
    both = np.hstack([draw_counts(np.random.default_rng(s), 80, 0.5) for s in (1, 2)])
    value = f1(both).statistic
    plain = bootstrap_of_sums(both, lambda s: value(s[3:]) - value(s[:3]))
    made = compare(f1(both[:, :3]), f1(both[:, 3:]))
    assert (made.difference, made.low, made.high) == pytest.approx(tuple(plain))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_changing_sides_changes_the_sign(seed):
    rng = np.random.default_rng(seed)
    a, b = f1(draw_counts(rng, 30, 0.4)), f1(draw_counts(rng, 30, 0.6))
    there, back = compare(a, b, swaps=500), compare(b, a, swaps=500)
    assert there.difference == pytest.approx(-back.difference)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.p == pytest.approx(back.p, abs=0.1)
    assert compare(a, a, swaps=50).p == 1.0


def test_p_values_of_equal_systems_are_even():
    rng = np.random.default_rng(0)
    ps = [
        compare(f1(draw_counts(rng, 40, 0.5)), f1(draw_counts(rng, 40, 0.5)),
                swaps=300, resamples=10).p
        for _ in range(300)
    ]  # fmt: skip
    assert 0.01 < np.mean(np.array(ps) < 0.05) < 0.1
    assert np.mean(ps) == pytest.approx(0.5, abs=0.06)


def test_the_least_p_value_is_that_of_the_difference_itself_and_rounding_is_no_difference():
    assert compare(accuracy([0.0] * 30), accuracy([1.0] * 30), swaps=999).p == 1 / 1000
    # Of three gains two swaps in eight, none and all, are as far from 0, though not to the bit.
    before, gains = np.array([0.6, 0.3, 0.0]), np.array([0.1, 0.5, 0.6])
    found = compare(accuracy(before), accuracy(before + gains), swaps=4000)
    assert found.p == pytest.approx(0.25, abs=0.03)


def test_undefined_swaps_count_against_a_difference():
    a, b = f1([[0, 0, 0], [0, 0, 0]]), f1([[1, 1, 1], [0, 0, 0]])
    assert compare(a, b).p == 1.0


def test_what_is_not_paired_is_refused():
    with pytest.raises(VectorError, match="unpaired"):
        compare(accuracy([1, 0]), accuracy([1, 0, 1]))
    with pytest.raises(VectorError, match="at least 2"):
        compare(accuracy([1]), accuracy([0]))
    with pytest.raises(VectorError, match="finite"):
        compare(accuracy([1, np.nan]), accuracy([0, 1]))


def languages(gains, seed=0, n=150):
    pairs = {tag: two_systems(seed + i, n, gain) for i, (tag, gain) in enumerate(gains.items())}
    return ({tag: accuracy(a) for tag, (a, _) in pairs.items()},
            {tag: accuracy(b) for tag, (_, b) in pairs.items()})  # fmt: skip


def test_languages_are_adjusted_and_averaged():
    before, after = languages({"hin_Deva": 0.2, "hau_Latn": 0.01, "tel_Telu": 0.0})
    found, mean = compare_languages(before, after)
    assert [one.p_holm for one in found.values()] == holm([one.p for one in found.values()])
    assert found["hin_Deva"].p_holm < 0.01 and found["tel_Telu"].p_holm == 1.0
    assert mean.difference == pytest.approx(np.mean([d.difference for d in found.values()]))
    assert mean.low < mean.difference < mean.high and mean.n == 450 and mean.p_holm is None


def test_parallel_languages_draw_the_same_items():
    """Copies of one language tell no more than it; apart, they would seem to."""
    before, after = two_systems(4, gain=0.1)
    copies = [dict.fromkeys("abcd", accuracy(side)) for side in (before, after)]
    one = compare(accuracy(before), accuracy(after))
    _, shared = compare_languages(*copies, parallel=True)
    _, apart = compare_languages(*copies)
    assert (shared.low, shared.high) == pytest.approx((one.low, one.high))
    assert apart.high - apart.low < 0.65 * (shared.high - shared.low)
    assert shared.difference == pytest.approx(apart.difference)


def test_averages_are_over_the_same_languages_only():
    systems = {"zero-shot": {"hin_Deva": 0.5, "hau_Latn": 0.7}, "few-shot": {"hin_Deva": 0.9}}
    with pytest.raises(UsageError, match="few-shot lacks hau_Latn"):
        averages(systems)
    systems["few-shot"]["hau_Latn"] = 0.7
    assert averages(systems) == {"zero-shot": pytest.approx(0.6), "few-shot": pytest.approx(0.8)}
    before, after = languages({"hin_Deva": 0.1, "hau_Latn": 0.1})
    del after["hin_Deva"]
    with pytest.raises(UsageError, match="after lacks hin_Deva"):
        compare_languages(before, after)
    with pytest.raises(UsageError, match="at least one"):
        same_languages({"a": {}, "b": {}})
    with pytest.raises(UsageError, match="no value for hin_Deva"):
        averages({"a": {"hin_Deva": float("nan")}})


def test_rows_of_change():
    before, after = languages({"hin_Deva": 0.2, "hau_Latn": 0.0})
    about = {"strategy": "few-shot", "against": "zero-shot", "task": "classify", "seed": 1}
    rows = change_rows(compare_languages(before, after)[0], measure="accuracy", **about)
    first = rows.one(language="hin_Deva", stage="change", strategy="few-shot", seed=1)
    assert first.settings["against"] == "zero-shot" and first.settings["p_holm"] < 0.01
    assert first.low < first.value < first.high


def test_together_is_the_mean_of_values():
    rng = np.random.default_rng(0)
    tallies = [f1(draw_counts(rng, 50, rate)) for rate in (0.2, 0.5, 0.8)]
    made = together(tallies)
    values = [float(one.statistic(one.columns.mean(0))) for one in tallies]
    assert made.statistic(made.columns.mean(0)) == pytest.approx(np.mean(values))
    with pytest.raises(VectorError, match="50, 60 examples"):
        together([tallies[0], f1(draw_counts(rng, 60, 0.5))])
    with pytest.raises(VectorError, match="no examples"):
        together([])


def test_seeds_give_mean_interval_spread_and_their_values():
    rng = np.random.default_rng(1)
    tallies = [accuracy(rng.random(200) < rate) for rate in (0.5, 0.55, 0.6)]
    found = over_seeds(tallies)
    values = [one.columns.mean() for one in tallies]
    assert found.values == pytest.approx(values) and found.mean == pytest.approx(np.mean(values))
    assert found.spread == pytest.approx(np.std(values, ddof=1))
    assert found.interval == "bootstrap over examples and seeds"
    only = bootstrap_mean(together(tallies).columns.mean(1))[0]
    assert found.high - found.low > only.high - only.low  # seeds add to what examples bring
    student = over_seeds(tallies, interval="t")
    half = 4.302652729911275 * found.spread / np.sqrt(3)  # t of 2 degrees at 0.975
    assert (student.low, student.high) == pytest.approx((found.mean - half, found.mean + half))
    assert student.interval == "t interval of 3 seeds"


def test_equal_seeds_add_nothing_and_one_seed_is_its_examples():
    hits = accuracy(np.random.default_rng(1).random(200) < 0.5)
    one, three = over_seeds([hits]), over_seeds([hits] * 3)
    assert (one.low, one.high) == pytest.approx((three.low, three.high))
    assert one.interval == "bootstrap over examples" and one.spread is None and three.spread == 0
    assert over_values([0.5]).low is None


def test_seeds_that_have_no_mean_are_refused():
    with pytest.raises(VectorError, match="have no mean"):
        over_values([0.5, float("nan")])
    with pytest.raises(UsageError, match="'normal'"):
        over_seeds([accuracy([0, 1])], interval="normal")
    with pytest.raises(VectorError, match="at least 2 examples"):
        over_seeds([accuracy([1])])


def test_a_mean_over_languages_is_of_their_values_and_its_interval_knows_what_is_parallel():
    rng = np.random.default_rng(0)
    hits = (rng.random(300) < 0.6).astype(float)
    same = {tag: accuracy(hits) for tag in ("deu", "fra", "hin", "rus")}  # one errs as all do
    drawn, alone = over_languages(same, parallel=True), bootstrap_mean(hits)[0]
    assert (drawn.low, drawn.high) == pytest.approx((alone.low, alone.high))
    apart = over_languages(same)
    assert drawn.value == apart.value == pytest.approx(hits.mean())
    assert apart.high - apart.low == pytest.approx((drawn.high - drawn.low) / 2, rel=0.25)
    unequal = {"deu": f1(draw_counts(rng, 50, 0.4)), "fra": f1(draw_counts(rng, 20, 0.9))}
    values = [float(one.statistic(one.columns.sum(0))) for one in unequal.values()]
    assert over_languages(unequal).value == pytest.approx(np.mean(values))
    with pytest.raises(VectorError, match="no examples in common"):
        over_languages(unequal, parallel=True)
