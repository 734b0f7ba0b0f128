"""What systems have over the first: these languages by paired tests, others by a mixed model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from isogloss.task.changes import MIXED, changes
from isogloss.task.contracts import Tally
from isogloss.task.metrics.similarity import correlations
from isogloss.task.metrics.sums import mean, prf, share
from isogloss.task.mixed import mixed_languages, outcomes

TAGS = [f"l{i}" for i in range(8)]


def right(seed=0, n=60, tags=TAGS, gains=()):
    """Accuracy by language of two systems; the second is right more often by a gain a language."""
    rng = np.random.default_rng(seed)
    gains = gains or [0.25] * len(tags)
    before, after = {}, {}
    for at, (tag, gain) in enumerate(zip(tags, gains, strict=True)):
        was = rng.random(n) < 0.1 + 0.1 * at
        before[tag] = mean(was.astype(float))
        after[tag] = mean((was | (rng.random(n) < gain)).astype(float))
    return before, after


def values(side):
    return np.array([float(one.statistic(one.columns.mean(0))) for one in side.values()])


def made(systems, notes, **about):
    return changes(systems, measure="accuracy", parallel=False, seed=0, notes=notes,
                   dataset="kinds", **about)  # fmt: skip


def test_rows_are_of_languages_their_mean_and_other_languages():
    before, after = right(gains=[0.3, 0.1, 0.5, 0.2, 0.0, 0.6, 0.4, 0.5])
    notes = []
    rows = made({"plain": before, "extended": after, "same": right(1)[0]}, notes)
    own = rows.where(strategy="extended")
    assert [row.language for row in own][:8] == TAGS and not notes
    assert all("p_holm" in row.settings for row in own[:8])
    average, other = own[8], own[9] if len(own) > 9 else None
    assert average.language is None and other is not None and other.language is None
    assert other.settings["test"] == MIXED and other.settings["outcome"] == "an example"
    assert other.value == pytest.approx(average.value) and other.n == 8 * 60
    # Languages gain unequally, so that others like them are known less well than these.
    assert other.high - other.low > 1.5 * (average.high - average.low)
    wanted = ttest_rel(values(after), values(before))
    assert other.settings["p"] == pytest.approx(wanted.pvalue, rel=0.02)
    interval = wanted.confidence_interval()
    assert (other.low, other.high) == pytest.approx((interval.low, interval.high), rel=0.02)


def test_what_is_not_defined_has_no_value_and_is_said():
    """A correlation with what is told alike of all pairs, as where no token is known."""
    rng = np.random.default_rng(0)
    gold = {tag: rng.random(20) for tag in TAGS}
    after = {tag: correlations(gold[tag], gold[tag] + rng.random(20))["spearman"] for tag in TAGS}
    same = correlations(gold[TAGS[0]], [1.0] * 20)["spearman"]
    notes = []
    rows = changes({"plain": {**after, TAGS[0]: same}, "new": after}, measure="spearman",
                   parallel=False, seed=0, notes=notes)  # fmt: skip
    told = {row.language: row.value for row in rows}
    assert told[TAGS[0]] is None is told[None] and told[TAGS[1]] == 0
    assert notes == ["new against plain: no mixed-effects test over languages: an outcome is not a "
                     "finite number"]  # fmt: skip
    rows.to_json()


def test_p_values_of_strategies_are_adjusted_together():
    before, after = right()
    rows = made({"a": before, "b": after, "c": right(5)[1]}, [])
    effects = [row for row in rows if row.settings["test"] == MIXED]
    ps = sorted(row.settings["p"] for row in effects)
    assert min(row.settings["p_holm"] for row in effects) == pytest.approx(2 * ps[0])


def test_a_measure_that_is_no_mean_is_a_t_test_over_languages():
    rng = np.random.default_rng(0)

    def f1(gain):
        counts = {tag: rng.integers(1, 6, (40, 1)) for tag in TAGS}
        return {
            tag: prf(np.hstack([rng.binomial(gold, 0.5 + gain), gold, gold]))["f1"]
            for tag, gold in counts.items()
        }

    before, after = f1(0.0), f1(0.05)
    found, outcome = mixed_languages(before, after)
    wanted = ttest_rel(values(after), values(before))
    assert outcome == "a language" and found.effects[0].p == pytest.approx(wanted.pvalue, rel=1e-3)


def test_few_languages_or_no_difference_give_a_note_and_no_row():
    notes = []
    few = right(tags=TAGS[:4])
    rows = made(dict(zip(("a", "b"), few, strict=True)), notes)
    assert not [row for row in rows if row.settings["test"] == MIXED] and len(rows) == 5
    assert notes == ["b against a: no mixed-effects test over languages, as there are 4, and it "
                     "takes 5"]  # fmt: skip
    for one in ({tag: mean(np.ones(9)) for tag in TAGS}, right()[0]):
        rows = made({"a": one, "b": one}, notes)
        assert not [row for row in rows if row.settings["test"] == MIXED]
        assert notes[-1].endswith("nothing varies beyond its levels")
    assert len(notes) == 3


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 4)), min_size=3, max_size=20))
def test_outcomes_are_given_of_means_alone(rows):
    right, sizes = (np.array(column, float) for column in zip(*rows, strict=True))
    np.testing.assert_array_equal(outcomes(mean(right)), right)
    of_words = share(right * sizes, sizes)
    if len(set(sizes)) > 1 and 0 < right.sum() < len(right):
        found = outcomes(of_words)
        assert found is None or np.isclose(right @ sizes / sizes.sum(), right.mean())
    undefined = Tally(np.zeros((4, 2)), lambda s: s[0] / s[1])
    assert outcomes(undefined) is None
