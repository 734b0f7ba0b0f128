"""Languages over time: shares sum to 1, caps hold, phases change what is read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import SettingsError, TrainingError, UnknownLanguage, UsageError
from isogloss.settings import read_settings
from isogloss.train.batch import spots
from isogloss.train.mixtures.masked import MaskedText
from isogloss.train.mixtures.shares import Plan, Sampling, easiest_first, planned, unimax
from isogloss.vocabulary.sampling import shares

COUNTS = {"eng_Latn": 800, "deu_Latn": 150, "mri_Latn": 10}


def plan(steps=100, alpha=0.5, size=8, counts=COUNTS, **sampling):
    return Plan(counts, alpha, read_settings(Sampling, sampling), steps, size)


@given(st.lists(st.floats(0.1, 1e4), min_size=1, max_size=8), st.floats(0.1, 1e5),
       st.floats(0.1, 20))  # fmt: skip
def test_unimax_fills_each_language_to_one_level_or_its_cap(sizes, budget, epochs):
    counts = {str(i): size for i, size in enumerate(sizes)}
    found = unimax(counts, budget, epochs)
    assert sum(found.values()) == pytest.approx(1)
    caps = {tag: epochs * n for tag, n in counts.items()}
    if sum(caps.values()) <= budget:
        whole = sum(counts.values())
        assert found == pytest.approx({tag: n / whole for tag, n in counts.items()})
        return
    # The plain definition: the level at which min(level, cap) sums to the budget.
    low, high = 0.0, budget
    for _ in range(200):
        level = (low + high) / 2
        low, high = (
            (low, level) if sum(min(level, c) for c in caps.values()) > budget else (level, high)
        )
    wanted = {tag: min(level, cap) / budget for tag, cap in caps.items()}
    assert found == pytest.approx(wanted, rel=1e-6)


def test_without_a_sampling_shares_are_by_temperature_at_every_step():
    assert plan().shares(0) == plan().shares(99) == shares(COUNTS, 0.5)
    assert Plan(COUNTS, 0.5).shares(7) == shares(COUNTS, 0.5)


def test_a_fixed_imbalance_and_a_schedule_of_it():
    fixed = plan(by_hand={"eng_Latn": 0.9})
    for step in (0, 99):
        found = fixed.shares(step)
        assert found["eng_Latn"] == pytest.approx(0.9) and sum(found.values()) == pytest.approx(1)
        rest = shares({t: n for t, n in COUNTS.items() if t != "eng_Latn"}, 0.5)
        assert found["mri_Latn"] == pytest.approx(0.1 * rest["mri_Latn"])
    moving = plan(by_hand={"eng_Latn": [[0, 0.9], [0.5, 0.5]]})
    assert [round(moving.shares(s)["eng_Latn"], 6) for s in (0, 25, 50, 99)] == [0.9, 0.7, 0.5, 0.5]
    assert all(sum(moving.shares(step).values()) == pytest.approx(1) for step in range(100))


def test_phases_lower_temperature_and_mask_and_let_languages_join():
    mmbert = plan(phases=[
        {"until": 0.5, "alpha": 0.7, "hidden": 0.3, "languages": ["eng_Latn", "deu_Latn"]},
        {"until": 0.8, "alpha": 0.5, "hidden": 0.15},
        {"until": 1.0, "alpha": 0.3, "hidden": 0.05},
    ])  # fmt: skip
    two = {tag: n for tag, n in COUNTS.items() if tag != "mri_Latn"}
    assert mmbert.shares(49) == shares(two, 0.7)
    assert mmbert.shares(50) == shares(COUNTS, 0.5) and mmbert.shares(80) == shares(COUNTS, 0.3)
    assert [mmbert.hidden(step) for step in (0, 49, 50, 79, 80, 99)] == [
        0.3, 0.3, 0.15, 0.15, 0.05, 0.05,
    ]  # fmt: skip


def test_what_a_masked_batch_holds_follows_the_plan():
    rng = np.random.default_rng(0)
    windows = {tag: [rng.integers(5, 99, 20) for _ in range(n)] for tag, n in COUNTS.items()}
    text = MaskedText(windows, 4, [0, 1, 2, 3, 4], 100, plan=plan(size=60, phases=[
        {"until": 0.5, "hidden": 0.4, "languages": ["eng_Latn"]}, {"until": 1, "alpha": 0.0},
    ]))  # fmt: skip
    first, last = ([text.batch(0, step) for step in some] for some in (range(50), range(50, 100)))
    assert all(set(batch["read"]) == {"eng_Latn"} for batch in first)
    read = [batch["read"].get("mri_Latn", 0) / len(batch["ids"]) for batch in last]
    assert np.mean(read) == pytest.approx(1 / 3, abs=0.02)
    hidden = [np.mean([len(spots(b)) / len(b["ids"]) for b in some]) for some in (first, last)]
    assert hidden == pytest.approx([0.4, 0.15], abs=0.01)


def test_epochs_are_those_that_batches_show():
    uneven = plan(steps=400, by_hand={"mri_Latn": [[0, 0.0], [1, 0.6]]})
    windows = {tag: [np.array([i, i]) for i in range(n)] for tag, n in COUNTS.items()}
    seen = dict.fromkeys(COUNTS, 0)
    for step in range(400):
        for tag in uneven.draw(windows, np.random.default_rng([0, step]), step)[0]:
            seen[tag] += 1
    told = uneven.epochs()
    for tag, times in told.items():
        assert seen[tag] / COUNTS[tag] == pytest.approx(times, rel=0.15)
    capped = plan(steps=100, epochs=2.0).epochs()
    assert capped["mri_Latn"] == pytest.approx(2) and capped["deu_Latn"] == pytest.approx(2)
    assert capped["eng_Latn"] == pytest.approx((800 - 320) / 800)


def test_a_curriculum_begins_with_the_easiest_and_ends_with_all():
    rng = np.random.default_rng(0)
    windows = easiest_first([rng.integers(0, 50, n) for n in rng.integers(1, 40, 200)])
    lengths = [len(ids) for ids in windows]
    assert np.corrcoef(lengths, range(200))[0, 1] > 0.95
    common, rare = np.array([1] * 9 + [2] * 9), np.array([3, 4])
    assert easiest_first([rare, common])[0] is rare  # length counts
    assert easiest_first([np.array([5, 6]), np.array([1, 1]), common])[0].tolist() == [1, 1]
    grown = plan(counts={"eng_Latn": 200}, easy=0.1, easy_until=0.4)
    assert [grown.reach(step) for step in (0, 40, 99)] == pytest.approx([0.1, 1, 1])
    assert grown.reach(10) == pytest.approx(np.sqrt(0.25 * 0.99 + 0.01))
    for step, limit in ((0, 20), (99, 200)):
        seen = {
            id(ids) for n in range(60) for ids in grown.draw(
                {"eng_Latn": windows}, np.random.default_rng(n), step)[1]
        }  # fmt: skip
        assert seen <= {id(ids) for ids in windows[:limit]} and len(seen) > 0.8 * limit


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        ({"phases": [{"until": 0.5}]}, "must rise from phase to phase and end at 1"),
        ({"phases": [{"until": 1}, {"until": 1}]}, "must rise"),
        ({"by_hand": {"eng_Latn": 1.2}}, "between 0 and 1"),
        ({"by_hand": {"eng_Latn": []}}, "between 0 and 1"),
        ({"epochs": 2, "phases": [{"until": 1}]}, "no phases beside"),
        ({"easy": 0}, "greater than 0"),
    ],
)
def test_samplings_that_cannot_be_are_refused(sampling, said):
    with pytest.raises(SettingsError, match=said):
        read_settings(Sampling, sampling)


def test_plans_that_cannot_be_are_refused():
    with pytest.raises(UsageError, match=r"sum to 1\.3 after 0%"):
        plan(by_hand={"eng_Latn": 0.9, "deu_Latn": 0.4})
    with pytest.raises(UsageError, match=r"sum to 1\.1 after 100%"):
        plan(steps=10_000, by_hand={"eng_Latn": 0.5, "deu_Latn": [[0, 0.2], [1, 0.6]]})
    with pytest.raises(UsageError, match="no language is read until 50%"):
        plan(phases=[{"until": 0.5, "languages": ["fra_Latn"]}, {"until": 1}])
    with pytest.raises(UsageError, match="their number is not known"):
        plan(steps=0, easy=0.5)


def test_tags_are_read_as_users_write_them_and_epochs_are_told():
    from types import SimpleNamespace

    notes = []
    material = SimpleNamespace(
        numbers={"eng_Latn": 0, "deu_Latn": 1, "mri_Latn": 2}, steps=10, note=notes.append
    )
    windows = {"eng_Latn": [np.array([1, 2])] * 4, "deu_Latn": [np.array([3])], "mri_Latn": []}
    made = read_settings(Sampling, {"by_hand": {"eng": 0.25}, "phases": [
        {"until": 1, "languages": ["eng", "de"]}]})  # fmt: skip
    there, found = planned(material, "t", windows, made, alpha=1, size=4)
    assert list(there) == ["eng_Latn", "deu_Latn"]
    assert found.shares(0) == pytest.approx({"eng_Latn": 0.25, "deu_Latn": 0.75})
    assert notes == ["t: times that a window is read: eng_Latn 2.5, deu_Latn 30"]
    for tag, kind in (("mri", TrainingError), ("fra", UnknownLanguage)):
        wrong = read_settings(Sampling, {"by_hand": {tag: 0.5}})
        with pytest.raises(kind, match=r"mri_Latn|fra"):
            planned(material, "t", windows, wrong, alpha=1, size=4)


def test_shares_by_hand_that_are_over_one_by_rounding_are_drawn_from():
    made = plan(by_hand={"eng_Latn": 0.5000004, "deu_Latn": 0.5000004})
    found = made.shares(0)
    assert sum(found.values()) == pytest.approx(1, abs=1e-12)
    made.draw({tag: [0] * 50 for tag in made.counts}, np.random.default_rng(0), 0)
