"""Chosen layers, biases or norms change; everything else stays, bit for bit."""

import numpy as np
import pytest
import torch
import transformers

from isogloss.encode.inserted.blocks import blocks_of, chosen_layers
from isogloss.errors import ModelError, UsageError
from isogloss.train.batch import UNKNOWN, Texts, stack_texts
from isogloss.train.body import Body
from isogloss.train.contracts import Lesson
from isogloss.train.loop import LoopSettings, train
from isogloss.train.objectives.mlm import Mlm
from isogloss.train.parameters.layers import bitfit, layer_norm, some_layers

SMALL = {"hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2,
         "intermediate_size": 12, "vocab_size": 30}  # fmt: skip


class Rows:
    """Random texts with some hidden tokens."""

    def batch(self, seed: int, step: int) -> Texts:
        rng = np.random.default_rng([seed, step])
        ids = [rng.integers(5, 30, 6) for _ in range(4)]
        gold = np.where(rng.random(24) < 0.3, np.concatenate(ids), UNKNOWN)
        gold[0] = 7
        return stack_texts([ids], [["eng_Latn"] * 4], tokens={"gold": gold})


class Plain:
    def __init__(self, module, change):
        self.module, self.change = module, change

    def groups(self):
        return self.change.groups


def body_of(kind="Bert", head="ForMaskedLM"):
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")
    given = SMALL
    if kind == "GPT2":
        given = {"n_embd": 8, "n_layer": 3, "n_head": 2, "vocab_size": 30, "bos_token_id": 0,
                 "eos_token_id": 0}  # fmt: skip
    if kind == "DistilBert":
        given = {"dim": 8, "n_layers": 3, "n_heads": 2, "hidden_dim": 12, "vocab_size": 30}
    return Body(getattr(transformers, f"{kind}{head}")(config(**given)), ([2], [3]))


def moved(module, change):
    """Names of the weights that training changed."""
    before = {name: weight.clone() for name, weight in module.body.named_parameters()}
    settings = LoopSettings(steps=2, learning_rate=1e-2, threads=1)
    train(Plain(module, change), [Lesson(Rows(), [(1.0, Mlm())])], settings)
    after = dict(module.body.named_parameters())
    return {name for name, weight in before.items() if not torch.equal(weight, after[name])}


def without_key_bias(names):
    """A shift of all keys changes no attention, so its gradient is 0 but for rounding."""
    return {name for name in names if "key.bias" not in name}


@pytest.mark.parametrize(
    ("layers", "starts"),
    [
        ("last:1", ["bert.encoder.layer.2."]),
        (("first:1", 3), ["bert.encoder.layer.0.", "bert.encoder.layer.2."]),
        (-1, ["bert.encoder.layer.2."]),
        (("embeddings", "but_last:2"), ["bert.encoder.layer.0.", "bert.embeddings."]),
    ],
)
def test_chosen_layers_change_and_no_other(layers, starts):
    module = body_of()
    wanted = {n for n, _ in module.body.named_parameters() if n.startswith(tuple(starts))}
    assert without_key_bias(moved(module, some_layers(module, layers=layers))) == (
        without_key_bias(wanted)
    )


def test_the_head_changes_if_asked():
    module = body_of()
    found = moved(module, some_layers(module, layers="last:1", head=True))
    assert any(name.startswith("cls.") for name in found)
    assert not any("embeddings" in name for name in found)


def test_biases_alone_change():
    module = body_of()
    wanted = {n for n, _ in module.body.named_parameters() if n.endswith(".bias")}
    assert without_key_bias(moved(module, bitfit(module))) == without_key_bias(wanted)
    some = moved(module := body_of(), bitfit(module, layers="last:1"))
    assert without_key_bias(some) == without_key_bias({n for n in wanted if "layer.2." in n})


@pytest.mark.parametrize("kind", ["Bert", "DistilBert"])
def test_norms_alone_change(kind):
    module = body_of(kind)
    wanted = {n for n, _ in module.body.named_parameters() if "norm" in n.lower()}
    assert moved(module, layer_norm(module)) == wanted and len(wanted) == 2 * (1 + 6 + 1)


def test_norms_without_shift_change_where_there_are_no_biases():
    module = body_of("Llama", "ForCausalLM")
    with pytest.raises(ModelError, match=r"llama body has no bias there"):
        bitfit(module)
    names = {
        n for n, w in module.body.named_parameters() for p in layer_norm(module).groups[0]["params"]
        if w is p
    }  # fmt: skip
    assert len(names) == 7 and all("norm" in name for name in names)


@pytest.mark.parametrize(
    ("kind", "head", "names"),
    [("GPT2", "LMHeadModel", {"wte", "wpe"}), ("Llama", "ForCausalLM", {"embed_tokens"}),
     ("DistilBert", "ForMaskedLM", {"embeddings"}), ("XLMRoberta", "ForMaskedLM", {"embeddings"})],
)  # fmt: skip
def test_embeddings_of_every_family(kind, head, names):
    module = body_of(kind, head)
    some_layers(module, layers="embeddings")
    base = module.body.base_model.named_parameters()
    assert {name.split(".")[0] for name, weight in base if weight.requires_grad} == names


def test_layer_numbers():
    assert chosen_layers("all", 4) == [1, 2, 3, 4]
    assert chosen_layers(("first:1", "last:2"), 4) == [1, 3, 4]
    assert chosen_layers(("last:3", -4, 0), 4) == [0, 1, 2, 3, 4]
    assert chosen_layers("but_last:1", 4) == [1, 2, 3]
    for wrong in (5, -5, "last:5", "lst:1", "first"):
        with pytest.raises(UsageError, match="is no layer of a model with 4"):
            chosen_layers(wrong, 4)
    with pytest.raises(UsageError, match="no layer is chosen"):
        chosen_layers("last:0", 4)


def test_an_encoder_decoder_has_two_lists_of_blocks():
    config = transformers.T5Config(
        d_model=8, d_kv=4, d_ff=12, num_layers=2, num_heads=2, vocab_size=30
    )
    with pytest.raises(ModelError, match="2 lists of 2 layers"):
        blocks_of(transformers.T5Model(config))
