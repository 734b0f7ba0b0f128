import json

import numpy as np
import pytest
import torch

from isogloss.encode import load_encoder
from isogloss.encode.folder import open_folder
from isogloss.errors import ModelError

TEXTS = ["abc", "the cat sat", "b", "c" * 60]


@pytest.fixture
def saved(tiny, tmp_path):
    """A function that saves a sentence-transformers folder with the given pooling and modules."""
    library = pytest.importorskip("sentence_transformers")
    from sentence_transformers.sentence_transformer import modules

    def save(pooling="mean", *more):
        body = modules.Transformer(str(tiny("bert")), max_seq_length=20)
        pooler = modules.Pooling(16, pooling_mode=pooling)
        model = library.SentenceTransformer(modules=[body, pooler, *more], device="cpu")
        model.save(str(tmp_path / "saved"))
        return tmp_path / "saved", model

    return save


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("mean", "mean"), ("cls", "cls"), ("lasttoken", "last"), ("weightedmean", "weighted")],
)
def test_each_pooling_equals_sentence_transformers(saved, theirs, ours):
    folder, model = saved(theirs)
    encoder = load_encoder(folder)
    assert (encoder.pooling, encoder.window) == (ours, 20)
    vectors = encoder.encode(TEXTS, language="eng_Latn")[3]
    np.testing.assert_allclose(vectors.array, model.encode(TEXTS), atol=1e-5)
    assert vectors.truncated == 1


def test_dense_is_applied_to_the_output_and_normalisation_is_not(saved):
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    torch.manual_seed(0)
    folder, model = saved("mean", Dense(16, 6, activation_function=torch.nn.Tanh()), Normalize())
    encoder = load_encoder(folder)
    found = encoder.encode(TEXTS, language="eng_Latn", layers=[2, 3])
    assert (found[2].array.shape, found[3].array.shape) == ((4, 16), (4, 6))
    norms = np.linalg.norm(found[3].array, axis=1, keepdims=True)
    assert abs(norms - 1).max() > 1e-3
    np.testing.assert_allclose(found[3].array / norms, model.encode(TEXTS), atol=1e-5)


def test_the_default_prompt_is_put_before_each_text(saved, rewrite):
    from sentence_transformers import SentenceTransformer

    folder, _ = saved()
    file = folder / "config_sentence_transformers.json"
    rewrite(file, prompts={"query": "ask "}, default_prompt_name="query")
    theirs = SentenceTransformer(str(folder), device="cpu").encode(TEXTS)
    ours = load_encoder(folder).encode(TEXTS, language="eng_Latn")[3].array
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_what_we_do_not_read_is_named(saved):
    folder, _ = saved("max")
    with pytest.raises(ModelError, match="pooling max is not one we read"):
        load_encoder(folder)
    file = folder / "modules.json"
    modules = json.loads(file.read_text())
    for kind in ("sentence_transformers.models.LSTM", "mine.Transformer"):
        file.write_text(json.dumps([modules[0], {**modules[1], "type": kind}]))
        with pytest.raises(ModelError, match=f"module 1 is '{kind}'"):
            load_encoder(folder)
    file.write_text(json.dumps([{**modules[0], "path": "../../elsewhere"}]))
    with pytest.raises(ModelError, match="outside the model folder"):
        load_encoder(folder)
    file.write_text(json.dumps(modules[:1]))
    with pytest.raises(ModelError, match="no Pooling"):
        open_folder(folder, "x")


def test_settings_that_are_no_object_are_refused(tiny, tmp_path):
    import shutil

    folder = shutil.copytree(tiny("bert"), tmp_path / "model")
    (folder / "config.json").write_text("[]")
    with pytest.raises(ModelError, match=r"config\.json: is not a JSON object"):
        open_folder(folder, "model")
