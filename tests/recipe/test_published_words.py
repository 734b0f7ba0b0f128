"""Recipes of tasks of words: each is quick, and its distinctive part is noticed."""

import importlib.util
from pathlib import Path

import pytest

import isogloss
from isogloss.settings import read_toml

RECIPES = Path(__file__).parents[2] / "recipes"
DEU, SPA, ITA = "deu_Latn", "spa_Latn", "ita_Latn"


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Run a recipe with few epochs for some targets."""

    def run(name, *, epochs=8, targets=(), only=None):
        monkeypatch.chdir(RECIPES.parent)
        source = read_toml(RECIPES / f"{name}.toml")
        assert source["name"] == name
        for step in source["steps"]:
            if step["use"] == "transfer.v1":
                step["tuning"]["epochs"] = epochs
                step["targets"] = list(targets) or step["targets"]
        source["steps"] = [
            s for s in source["steps"] if only in (None, s["name"]) or s["name"] == "drawn"
        ]
        return isogloss.run(source, out=tmp_path / name)

    return run


def changes(run, measure, language):
    """What each strategy has over the first, by its name."""
    rows = run.scores.where(stage="change", measure=measure, language=language)
    return {row.strategy: row for row in rows if not row.settings.get("forgetting")}


def used(run, strategy, language):
    """What a strategy saw and cost."""
    [row] = run.scores.where(strategy=strategy, language=language, seed=0, stage=None,
                             measure=run.scores.where(stage="change")[0].measure)  # fmt: skip
    return row.settings


def value(run, strategy, measure, language):
    [row] = run.scores.where(strategy=strategy, language=language, seed=0, stage=None,
                             measure=measure)  # fmt: skip
    return row.value


def test_files_of_the_suite_are_those_that_its_script_makes():
    spec = importlib.util.spec_from_file_location("make", RECIPES / "trips" / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, text in module.files().items():
        assert (RECIPES / "trips" / name).read_text(encoding="utf-8") == text, name


def test_multilingual_code_switching(quick):
    run = quick("MultiCS-IntentSlot", targets=["deu"])
    plain, switched = "zero_shot", "code_switch into=all share=0.5 copies=2"
    slots = [value(run, name, "slot_f1", DEU) for name in (plain, switched)]
    assert slots[1] > slots[0] + 0.15
    assert used(run, switched, DEU)["labels"] == {"train": {"eng_Latn": 96}}


def test_a_hidden_markov_model_of_projected_tags(quick):
    run = quick("ZeroPOS-HMM", targets=["deu"], epochs=6)
    found = changes(run, "word_accuracy", DEU)
    hmm, counts = (found[f"projected_hmm links=eflomal{more}"] for more in ("", " rounds=0"))
    assert hmm.low > 0 and hmm.value > found["zero_shot"].value + 0.2
    assert hmm.value != counts.value  # estimation does something
    about = used(run, "projected_hmm links=eflomal", DEU)
    assert about["parallel"] == {f"eng_Latn-{DEU}": 120} and "no label of deu" in about["rule"]
