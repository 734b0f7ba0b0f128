"""A projector in a recipe: into the space of another model, by text of the pivot alone."""

import isogloss
from loading import load

factors = load("recipe/test_train_step.py")
cache, recipe = factors.cache, factors.recipe


def test_it_trains_on_the_pivot_and_is_saved_as_wide_as_the_targets(tiny, tmp_path, cache):
    lesson = {
        "mixture": {"use": "pivot", "text": "train", "batch": 16},
        "objectives": [{"use": "contrast"}, {"use": "distil"}],
    }
    wide = isogloss.load_encoder(str(tiny))
    width = next(iter(wide.encode(["a"], language="eng_Latn").values())).array.shape[1]
    step = {
        "name": "there", "lessons": [lesson], "keep": "model",
        "parameters": {"use": "projector", "width": width, "hidden": 24},
    }  # fmt: skip
    run = isogloss.run(recipe(tiny, step), out=tmp_path / "run")
    training = run.provenance["training"]
    assert set(training["tokens_by_language"]) == {"eng_Latn"}
    assert {"contrast", "distil"} < set(training["log"][-1])
    made = isogloss.load_encoder(str(run.folder / "files" / "there" / "model"))
    found = next(iter(made.encode(["red heart"], language="eng_Latn").values())).array
    assert found.shape == (1, width)
