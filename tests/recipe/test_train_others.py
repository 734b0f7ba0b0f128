"""Objectives with weights of their own and made pairs, through the step that trains."""

import math

import pytest

import isogloss
from loading import load
from tiny_models import learn, save_model

_made = load("recipe/test_train_step.py")

cache, SHORT = _made.cache, _made.SHORT


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


@pytest.fixture(scope="module")
def causal(tmp_path_factory):
    """A GPT-2 of random weights without dropout, and prompts and answers as files."""
    import json

    corpus = isogloss.read_corpus("emoji", languages=["eng", "deu"])
    pairs = [
        (a, b) for a, b in zip(corpus.texts("eng"), corpus.texts("deu"), strict=True) if a and b
    ]
    folder = tmp_path_factory.mktemp("causal")
    save_model("gpt2", learn("byte-bpe", [t for p in pairs for t in p], 600), folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    texts = folder.parent / "answers"
    texts.mkdir()
    for name, rows in (
        ("prompts", pairs[:120]),
        ("answers", pairs[200:320]),
        ("worse", pairs[400:520]),
    ):
        lines = "\n".join("\t".join(row) for row in rows) + "\n"
        (texts / f"{name}.tsv").write_text(lines, encoding="utf-8")
    return folder, {
        n: {"path": f"{texts}/{n}.tsv?eng=1&deu=2"} for n in ("prompts", "answers", "worse")
    }


def test_a_causal_model_learns_what_is_preferred(causal, tmp_path, cache):
    model, texts = causal
    judged = {"prompt_text": "prompts", "chosen_text": "answers", "rejected_text": "worse"}
    lessons = [
        {
            "mixture": {
                "use": "crossed", "prompt_text": "prompts", "answer_text": "answers", "batch": 4,
            },
            "objectives": [{"use": "dpo"}, {"use": "answer", "pivot": False, "weight": 0.1}],
        },
        {"mixture": {"use": "preferred", **judged, "batch": 4}, "objectives": [{"use": "dpo"}]},
        {"mixture": {"use": "judged", **judged, "batch": 4}, "objectives": [{"use": "kto"}]},
    ]  # fmt: skip
    recipe = {
        "name": "preferred", "model": str(model), "pivot": "eng", "languages": ["deu"],
        "text": texts,
        "steps": [{"use": "train.v1", "name": "a", **SHORT, "lessons": lessons, "keep": "model",
                   "accumulate": 2, "learning_rate": 1e-3, "steps": 8}],
    }  # fmt: skip
    run = isogloss.run(recipe, out=tmp_path / "run")
    log = run.provenance["training"]["log"]
    assert log[0]["dpo"] == pytest.approx(
        2 * math.log(2), abs=2e-6
    )  # two lessons, both at the start
    assert log[0]["kto"] == pytest.approx(0.5, abs=1e-3) and log[-1]["dpo"] != log[0]["dpo"]
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(run.folder / "files" / "a" / "model")
    rough = {**recipe, "steps": [{**recipe["steps"][0], "precision": "bfloat16", "steps": 1}]}
    again = isogloss.run(rough, out=tmp_path / "rough").provenance["training"]["log"]
    assert again[0]["dpo"] == pytest.approx(2 * math.log(2), abs=2e-6)


def test_a_model_that_fills_in_is_refused_for_answers(tiny, causal, tmp_path, cache):
    _, texts = causal
    lesson = {
        "mixture": {"use": "crossed", "prompt_text": "prompts", "answer_text": "answers"},
        "objectives": [{"use": "dpo"}],
    }
    recipe = {
        "name": "refused", "model": str(tiny), "pivot": "eng", "languages": ["deu"], "text": texts,
        "steps": [{"use": "train.v1", "name": "a", **SHORT, "lessons": [lesson]}],
    }  # fmt: skip
    with pytest.raises(isogloss.errors.UsageError, match="does not say what comes next"):
        isogloss.run(recipe, out=tmp_path / "run")
