"""A tiny static model of two languages that are one spelled twice; recipes on less text."""

import json
from pathlib import Path

import numpy as np
import pytest

import isogloss
from isogloss.recipe.recipe import read_recipe
from isogloss.settings import read_toml

RECIPES = Path(__file__).parents[2] / "recipes"

WORDS = 400
WIDTH = 16


@pytest.fixture(scope="session")
def bilingual(tmp_path_factory):
    """A folder: the word `s7` has nearly the vector of `t7`; other words share nothing."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("bilingual")
    body = folder / "0_StaticEmbedding"
    body.mkdir()
    names = ["[UNK]", *(f"{side}{i}" for side in "st" for i in range(WORDS))]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(names)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(body / "tokenizer.json"))
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(WORDS, WIDTH)) + 0.3
    near = rows + 0.5 * rng.normal(size=rows.shape)
    table = np.concatenate([np.zeros((1, WIDTH)), rows, near]).astype(np.float32)
    save_file({"embedding.weight": table}, body / "model.safetensors")
    module = {"idx": 0, "name": "0", "path": body.name,
              "type": "sentence_transformers.models.StaticEmbedding"}  # fmt: skip
    (folder / "modules.json").write_text(json.dumps([module]), encoding="utf-8")
    return folder


def first_rows(recipe, text, tags, count, folder):
    """Have a recipe read so many rows of a text, in its pivot and some languages alone."""
    wanted = [recipe["pivot"], *tags]
    corpus = isogloss.read_corpus(recipe["text"][text]["path"], languages=wanted)
    folder.mkdir(exist_ok=True)
    for tag in map(str, corpus.languages):
        lines = "".join(f"{line}\n" for line in corpus.texts(tag)[:count])
        (folder / f"{tag}.txt").write_text(lines, encoding="utf-8")
    recipe["text"][text]["path"] = str(folder)


@pytest.fixture
def shorter(tmp_path, minilm):
    """Run a recipe of the repository with a few languages and the first rows of its own texts.

    `changes`: name of a step to the settings that are changed to make it quicker. `model`: another
    one than the recipe's. `only`: names of the steps that run; the others are checked all the same.
    """
    pytest.importorskip("emoji", reason="needs pip install isogloss[emoji]")

    def run(name, tags=("deu_Latn", "rus_Cyrl"), changes=None, model=None, only=None, **rows):
        recipe = read_toml(RECIPES / f"{name}.toml")
        assert recipe["name"] == name and set(recipe["text"]) == set(rows)
        for text, count in rows.items():
            first_rows(recipe, text, tags, count, tmp_path / text)
        if model is not None:
            recipe["model"] = model
        for step in recipe["steps"]:
            step |= (changes or {}).get(step["name"], {})
        read_recipe(recipe)
        recipe["steps"] = [s for s in recipe["steps"] if only is None or s["name"] in only]
        return isogloss.run({**recipe, "languages": tags}, out=tmp_path / name)

    return run
