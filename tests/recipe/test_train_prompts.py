"""Prompts in a recipe: the model that is saved has them before every text, within its window."""

import isogloss
from loading import load

factors = load("recipe/test_train_step.py")
cache, recipe = factors.cache, factors.recipe


def narrow(folder, window, to):
    """The model with fewer positions."""
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    model = AutoModelForMaskedLM.from_pretrained(folder)
    embeddings = model.bert.embeddings
    embeddings.position_embeddings.weight.data = embeddings.position_embeddings.weight[:window]
    embeddings.position_embeddings.num_embeddings = window
    model.config.max_position_embeddings = window
    model.save_pretrained(to)
    AutoTokenizer.from_pretrained(folder).save_pretrained(to)
    return to


def test_texts_leave_room_for_the_prompt(tiny, tmp_path, cache):
    """Texts of up to ten tokens fit beside [CLS], eight rows and [SEP]; others are told."""
    from transformers import AutoTokenizer

    model = narrow(tiny, 20, tmp_path / "narrow")
    step = {
        "name": "prompted", "lessons": [factors.PAIRS, factors.MASKS], "keep": "model",
        "parameters": {"use": "prompts", "length": 8},
    }  # fmt: skip
    run = isogloss.run(recipe(model, step), out=tmp_path / "run")
    made = run.folder / "files" / "prompted" / "model"
    read = AutoTokenizer.from_pretrained(made)("heart")["input_ids"]
    before = AutoTokenizer.from_pretrained(model)("heart")["input_ids"]
    assert read[:1] + read[9:] == before and min(read[1:9]) > max(before)
    assert any("over 10 tokens were not trained on" in note for note in run.provenance["notes"])
