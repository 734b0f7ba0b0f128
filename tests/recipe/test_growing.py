"""Growing as a job, a step and a command, on tiny models that transformers made."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import isogloss
from isogloss.cli.main import app
from isogloss.encode import load_encoder
from isogloss.errors import ModelError, OutputError, SettingsError, UsageError
from isogloss.merge.grow import Growth
from isogloss.recipe.growing import grow_model
from isogloss.recipe.recipe import read_recipe

TEXTS = ["red cat", "two old dogs", "sun"]


def vectors(folder):
    return next(iter(load_encoder(folder).encode(TEXTS, language="eng_Latn").values())).array


def test_a_wider_model_gives_the_same_vectors_twice(tiny, tmp_path):
    from transformers import AutoModelForMaskedLM

    made = grow_model(tiny, tmp_path / "out", Growth(hidden=64))
    one, wide = vectors(tiny), vectors(made.folder)
    np.testing.assert_allclose(wide, np.tile(one, 2), atol=1e-5)
    [found] = made.facts["smoke"]["cosines"].values()
    assert min(found["each"]) > 0.99999 and not made.facts["notes"]
    assert made.facts["sizes"] == {
        "hidden_size": [32, 64], "intermediate_size": [48, 96], "num_attention_heads": [2, 4],
    }  # fmt: skip
    _, info = AutoModelForMaskedLM.from_pretrained(made.folder, output_loading_info=True)
    assert not info["missing_keys"] and not info["mismatched_keys"]
    assert "## Growth" in (made.folder / "README.md").read_text()


def test_the_same_again_does_nothing_and_another_is_refused(tiny, tmp_path):
    out, asked = tmp_path / "out", Growth(layers=3)
    made = grow_model(tiny, out, asked)
    stamp = (out / "model.safetensors").stat().st_mtime_ns
    assert grow_model(tiny, out, asked).facts == json.loads((out / "grow.json").read_text())
    assert (out / "model.safetensors").stat().st_mtime_ns == stamp
    assert "train it on" in made.facts["notes"][0] and made.facts["layer_of"] == [0, 0, 1]
    with pytest.raises(OutputError, match="holds another model"):
        grow_model(tiny, out, Growth(layers=4))


def test_modules_of_sentence_transformers_read_the_wider_vector(tiny, tmp_path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    dense = [modules.Dense(32, 8), modules.Dense(8, 32)]
    body = modules.Transformer(str(tiny))
    small = SentenceTransformer(modules=[body, modules.Pooling(32, "mean"), *dense])
    small.save(str(tmp_path / "small"))
    made = grow_model(tmp_path / "small", tmp_path / "out", Growth(hidden=96))
    large = SentenceTransformer(str(made.folder))
    assert large[1].get_embedding_dimension() == 96 and large[2].in_features == 96
    np.testing.assert_allclose(large.encode(TEXTS), small.encode(TEXTS), atol=1e-5)


def test_what_cannot_grow_leaves_nothing(tiny, tmp_path, bilingual):
    with pytest.raises(ModelError, match="only transformers are grown"):
        grow_model(bilingual, tmp_path / "out", Growth(hidden=64))
    with pytest.raises(UsageError, match="only grows"):
        grow_model(tiny, tmp_path / "out", Growth(hidden=16))
    assert not list(tmp_path.iterdir())


def test_a_step_grows_a_model_of_the_run(tiny, tmp_path):
    (tmp_path / "text").mkdir()
    for tag in ("eng", "deu"):
        (tmp_path / "text" / f"{tag}.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    step = {"use": "grow.v1", "name": "large", "sizes": {"hidden": 64, "layers": 2}, "keep": True}
    recipe = {
        "name": "grow", "model": str(tiny), "pivot": "eng", "languages": ["deu"],
        "text": {"text": {"path": str(tmp_path / "text")}}, "steps": [step],
    }  # fmt: skip
    run = isogloss.run(recipe, out=tmp_path / "run")
    assert run.scores.one(measure="cosine_to_grown").value == pytest.approx(1, abs=1e-5)
    assert any("hidden_size 32 to 64" in note for note in run.provenance["notes"])
    assert vectors(run.folder / "files" / "large" / "model").shape == (3, 64)
    for sizes, said in (({"hiden": 64}, "hidden"), ({"width": "api"}, "sizes.width")):
        with pytest.raises(SettingsError, match=said):
            read_recipe({**recipe, "steps": [{**step, "sizes": sizes}]})


def test_the_command_grows_one_model_and_nothing_else(tiny, tmp_path):
    def call(*arguments):
        return CliRunner().invoke(app, ["merge", *map(str, arguments)])

    out = tmp_path / "out"
    made = call(tiny, "--grow", "hidden=64", "--grow", "depth=stack", "--out", out)
    assert made.exit_code == 0, made.output
    assert "hidden_size: 32 to 64" in made.stdout and "least 1.000" in made.stdout
    for given, said in (
        ((tiny, tiny), "2 models came with it"), ((tiny, "--base", tiny), "--base came with it"),
    ):  # fmt: skip
        refused = call(*given, "--grow", "layers=4", "--out", tmp_path / "other")
        assert said in str(refused.exception), refused.output
    assert "--grow 'layers' names no value" in str(call(tiny, "--grow", "layers", "--out", out)
                                                  .exception)  # fmt: skip
