"""A connector in a recipe: the decoder is an earlier step, and counts as an input."""

import json

import pytest

import isogloss
from isogloss.errors import ModelError, SettingsError
from isogloss.recipe.recipe import read_recipe
from loading import load
from tiny_models import learn, save_model

factors = load("recipe/test_train_step.py")
cache, recipe = factors.cache, factors.recipe
LESSON = {
    "mixture": {"use": "pivot", "text": "train", "batch": 16},
    "objectives": [{"use": "contrast"}],
}


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    """A decoder of random weights."""
    corpus = isogloss.read_corpus("emoji", languages=["eng", "deu"])
    texts = [text for tag in ("eng", "deu") for text in corpus.texts(tag) if text]
    folder = tmp_path_factory.mktemp("llama")
    save_model("llama", learn("bpe", texts, 500), folder)
    return folder


def both(tiny, llama, **change):
    made = recipe(
        tiny,
        {"use": "train.v1", "name": "unused", "lessons": [LESSON]},
        {"use": "connect.v1", "name": "both", "lessons": [LESSON], "keep": "model",
         "decoder": "decoder", "targets": "decoder", "layers": "all", "pooling": "mean",
         **change},
    )  # fmt: skip
    made["steps"][0] = {"use": "open_model.v1", "name": "decoder", "path": str(llama)}
    return made


def test_the_decoder_reads_what_the_encoder_gives(tiny, llama, tmp_path, cache, monkeypatch):
    # A decoder of random weights gives nearly one vector whatever it reads.
    monkeypatch.setattr("isogloss.recipe.steps.watch", lambda *given, **more: {})
    run = isogloss.run(both(tiny, llama), out=tmp_path / "run")
    folder = run.folder / "files" / "both" / "model"
    assert {f.name for f in folder.iterdir()} == {
        "encoder", "decoder", "connected.json", "connector.safetensors"
    }  # fmt: skip
    assert json.loads((folder / "connected.json").read_text())["layers"] == 3
    encoder = isogloss.load_encoder(str(run.model))
    assert encoder.encode(["heart"], language="eng_Latn")[2].array.shape == (1, 32)
    training = run.provenance["training"]
    assert training["parameters"] == "connector.v1"
    assert set(training["tokens_by_language"]) == {"eng_Latn"}
    # The same decoder elsewhere is the same input; another is not.
    import shutil

    again = shutil.copytree(llama, tmp_path / "copy")
    second = isogloss.run(both(tiny, again), out=tmp_path / "second")
    assert all(step["cached"] for step in second.provenance["steps"])


def test_what_does_not_fit_is_said(tiny, llama, tmp_path, cache):
    with pytest.raises(ModelError, match="is not a decoder"):
        isogloss.run(both(tiny, llama, decoder="teacher"), out=tmp_path / "run")
    with pytest.raises(SettingsError, match="a connector is what trains"):
        read_recipe(both(tiny, llama, parameters={"use": "full"}))
    with pytest.raises(SettingsError, match="no such model folder"):
        read_recipe(both(tiny, tmp_path / "absent"))
