"""A ledger counts every label once and says what chose the checkpoint."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import UsageError
from isogloss.task.examples import TEXT, make_examples
from isogloss.task.ledger import Ledger, Translations, labels_used, timed


def lines(n, language="eng_Latn", split="train", *, first=0, labels=True):
    ids = [f"i{first + i}" for i in range(n)]
    columns = {"id": ids, "text": ids, "label": ["a" if labels else None] * n}
    return make_examples("sib200", language, TEXT, columns, split=split)


def test_zero_shot_says_that_no_target_label_was_seen():
    ledger = Ledger(target="hin_Deva") + labels_used(lines(701), "train")
    assert ledger.rule() == (
        "trained on 701 labels of eng_Latn; the last step was kept; no label of hin_Deva was seen"
    )


def test_a_planted_target_selected_checkpoint_is_told():
    honest = Ledger(target="hin_Deva") + labels_used(lines(701), "train")
    planted = honest + labels_used(lines(99, "hin_Deva", "dev"), "select")
    assert planted.rule().startswith(
        "WARNING: the checkpoint was chosen on 99 labels of hin_Deva (target-selected)"
    )
    assert "no label of hin_Deva" not in planted.rule() and "last step" not in planted.rule()
    assert planted.target_selected == 99 and honest.target_selected == 0


def test_another_script_of_the_target_is_the_target():
    planted = Ledger(target="hin_Deva") + labels_used(lines(9, "hin_Latn", "dev"), "select")
    assert planted.rule().startswith("WARNING: the checkpoint was chosen on 9 labels of hin_Latn")


def test_selection_on_the_source_is_told_and_no_warning():
    ledger = Ledger(target="hin_Deva") + labels_used(lines(701), "train")
    ledger += labels_used(lines(99, split="dev"), "select")
    assert ledger.rule() == (
        "trained on 701 labels of eng_Latn; the checkpoint was chosen on 99 labels of eng_Latn; "
        "no label of hin_Deva was seen"
    )


def test_few_shot_labels_are_told():
    ledger = Ledger(target="hin_Deva") + labels_used(lines(701), "train")
    ledger += labels_used(lines(1, "hin_Deva"), "train")
    assert ledger.rule() == (
        "trained on 701 labels of eng_Latn and 1 of hin_Deva; the last step was kept; training "
        "saw 1 label of hin_Deva"
    )


@pytest.mark.parametrize("use", ["train", "select"])
def test_labels_of_any_test_are_a_warning(use):
    ledger = Ledger(target="hin_Deva") + labels_used(lines(5, "eng_Latn", "test"), use)
    assert ledger.rule().startswith("WARNING: 5 labels of eng_Latn from a test were")


def test_translations_carry_labels_of_what_they_were_made_from():
    made = labels_used(lines(701, "hin_Deva"), "train", language="eng_Latn")
    assert (Ledger(target="hin_Deva") + made).rule().endswith("no label of hin_Deva was seen")


def test_unlabelled_examples_count_for_nothing():
    assert labels_used(lines(9, "hin_Deva", labels=False), "train").labels == {}


def test_a_use_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="'tune'"):
        labels_used(lines(3), "tune")


def test_an_example_used_twice_counts_once():
    both = labels_used(lines(10), "train") + labels_used(lines(10, first=5), "train")
    assert both.counted("train") == {"eng_Latn": 15}


parts = st.builds(
    lambda n, first, use, seconds, memory, texts, alone: timed(
        labels_used(lines(n, first=first), use), train_seconds=seconds, peak_memory=memory,
        unlabelled={"hin_Deva": texts}, translations=Translations(texts, 9 * texts, 1, seconds),
        in_use=Translations(texts, 3 * texts, 1, seconds), align_seconds=seconds,
        parallel={("eng_Latn", "hin_Deva"): texts}, alone=alone,
    ),
    st.integers(1, 9), st.integers(0, 9), st.sampled_from(["train", "select"]),
    st.integers(0, 9), st.none() | st.integers(0, 9), st.integers(0, 9),
    st.just(()) | st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
)  # fmt: skip


@given(parts, parts, parts)
def test_ledgers_add_in_any_order(a, b, c):
    assert (a + b) + c == a + (b + c)
    assert (a + b).settings() == (b + a).settings()
    assert a + Ledger() == a
    assert (a + b).translations.texts == a.translations.texts + b.translations.texts
    known = [one.peak_memory for one in (a, b) if one.peak_memory is not None]
    assert (a + b).peak_memory == max(known, default=None)
    assert (a + b).in_use.seconds == a.in_use.seconds + b.in_use.seconds
    json.dumps((a + b).settings(), allow_nan=False)


def test_ledgers_of_different_attempts_do_not_add():
    with pytest.raises(UsageError, match=r"hin_Deva.*tel_Telu"):
        Ledger(target="hin_Deva") + Ledger(target="tel_Telu")
    with pytest.raises(UsageError, match="below 0"):
        Ledger(train_seconds=-1.0)


def test_an_example_alone_takes_the_median_and_models_of_an_ensemble_add_up():
    one, other = Ledger(alone=(0.001, 0.1, 0.002)), Ledger(alone=(0.001, 0.001, 0.004))
    assert one.latency_ms == pytest.approx(2.0)
    assert (one + other).latency_ms == pytest.approx(6.0)
    assert Ledger().latency_ms is None and (one + Ledger()).alone == one.alone
    with pytest.raises(UsageError, match="3 and 1 examples were asked one by one"):
        one + Ledger(alone=(0.1,))


def test_labels_of_the_target_count_once_for_training_and_choosing():
    ledger = Ledger(target="hin_Deva") + labels_used(lines(9, "hin_Deva"), "train")
    ledger += labels_used(lines(9, "hin_Latn"), "select") + labels_used(lines(50), "train")
    ledger += labels_used(lines(4, "hin_Deva", "dev"), "select")
    assert ledger.settings()["target_labels"] == 13


def test_predictions_cost_so_much_an_example():
    ledger = timed(Ledger(), predict_seconds=2.0, predicted=100)
    assert timed(ledger, predict_seconds=1.0, predicted=100).predict_ms == pytest.approx(15.0)
    assert Ledger().predict_ms is None
