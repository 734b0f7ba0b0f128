"""A recipe that begins with random weights pretrains them once for all that it compares."""

import pytest

import isogloss
from isogloss.errors import SettingsError
from isogloss.recipe.recipe import read_recipe

TINY = {"use": "new_model.v1", "name": "fresh", "text": "train", "size": 500, "width": 16,
        "longest": 32}  # fmt: skip
MASKS = {
    "mixture": {"use": "masked", "text": "train", "batch": 8, "longest": 20},
    "objectives": [{"use": "mlm"}],
}
TRAIN = {"use": "train.v1", "threads": 1, "tuning_rows": 20, "lessons": [MASKS], "steps": 3}


def recipe(*steps):
    return {
        "name": "scratch", "pivot": "eng", "languages": ["deu"],
        "text": {"train": {"path": "emoji?split=train"}}, "steps": [TINY, *steps],
    }  # fmt: skip


@pytest.fixture
def cache(tmp_path, monkeypatch):
    pytest.importorskip("emoji", reason="needs pip install isogloss[emoji]")
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))


def test_two_arms_share_one_pretrained_model(tmp_path, cache):
    from transformers import AutoModelForMaskedLM

    once = {**TRAIN, "name": "pretrained", "model": "fresh", "keep": "model"}
    arms = [
        {**TRAIN, "name": name, "model": "pretrained", "learning_rate": rate}
        for name, rate in (("slow", 1e-5), ("fast", 1e-3))
    ]
    first = isogloss.run(recipe(once, arms[0]), out=tmp_path / "a")
    second = isogloss.run(recipe(once, arms[1]), out=tmp_path / "b")
    assert [s["cached"] for s in first.provenance["steps"]] == [False] * 3
    assert [s["cached"] for s in second.provenance["steps"]] == [True, True, False]
    AutoModelForMaskedLM.from_pretrained(first.folder / "files" / "pretrained" / "model")
    assert first.provenance["training"]["teacher"] == "pretrained"
    assert "random weights" in (first.model / "README.md").read_text()
    assert first.scores.one(measure="vocabulary_size").value <= 500


def test_a_teacher_is_asked_for_only_where_one_is_read():
    pairs = {
        "mixture": {"use": "parallel", "text": "train"}, "objectives": [{"use": "distil"}],
    }  # fmt: skip
    step = {**TRAIN, "name": "a", "model": "fresh"}
    read_recipe(recipe(step))
    with pytest.raises(SettingsError, match="targets: nothing earlier is called 'teacher'"):
        read_recipe(recipe({**step, "lessons": [pairs]}))
    read_recipe(recipe({**step, "lessons": [pairs], "targets": "fresh"}))


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_decoders_are_pretrained_by_what_follows(family, tmp_path, cache):
    from transformers import AutoModelForCausalLM

    text = {"mixture": {"use": "causal", "text": "train", "batch": 4},
            "objectives": [{"use": "clm"}]}  # fmt: skip
    step = {**TRAIN, "name": "told", "model": "fresh", "lessons": [text], "learning_rate": 3e-3,
            "steps": 12}  # fmt: skip
    source = recipe(step)
    source["steps"][0] = {**TINY, "family": family}
    run = isogloss.run(source, out=tmp_path / "run")
    AutoModelForCausalLM.from_pretrained(run.model)
    training = run.provenance["training"]
    assert training["log"][-1]["clm"] < training["log"][0]["clm"]
    assert set(training["tokens_by_language"]) == {"eng_Latn", "deu_Latn"}


def test_a_schedule_of_languages_is_read_from_the_recipe(tmp_path, cache):
    phases = [
        {"until": 0.5, "hidden": 0.3, "languages": ["eng"]},
        {"until": 1, "languages": ["de"]},
    ]
    text = {**MASKS, "mixture": {**MASKS["mixture"], "sampling": {"phases": phases}}}
    step = {**TRAIN, "name": "phased", "model": "fresh", "steps": 4}
    source = recipe({**step, "lessons": [text]})
    run = isogloss.run(source, out=tmp_path / "run")
    training = run.provenance["training"]
    assert training["lessons"][0]["mixture"]["sampling"]["phases"][0]["hidden"] == 0.3
    assert set(training["tokens_by_language"]) == {"eng_Latn", "deu_Latn"}
    assert any("times that a window is read: eng_Latn" in n for n in run.provenance["notes"])
    text["mixture"]["sampling"] = {"phases": [{"until": 0.5}]}
    with pytest.raises(SettingsError, match="masked: sampling: phases: `until` must rise"):
        read_recipe(recipe({**step, "lessons": [text]}))


def test_an_encoder_decoder_is_pretrained_by_hidden_stretches(tmp_path, cache):
    from transformers import AutoModelForSeq2SeqLM

    text = {"mixture": {"use": "span_denoise", "text": "train", "batch": 4},
            "objectives": [{"use": "seq2seq", "smoothing": 0.1}]}  # fmt: skip
    step = {**TRAIN, "name": "told", "model": "fresh", "lessons": [text], "learning_rate": 3e-3,
            "steps": 12, "accumulate": 2}  # fmt: skip
    source = recipe(step)
    source["steps"][0] = {**TINY, "family": "t5"}
    run = isogloss.run(source, out=tmp_path / "run")
    AutoModelForSeq2SeqLM.from_pretrained(run.model)
    training = run.provenance["training"]
    assert training["log"][-1]["seq2seq"] < training["log"][0]["seq2seq"]
    assert set(training["tuning_p1"]) == {"deu_Latn"}
