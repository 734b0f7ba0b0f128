"""Objectives with weights of their own and made pairs, through the step that trains."""

import importlib.util
from pathlib import Path

import pytest

import isogloss

_FILE = Path(__file__).parent / "test_train_step.py"
_spec = importlib.util.spec_from_file_location("train_step_fixtures", _FILE)
_made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_made)

tiny, cache, SHORT = _made.tiny, _made.cache, _made.SHORT


def run(model, lessons, out, **more):
    recipe = {
        "name": "others", "model": str(model), "pivot": "eng", "languages": ["rus", "deu"],
        "text": {"train": {"path": "emoji?split=train"}},
        "steps": [{"use": "train.v1", "name": "a", **SHORT, "lessons": lessons, **more}],
    }  # fmt: skip
    return isogloss.run(recipe, out=out)


def test_scripts_and_languages_are_brought_together_in_one_run(tiny, tmp_path, cache):
    pairs = {"use": "transliterated", "text": "train", "batch": 6}
    lessons = [
        {
            "mixture": pairs,
            "objectives": [{"use": "mlm"}, {"use": "transliteration_contrast", "layers": [1]}],
        },
        {"mixture": {**pairs, "joined": True}, "objectives": [{"use": "mlm"}]},
        {
            "mixture": {"use": "parallel", "text": "train", "batch": 6},
            "objectives": [
                {"use": "language_adversary", "distances": [["eng_Latn", "deu_Latn", 0.2]]},
                {"use": "constrained_language_adversary", "level": "states"},
            ],
        },
    ]
    whole = run(tiny, lessons, tmp_path / "run", accumulate=2)
    training = whole.provenance["training"]
    assert {"mlm", "transliteration_contrast", "language_adversary"} <= set(training["log"][-1])
    assert training["tokens_by_language"]["rus_Cyrl"] > training["tokens_by_language"]["eng_Latn"]
    assert any("no romanisation of their script" in note for note in whole.provenance["notes"])


def test_a_layer_that_the_model_has_not_is_told(tiny, tmp_path, cache):
    lesson = {
        "mixture": {"use": "transliterated", "text": "train", "batch": 6, "share": 0.0},
        "objectives": [{"use": "transliteration_contrast"}],
    }
    with pytest.raises(isogloss.errors.UsageError, match="the model has layers 0 to 2"):
        run(tiny, [lesson], tmp_path / "run")
