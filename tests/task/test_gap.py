"""The gap between the source and a target: what a plain difference says, with an interval."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.score import paired_test
from isogloss.task.contracts import Tally
from isogloss.task.gap import transfer_gap


def mean(right):
    columns = np.stack([np.array(right, np.float64), np.ones(len(right))], 1)
    return Tally(columns, lambda sums: sums[0] / sums[1])


RIGHT = st.lists(st.booleans(), min_size=2, max_size=30)


@given(RIGHT, RIGHT)
def test_it_is_the_plain_difference_inside_its_interval(source, target):
    row = transfer_gap(mean(source), mean(target), of="accuracy", parallel=False)
    assert row.value == pytest.approx(np.mean(source) - np.mean(target))
    assert row.low <= row.value + 1e-9 and row.value - 1e-9 <= row.high
    told = {"of": "accuracy", "source": np.mean(source), "target": np.mean(target)}
    assert row.settings == told
    assert row.n == len(target) and row.measure == "transfer_gap"


def test_translations_are_drawn_together_and_the_interval_is_that_of_the_pairs():
    rng = np.random.default_rng(0)
    source = rng.random(300) < 0.7
    target = source & (rng.random(300) < 0.8)
    paired, apart = (
        transfer_gap(mean(source), mean(target), of="accuracy", parallel=parallel)
        for parallel in (True, False)
    )
    plain = paired_test(target.astype(float), source.astype(float), seed=0)
    assert paired.value == apart.value == pytest.approx(plain.difference)
    assert (paired.low, paired.high) == pytest.approx((plain.low, plain.high), abs=0.01)
    assert apart.high - apart.low > 1.3 * (paired.high - paired.low)


def test_tests_of_unequal_length_are_drawn_apart():
    row = transfer_gap(
        mean([1] * 400), mean([0, 1] * 100), of="accuracy", parallel=False, language="deu_Latn"
    )
    spread = 1.96 * np.sqrt(0.25 / 200)
    assert row.value == 0.5 and row.language == "deu_Latn"
    assert row.low == pytest.approx(0.5 - spread, abs=0.02)
    assert row.high == pytest.approx(0.5 + spread, abs=0.02)
