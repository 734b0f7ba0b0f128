"""Neurons stand where their weights are, fire as their activation does, and can be switched off."""

import numpy as np
import pytest
import torch

from isogloss.errors import ModelError, UsageError
from isogloss.measure.language_neurons import language_neurons
from isogloss.train.batch import stack_texts
from isogloss.train.body import Body
from isogloss.train.feed_forward import (
    feed_forwards,
    firing_shares,
    neuron_places,
    switched_off,
)

SMALL = {"vocab_size": 60, "pad_token_id": 0}
COMMON = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
          "intermediate_size": 12}  # fmt: skip
KINDS = {
    "Bert": (COMMON, "intermediate.intermediate_act_fn"),
    "XLMRoberta": (COMMON, "intermediate.intermediate_act_fn"),
    "DistilBert": ({"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 12}, "ffn.activation"),
    "ModernBert": (COMMON, "mlp.act"),
    "GPT2": ({"n_embd": 16, "n_layer": 2, "n_head": 2, "n_inner": 12}, "mlp.act"),
    "Llama": ({**COMMON, "num_key_value_heads": 2}, "mlp.act_fn"),
    "Phi3": ({**COMMON, "num_key_value_heads": 2}, "mlp.activation_fn"),
    "GPTNeoX": (COMMON, "mlp.act"),
    "OPT": ({"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "ffn_dim": 12,
             "word_embed_proj_dim": 16}, "activation_fn"),
}  # fmt: skip


def reader(kind, ends=((), ()), **more):
    """A model of random weights, all of them, and of no dropout."""
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        **SMALL, **KINDS[kind][0], **more, bos_token_id=1, eos_token_id=1,
        **({"cls_token_id": 1, "sep_token_id": 1} if kind == "ModernBert" else {}),
    )  # fmt: skip
    body = transformers.AutoModel.from_config(config).eval()
    with torch.no_grad():
        for name, weight in body.named_parameters():
            if "norm" not in name.lower() and "ln" not in name:
                weight.normal_(0.0, 0.3)
    return Body(body, tuple(map(list, ends))).eval()


def texts(seed=0, count=7):
    rng = np.random.default_rng(seed)
    return [rng.integers(2, 60, rng.integers(2, 9)) for _ in range(count)]


def read(module, rows):
    with torch.no_grad():
        return module(stack_texts([rows], [["eng_Latn"] * len(rows)]), ("states",))["states"]


@pytest.mark.parametrize("kind", KINDS)
def test_without_its_weights_a_neuron_is_switched_off(kind):
    module, rows = reader(kind, ends=([1], [1])), texts()
    layers = feed_forwards(module.body)
    assert [layer.size for layer in layers] == [12, 12]
    chosen, whole = [(0, 3), (1, 0), (1, 11)], read(module, rows)
    with switched_off(module.body, chosen):
        off = read(module, rows)
    assert torch.equal(read(module, rows), whole) and not torch.allclose(off, whole, atol=1e-3)
    places = neuron_places(module, chosen)
    own = dict(module.named_parameters())
    with torch.no_grad():
        for name, at in places.items():
            assert (torch.diff(at) > 0).all()
            own[name].view(-1)[at] = 0
    torch.testing.assert_close(read(module, rows), off, atol=1e-5, rtol=1e-4)
    gated = kind in ("ModernBert", "Llama", "Phi3")
    biases = {"Bert", "XLMRoberta", "DistilBert", "GPT2", "GPTNeoX", "OPT"}
    assert sum(map(len, places.values())) == 3 * ((3 if gated else 2) * 16 + (kind in biases))


@pytest.mark.parametrize("kind", KINDS)
def test_shares_are_those_of_the_activations_text_by_text(kind):
    module = reader(kind, ends=([1, 1], [1]))
    spoken = {"eng_Latn": texts(1), "deu_Latn": texts(2, 5)}
    found = firing_shares(module, spoken, size=3)
    seen, acts = [], [m for n, m in module.body.named_modules() if n.endswith(KINDS[kind][1])]
    assert len(acts) == 2
    for act in acts:
        act.register_forward_hook(lambda m, i, output: seen.append(output.view(-1, 12)[2:-1] > 0))
    for column, rows in enumerate(spoken.values()):
        fired = [0.0, 0.0]
        for row in rows:
            seen.clear()
            with torch.no_grad():
                module.body(input_ids=torch.tensor([[1, 1, *row, 1]]))
            fired = [f + one.sum(0).numpy() for f, one in zip(fired, seen, strict=True)]
        for layer, counts in enumerate(fired):
            np.testing.assert_allclose(found[layer][:, column], counts / sum(map(len, rows)))


def test_a_language_without_its_neurons_is_read_otherwise_and_others_are_not():
    """Tokens under 30 are of one language and the others of another; two neurons see which."""
    module = reader("Bert", hidden_act="relu", layer_norm_eps=1e-6)
    table = module.body.embeddings.word_embeddings.weight
    layer = module.body.encoder.layer[0]
    with torch.no_grad():
        table[:30, 0], table[30:, 0] = 30.0, -30.0
        dense = layer.intermediate.dense
        dense.bias[[4, 9]] = 0
        dense.weight[[4, 9]] = 0
        # A norm is what comes before, so the sign in column 0 is there.
        dense.weight[4, 0], dense.weight[9, 0] = 1.0, -1.0
    rng = np.random.default_rng(0)
    spoken = {
        "one": [rng.integers(2, 30, 6) for _ in range(20)],
        "two": [rng.integers(30, 60, 6) for _ in range(20)],
    }
    shares = firing_shares(module, spoken)
    np.testing.assert_array_equal(shares[0][[4, 9]], [[1, 0], [0, 1]])
    found = language_neurons(shares, share=1.0, often=0.5)
    for column, (tag, made) in enumerate(zip(spoken, ((0, 4), (0, 9)), strict=True)):
        alone = (found.entropy == 0) & found.languages[:, column]
        own = [*zip(found.layers[alone].tolist(), found.neurons[alone].tolist(), strict=True)]
        assert made in own
        with switched_off(module.body, own):
            changed = {t: read(module, rows) for t, rows in spoken.items()}
        for t, rows in spoken.items():
            assert torch.equal(changed[t], read(module, rows)) == (t != tag)


def test_what_has_no_neurons_or_no_text_is_refused():
    module = reader("Bert")
    with pytest.raises(ModelError, match="no feed-forward layers"):
        feed_forwards(torch.nn.Linear(2, 2))
    for neuron in ((2, 0), (0, 12), (-1, 0)):
        with pytest.raises(UsageError, match="there is no neuron"):
            neuron_places(module, [neuron])
    with pytest.raises(UsageError, match="no text of deu"):
        firing_shares(module, {"eng": texts(), "deu": []})
