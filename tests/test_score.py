"""Scores keep what they are made of; intervals and tests agree with their plain definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError, VectorError
from isogloss.score import (
    COLUMNS,
    Score,
    Scores,
    bootstrap_mean,
    bootstrap_ratio,
    holm,
    paired_test,
)


def rows():
    return Scores(
        [
            Score(measure="mexa", value=0.5, n=9, language="deu_Latn", low=0.4, high=0.6, layer=3,
                  dropped={"missing": 2}, settings={"k": 4}),
            Score(measure="mexa", value=None, n=9, language="fra_Latn"),
        ]
    )  # fmt: skip


@pytest.mark.parametrize("name", ["results.json", "results.parquet"])
def test_rows_read_back_equal(tmp_path, name):
    path = tmp_path / name
    (rows().to_json if name.endswith("json") else rows().to_parquet)(path)
    assert Scores.read(path) == rows()


def test_columns_are_those_of_the_contract():
    assert list(rows().to_rows()[0]) == list(COLUMNS) == rows().to_arrow().column_names


def test_where_one_and_mean():
    assert rows().one(language="deu_Latn").value == 0.5
    with pytest.raises(UsageError, match="no such column: languag"):
        rows().where(languag="x")
    with pytest.raises(UsageError, match="1 of 2 scores are defined"):
        rows().mean(measure="mexa")
    with pytest.raises(UsageError, match="more than once"):
        (rows() + rows()).mean(measure="mexa")


def test_it_prints_escaped_in_a_notebook():
    bad = Scores([Score(measure="<script>", value=1.0, n=2)])
    assert "<script>" not in bad._repr_html_() and "&lt;script&gt;" in bad._repr_html_()


def test_a_file_without_scores_is_refused(tmp_path):
    (tmp_path / "x.json").write_text('[{"colour": 1}]')
    with pytest.raises(CorpusError, match="does not hold scores"):
        Scores.read(tmp_path / "x.json")


def test_bootstrap_agrees_with_a_plain_loop():
    outcomes = np.random.default_rng(1).random(40)
    found = bootstrap_mean(outcomes, resamples=500, seed=3)[0]
    draws = np.random.default_rng(3).integers(0, 40, size=(500, 40))
    means = [np.mean([outcomes[i] for i in draw]) for draw in draws]
    np.testing.assert_allclose(found[1:], np.percentile(means, [2.5, 97.5]))
    assert found.value == pytest.approx(outcomes.mean())


def test_bootstrap_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    samples = (rng.random((100, 300)) < 0.3).astype(float)  # 300 experiments of 100 items
    hits = sum(i.low <= 0.3 <= i.high for i in bootstrap_mean(samples))
    assert 270 <= hits <= 297


def test_ratio_of_sums():
    found = bootstrap_ratio(np.array([2.0, 4.0]), np.array([1.0, 2.0]))
    assert found == (2.0, 2.0, 2.0)
    with pytest.raises(VectorError):
        bootstrap_ratio(np.ones(2), np.zeros(2))


@pytest.mark.parametrize("bad", [[1.0], [1.0, np.nan]])
def test_too_few_or_undefined_outcomes_are_refused(bad):
    with pytest.raises(VectorError):
        bootstrap_mean(np.array(bad))


def test_paired_test_finds_a_real_change_and_no_other():
    rng = np.random.default_rng(0)
    before = (rng.random(400) < 0.3).astype(float)
    better = np.maximum(before, (rng.random(400) < 0.1).astype(float))
    assert paired_test(before, better).p < 0.001
    assert paired_test(before, before).p == 1.0
    shuffled = before.copy()
    swap = rng.permutation(400)[:100]
    shuffled[swap] = shuffled[rng.permutation(swap)]
    assert paired_test(before, shuffled).p > 0.05
    with pytest.raises(VectorError, match="unpaired"):
        paired_test(before, before[1:])


def test_sign_flips_agree_with_all_of_them_counted():
    difference = np.array([1.0, 2.0, -0.5, 3.0, 1.5])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 5)).reshape(5, -1)
    exact = np.mean(np.abs(difference @ signs) >= abs(difference.sum()) - 1e-12)
    assert paired_test(np.zeros(5), difference, resamples=20_000).p == pytest.approx(
        exact, abs=0.01
    )


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_agrees_with_its_definition(ps):
    m, order, worst = len(ps), np.argsort(ps, kind="stable"), 0.0
    expected = [0.0] * m
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, (m - rank) * ps[i]))
        expected[i] = worst
    assert holm(ps) == pytest.approx(expected)
    assert all(a >= p for a, p in zip(holm(ps), ps, strict=True))


def test_samples_drawn_in_blocks_are_those_drawn_at_once(monkeypatch):
    from isogloss import score

    columns = np.random.default_rng(0).normal(size=(37, 3))
    whole = score.resampled(columns, resamples=50, seed=4)
    monkeypatch.setattr(score, "_KEPT", 37 * 7)
    np.testing.assert_allclose(score.resampled(columns, resamples=50, seed=4), whole, rtol=1e-12)
    monkeypatch.setattr(score, "_KEPT", 1)
    np.testing.assert_allclose(score.resampled(columns, resamples=50, seed=4), whole, rtol=1e-12)
