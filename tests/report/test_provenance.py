"""Provenance is shown as far as it goes; nothing in it has to be there."""

import pytest

from isogloss.report import provenance as told


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.97, "10 s"), (57.4, "57 s"), (59.7, "1 min 0 s"),
     (172.6, "2 min 53 s"), (3600, "1 h 0 min"), (4321, "1 h 12 min")],
)  # fmt: skip
def test_durations(seconds, text):
    assert told.duration(seconds) == text


def test_facts_name_model_day_and_time(provenance):
    assert told.facts(provenance) == [
        "model m", "21 November 2026, 03:46 UTC", "took 2 min 53 s", "Isogloss 0.1.0",
    ]  # fmt: skip
    assert told.facts({"started": "yesterday"}) == ["yesterday"]


def test_a_licence_that_was_not_given_is_said(provenance):
    teacher, text = told.inputs(provenance)
    assert teacher["licence"] == "not stated" and text["licence"] == "CC0"
    assert (text["rows"], text["languages"]) == ("6,193", 2)


def test_steps_say_where_the_time_went(provenance):
    assert [s["took"] for s in told.steps(provenance)] == ["57 s", "from the cache"]


def test_training_is_shown_as_far_as_it_is_told():
    full = told.training(
        {"training": {"parameters": "static", "objectives": {"distil.v1": 1.0}, "steps": 800,
                      "sentences": 5893, "final_loss": 1.05688, "tuning_p1": {"a": 0.5, "b": 0.7},
                      "tuning_sentences": 300, "tokens_by_language": {"a": 1000, "b": 2000}}}
    )  # fmt: skip
    assert full["objectives"] == "distil.v1 × 1" and full["final loss"] == "1.057"
    assert full["tuning"] == "mean P@1 0.600 among 300 rows kept from training, over 2 languages"
    assert full["tokens read"] == "3,000 in 2 languages"
    assert told.training({"training": {"objectives": ["a", "b"]}}) == {"objectives": "a, b"}


def test_nothing_has_to_be_there():
    for part in (told.facts, told.inputs, told.steps, told.machine, told.training):
        assert not part({})
