"""An encoder and a decoder with a connector between them, against a text read by hand."""

import shutil

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from isogloss.encode import load_encoder
from isogloss.encode.connector import Connector, Sizes, load_connector, save_connected
from isogloss.errors import ModelError

TEXTS = ["red heart", "a dog and the sun", "x"]


@pytest.fixture(params=[(0, "last"), (4, "mean")], ids=["last", "layers"])
def connected(request, tiny, rewrite):
    """A folder of both, and the random connector in it."""
    layers, pooling = request.param
    folder, decoder = tiny("bert"), tiny("llama")
    rewrite(decoder / "config.json", max_position_embeddings=64)
    torch.manual_seed(1)
    made = Connector(Sizes(16, 20, 16, layers, pooling)).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.normal_(0.0, 0.3)
    save_connected(folder, made, decoder)
    return folder, made


def by_hand(folder, made, text, layer=-1):
    """One text without padding, through models that transformers loads."""
    from transformers import AutoModel, AutoTokenizer

    encoder, decoder = (AutoModel.from_pretrained(folder / x).eval() for x in
                        ("encoder", "decoder"))  # fmt: skip
    ids = AutoTokenizer.from_pretrained(folder / "encoder")(text)["input_ids"]
    with torch.no_grad():
        read = encoder(input_ids=torch.tensor([ids]), output_hidden_states=True)
        states = read.last_hidden_state[0]
        if made.shares is not None:
            weights = torch.softmax(made.shares, 0)
            states = sum(w * F.layer_norm(h[0], (16,)) for w, h in zip(
                weights, read.hidden_states, strict=True))  # fmt: skip
        rows = made.second(F.gelu(made.first(states)))
        rows = torch.cat([rows, made.end[None]])
        out = decoder(inputs_embeds=rows[None], output_hidden_states=True)
        found = (out.hidden_states[layer] if layer >= 0 else out.last_hidden_state)[0]
    return (found[-1] if made.sizes.pooling == "last" else found.mean(0)).numpy()


def test_vectors_are_those_of_each_text_read_alone(connected):
    folder, made = connected
    encoder = load_encoder(folder)
    assert encoder.pooling == made.sizes.pooling and encoder.layers == (0, 1, 2, 3)
    found = encoder.encode(TEXTS, language="eng_Latn", layers=[0, 1, 3])
    for row, text in enumerate(TEXTS):
        np.testing.assert_allclose(found[3].array[row], by_hand(folder, made, text), atol=1e-5)
        for layer in (0, 1):
            wanted = by_hand(folder, made, text, layer)
            np.testing.assert_allclose(found[layer].array[row], wanted, atol=1e-5)


def test_words_have_a_vector_a_token_of_the_encoder(connected):
    found = load_encoder(connected[0]).encode_words([["red", "heart"], ["x"]])[3]
    assert found.array.shape == (9, 16)


def test_its_fingerprint_is_of_all_parts(connected, tmp_path):
    folder, _ = connected
    copy = shutil.copytree(folder, tmp_path / "copy")
    before = load_encoder(folder).fingerprint
    assert load_encoder(copy).fingerprint == before
    made = load_connector(copy)
    with torch.no_grad():
        made.end += 1
    from safetensors.torch import save_file

    save_file(dict(made.state_dict()), copy / "connector.safetensors")
    assert load_encoder(copy).fingerprint != before


def test_folders_that_lack_a_part_are_refused(connected, rewrite, tmp_path):
    from isogloss.encode.resolve import find_model
    from isogloss.merge.plan import weights_of
    from isogloss.vocabulary.surgery import open_model

    folder, _ = connected
    with pytest.raises(ModelError, match="two models with a connector"):
        weights_of(find_model(str(folder)))
    with pytest.raises(ModelError, match="two models with a connector"):
        open_model(find_model(str(folder)))
    copy = shutil.copytree(folder, tmp_path / "cut")
    weights = (copy / "connector.safetensors").read_bytes()
    (copy / "connector.safetensors").write_bytes(weights[:-20])
    with pytest.raises(ModelError, match="its connector cannot be read"):
        load_encoder(copy)
    copy = shutil.copytree(folder, tmp_path / "other")
    shutil.rmtree(copy / "decoder")
    shutil.copytree(copy / "encoder", copy / "decoder")
    with pytest.raises(ModelError, match="is not a decoder"):
        load_encoder(copy)
    rewrite(folder / "decoder" / "config.json", max_position_embeddings=40)
    with pytest.raises(ModelError, match=r"reads 40 tokens, and the encoder .* gives 41"):
        load_encoder(folder)
