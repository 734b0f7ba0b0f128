"""Texts of a lesson go through the transforms that its mixture names, those of others do not."""

import json

import numpy as np
import pytest

import isogloss
from isogloss.errors import SettingsError
from isogloss.recipe.recipe import read_recipe

TINY = {"use": "new_model.v1", "name": "fresh", "text": "train", "size": 900, "width": 16,
        "longest": 64}  # fmt: skip
TRAIN = {"use": "train.v1", "name": "told", "threads": 1, "steps": 2, "model": "fresh",
         "tuning_rows": 4}  # fmt: skip


def lesson(use, objective, **mixture):
    return {"mixture": {"use": use, "text": "train", "batch": 4, **mixture},
            "objectives": [{"use": objective}]}  # fmt: skip


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    rng, folder = np.random.default_rng(0), tmp_path / "text"
    folder.mkdir()
    numbers = [rng.integers(0, 50, rng.integers(2, 7)) for _ in range(40)]
    for tag, letter in (("eng_Latn", "w"), ("rus_Cyrl", "ж")):
        lines = [" ".join(f"{letter}{n}" for n in row) for row in numbers]
        (folder / f"{tag}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def make(*lessons, **more):
        return {"name": "r", "pivot": "eng", "languages": ["rus"],
                "text": {"train": {"path": str(folder)}},
                "steps": [TINY, {**TRAIN, "lessons": list(lessons), **more}]}  # fmt: skip

    return make


def test_what_is_read_is_what_the_transforms_made(recipe, tmp_path):
    joined = lesson("masked", "mlm", transform=[{"use": "romanize"}, {"use": "interleave"}])
    plain = lesson("masked", "mlm")
    found = isogloss.run(recipe(joined, plain), out=tmp_path / "run").provenance
    notes = [note for note in found["notes"] if note.startswith("told: ")]
    assert any("rus_Cyrl in Latin letters" in note for note in notes)
    assert any("36 rows stand beside their translation" in note for note in notes)
    read = [note for note in notes if "times that a window is read" in note]
    assert ["eng_Latn" in note for note in read] == [False, True]
    transforms = found["training"]["lessons"][0]["mixture"]["transform"]
    assert [each["use"] for each in transforms] == ["romanize.v1", "interleave.v1"]


def test_the_teacher_reads_each_copy_as_it_was(recipe, tmp_path):
    pairs = lesson("parallel", "distil", transform=[{"use": "romanize"}], copies=3)
    run = isogloss.run(recipe(pairs, targets="fresh"), out=tmp_path / "run")
    assert run.provenance["training"]["final_loss"] > 0


def test_a_dictionary_counts_by_what_is_in_it(recipe, tmp_path):
    words = tmp_path / "spa.tsv"
    switch = {"use": "switch_words", "lexicons": {"spa": str(words)}, "share": 1.0}
    keys = []
    for word in ("uno", "uno", "dos"):
        words.write_text(f"w1\t{word}\n", encoding="utf-8")
        _, steps = read_recipe(recipe(lesson("masked", "mlm", transform=[switch])))
        keys.append(json.dumps(steps[-1].key_settings(), sort_keys=True))
    assert keys[0] == keys[1] != keys[2]


def test_switched_words_are_restored(recipe, tmp_path):
    words = tmp_path / "spa.tsv"
    words.write_text("".join(f"w{n}\tpalabra{n}\n" for n in range(50)), encoding="utf-8")
    switch = {"use": "switch_words", "lexicons": {"spa": str(words)}, "alone": True}
    source = recipe(lesson("restored", "seq2seq", transform=[switch], copies=2))
    source["steps"][0] = {**TINY, "family": "t5"}
    run = isogloss.run(source, out=tmp_path / "run")
    assert set(run.provenance["training"]["tokens_by_language"]) == {"eng_Latn"}
    assert any("of 72 rows of eng_Latn are to be restored" in n for n in run.provenance["notes"])


@pytest.mark.parametrize(
    ("mixture", "said"),
    [
        ({"transform": [{"use": "romanise"}]}, "no transform called 'romanise'"),
        ({"transform": [{"use": "interleave", "row": 2}]}, "did you mean 'rows'"),
        ({"transform": [{"use": "switch_words", "lexicons": {"spa": "no.tsv"}}]}, "no.tsv"),
        ({"transform": "romanize"}, "transform"),
        ({"copies": 0}, "copies"),
    ],
)
def test_transforms_that_are_wrong_are_named(recipe, mixture, said):
    with pytest.raises(SettingsError) as error:
        read_recipe(recipe(lesson("masked", "mlm", **mixture)))
    assert said in str(error.value) and "mixture" in str(error.value)
