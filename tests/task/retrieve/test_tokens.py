"""Token vectors as a plain forward pass gives them, and projections that keep what they say."""

import numpy as np
import pytest

from isogloss.encode import load_encoder
from isogloss.errors import ModelError, UsageError, VectorError
from isogloss.match.neighbours import unit
from isogloss.task.retrieve.tokens import (
    no_projection,
    pca_projection,
    random_projection,
    read_states,
    read_tokens,
    trained_projection,
)

TEXTS = ["A small house.", "", "The sea, the sea!"]


def plain(folder, text):
    """Last states of the tokens between [CLS] and [SEP]."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    made = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.no_grad():
        return AutoModel.from_pretrained(folder).eval()(**made).last_hidden_state[0, 1:-1].numpy()


def test_states_are_those_of_the_texts_own_tokens(minilm):
    encoder = load_encoder(minilm)
    found = read_states(encoder, TEXTS, language="eng_Latn")
    assert found.lengths.tolist() == [4, 0, 6] and not found.windowed
    for text, start, length in zip(TEXTS, found.starts, found.lengths, strict=True):
        if length:
            states = found.array[start : start + length]
            np.testing.assert_allclose(states, plain(minilm, text), atol=1e-4)


def test_masks_stand_behind_a_query(minilm):
    encoder = load_encoder(minilm)
    found = read_states(encoder, TEXTS[:1], language="eng_Latn", masks=3)
    np.testing.assert_allclose(found.array, plain(minilm, TEXTS[0] + " [MASK]" * 3), atol=1e-4)
    longer = read_tokens(encoder, TEXTS, no_projection(384), language="eng_Latn", masks=3)
    assert longer.lengths.tolist() == [7, 3, 9]
    np.testing.assert_allclose(np.linalg.norm(longer.array, axis=1), 1, rtol=1e-5)


def test_a_model_without_a_mask(model_folder):
    encoder = load_encoder(model_folder("gpt2"))
    with pytest.raises(UsageError, match="no mask token"):
        read_states(encoder, ["a"], language="eng_Latn", masks=1)


def test_nothing_of_a_long_text_is_lost(minilm):
    encoder = load_encoder(minilm)
    found = read_states(encoder, ["word " * 1000, "short"], language="eng_Latn")
    assert found.lengths.tolist() == [1000, 1] and found.windowed == 1


def test_pca_keeps_products_of_vectors_that_lie_in_few_dimensions():
    rng = np.random.default_rng(0)
    states = (rng.normal(size=(200, 3)) @ rng.normal(size=(3, 20)) + 0).astype(np.float32)
    made = pca_projection(states, 3)
    x, y = unit(states), made.apply(states)
    np.testing.assert_allclose(x @ x.T, y @ y.T, atol=1e-4)
    assert (made.made, made.settings) == ("pca", {"dimensions": 3, "n": 200})
    worse = random_projection(20, 3).apply(states)
    assert np.abs(x @ x.T - worse @ worse.T).max() > 0.1


def test_a_random_projection_is_of_its_seed():
    one, again, other = (random_projection(300, 256, seed) for seed in (1, 1, 2))
    assert one.about == again.about != other.about
    x = unit(np.random.default_rng(0).normal(size=(40, 300)))
    assert np.abs(x @ x.T - one.apply(x) @ one.apply(x).T).max() < 0.35


def test_a_trained_projection_is_the_head_beside_the_model(tmp_path):
    import torch

    from isogloss.train.label_head import write_head

    with pytest.raises(ModelError, match=r"no head late_interaction\.v1"):
        trained_projection(tmp_path)
    layer = torch.nn.Linear(6, 2, bias=False)
    write_head(tmp_path, layer, {"use": "late_interaction.v1", "dimensions": 2})
    found = trained_projection(tmp_path)
    x = torch.randn(5, 6)
    theirs = torch.nn.functional.normalize(layer(x), dim=1).detach().numpy()
    np.testing.assert_allclose(found.apply(x.numpy()), theirs, atol=1e-6)
    assert found.made == "trained"


def test_widths_that_do_not_fit():
    with pytest.raises(UsageError, match="5 dimensions of states that have 4"):
        pca_projection(np.eye(4, dtype=np.float32), 5)
    with pytest.raises(UsageError, match="0 dimensions"):
        random_projection(4, 0)
    with pytest.raises(VectorError, match="states of width 3, and the projection reads 4"):
        no_projection(4).apply(np.zeros((1, 3), np.float32))
