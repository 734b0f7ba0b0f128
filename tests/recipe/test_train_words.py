"""Lessons of linked words and of joined pairs train a model of transformers by a recipe."""

import pytest

import isogloss
from isogloss.errors import SettingsError, UsageError
from loading import load

_made = load("recipe/test_train_step.py")
cache, recipe = _made.cache, _made.recipe

LINKED = {"use": "aligned", "text": "train", "batch": 6, "aligner": "ibm1"}
PAIRS = {"use": "parallel", "text": "train", "batch": 6}
WORDS = [
    {
        "mixture": LINKED,
        "objectives": [
            {"use": "word_l2", "whole": "last"}, {"use": "near_start"},
            {"use": "word_contrast", "layers": [0, 1], "weight": 0.1},
        ],
    },
    {
        "mixture": PAIRS,
        "objectives": [
            {"use": "awesome_so", "layer": 1}, {"use": "awesome_co", "layer": 1},
            {"use": "rtl", "layers": 1, "weight": 0.1}, {"use": "layer_contrast"},
        ],
    },
    {
        "mixture": {"use": "tlm", "text": "train", "batch": 6},
        "objectives": [{"use": "mlm"}, {"use": "xlm_align", "layer": 1}],
    },
    {
        "mixture": {"use": "concatenated", "text": "train", "batch": 6},
        "objectives": [{"use": "awesome_psi"}],
    },
]  # fmt: skip


@pytest.mark.parametrize("parts", [1, 3])
def test_all_of_them_train_at_once_whole_and_in_parts(tiny, tmp_path, cache, parts):
    pytest.importorskip("thot", reason="needs pip install isogloss[align-stat]")
    step = {"name": "words", "lessons": WORDS, "accumulate": parts, "steps": 6}
    run = isogloss.run(recipe(tiny, {**step, "keep": "model"}), out=tmp_path / "run")
    log = run.provenance["training"]["log"]
    assert set(log[-1]) == {
        "step", "loss", "word_l2", "near_start", "word_contrast", "awesome_so", "awesome_co",
        "rtl", "layer_contrast", "mlm", "xlm_align", "awesome_psi",
    }  # fmt: skip
    assert log[-1]["loss"] < log[0]["loss"]
    assert -1 <= log[-1]["awesome_co"] <= 0 <= log[-1]["near_start"]


def test_what_a_setting_cannot_be_is_told_before_training(tiny, tmp_path, cache):
    for wrong, said in (({"whole": "middle"}, "whole"), ({"layer": "top"}, "layer")):
        lesson = {"mixture": PAIRS, "objectives": [{"use": "word_l2", **wrong}]}
        with pytest.raises(SettingsError, match=said):
            isogloss.run(recipe(tiny, {"name": "a", "lessons": [lesson]}), out=tmp_path / "run")
    lesson = {"mixture": PAIRS, "objectives": [{"use": "awesome_so"}]}
    with pytest.raises(UsageError, match="no layer 8; the model has 0"):
        isogloss.run(recipe(tiny, {"name": "a", "lessons": [lesson]}), out=tmp_path / "run")


@pytest.mark.parametrize("objective", ["binary_links", "span_links"])
def test_an_aligner_is_trained_kept_beside_its_model_and_links_words(
    tiny, tmp_path, cache, objective
):
    pytest.importorskip("thot", reason="needs pip install isogloss[align-stat]")
    lesson = {"mixture": {**LINKED, "use": "marked"}, "objectives": [{"use": objective}]}
    gold = tmp_path / "gold.tsv"
    gold.write_text(
        "source\ttarget\tsure\tpossible\nred heart\trotes Herz\t0-0 1-1\t0-0 1-1\n"
        "sun\tSonne\t0-0\t0-0\n"
    )
    pair = {"source": "eng", "target": "deu", "gold": str(gold)}
    made = recipe(tiny, {"name": "aligner", "lessons": [lesson], "keep": "model"})
    made["steps"].append(
        {"use": "align_marked.v1", "name": "links", "model": "aligner", "text": "train",
         "pairs": [pair], "threshold": 0.0}
    )  # fmt: skip
    run = isogloss.run(made, out=tmp_path / "run")
    files = run.folder / "files"
    assert (files / "aligner" / "model" / "word_aligner.safetensors").is_file()
    lines = (files / "links" / "eng_Latn-deu_Latn" / "marked.pharaoh").read_text().splitlines()
    assert len(lines) == 2
    if objective == "binary_links":  # all are over 0
        assert lines == ["0-0 0-1 1-0 1-1", "0-0"]
    assert {row.measure for row in run.scores} >= {"alignment_aer"}
    made["steps"][1]["model"] = "teacher"
    with pytest.raises(SettingsError, match="'teacher' is no step train"):
        isogloss.run(made, out=tmp_path / "other")
