"""One network makes the adapters of all languages and places, of one size whatever its own."""

import pytest
import torch
import transformers
from torch import nn

from isogloss.encode.inserted.hyper_adapters import HyperAdapters, hyper_adapters
from isogloss.encode.inserted.now import Now
from isogloss.errors import UsageError

TAGS = ("eng_Latn", "deu_Latn", "fra_Latn")


def network(hidden, languages=TAGS, width=32, inner=8):
    torch.manual_seed(0)
    return HyperAdapters(languages, 3, width, inner, hidden=hidden, embedding=6, blocks=1)


@pytest.mark.parametrize("hidden", [16, 256, 1024])
def test_adapters_are_as_large_whatever_the_network(hidden):
    made = network(hidden)
    assert made.make(0, 0).down.std().item() == pytest.approx(0.02, rel=0.15)
    nn.init.normal_(made.up.weight, std=0.02)
    assert made.make(2, 1).up.std().item() == pytest.approx(0.02, rel=0.15)


def test_a_language_costs_one_vector():
    count = [sum(w.numel() for w in network(16, TAGS[:n]).parameters()) for n in (2, 3)]
    assert count[1] - count[0] == 6


def test_an_adapter_is_its_formula():
    made, z = network(16), torch.randn(2, 5, 32)
    for weight in made.parameters():
        nn.init.normal_(weight, std=0.3)
    h = made.enter(torch.cat([made.of_language.weight[1], made.of_place.weight[2]]))
    norm, first, _, second = made.blocks[0]
    h = h + second(torch.relu(first(norm(h))))
    h = (h - h.mean()) / (h.var(unbiased=False) + 1e-5).sqrt() / 4
    normed = (z - z.mean(-1, keepdim=True)) / (
        z.var(-1, unbiased=False, keepdim=True) + 1e-5
    ) ** 0.5
    normed = normed * (1 + made.scale.weight @ h) + made.shift.weight @ h
    inner = torch.relu(normed @ (made.down.weight @ h).view(8, 32).T)
    wanted = inner @ (made.up.weight @ h).view(32, 8).T
    torch.testing.assert_close(made.make(1, 2)(z), wanted, rtol=1e-4, atol=1e-5)


def test_each_text_has_that_of_its_language_and_each_layer_its_own():
    torch.manual_seed(0)
    config = transformers.BertConfig(
        hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12,
        vocab_size=30,
    )  # fmt: skip
    body, now = transformers.BertModel(config).eval(), Now(languages=TAGS)
    ids = torch.randint(3, 30, (4, 5))
    with torch.no_grad():
        plain = body(input_ids=ids).last_hidden_state
        made = hyper_adapters(body, now, reduction=2, hidden=16)
        now.language = torch.tensor([2, 0, 0, 1])
        assert torch.equal(body(input_ids=ids).last_hidden_state, plain)
        nn.init.normal_(made.up.weight)
        mixed = body(input_ids=ids).last_hidden_state
        for row, tag in enumerate((2, 0, 0, 1)):
            now.language = torch.tensor([tag])
            alone = body(input_ids=ids[row : row + 1]).last_hidden_state
            torch.testing.assert_close(mixed[row : row + 1], alone)
        now.language = torch.tensor([0])
        other = body(input_ids=ids[:1]).last_hidden_state
        made.of_language.weight[1] = made.of_language.weight[0]
        now.language = torch.tensor([1])
        assert torch.equal(body(input_ids=ids[:1]).last_hidden_state, other)
        made.of_place.weight[1] = made.of_place.weight[0]
        assert not torch.allclose(body(input_ids=ids[:1]).last_hidden_state, other)
    with pytest.raises(UsageError, match="a network of width 0"):
        hyper_adapters(body, now, reduction=2, hidden=0)
