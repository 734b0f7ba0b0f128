"""Adapters stand where the papers have them, in every family; stacked, dropped and inverted."""

import pytest
import torch
import transformers
from torch import nn

from isogloss.encode.inserted.bottleneck import Bottleneck, Coupling, bottleneck
from isogloss.encode.inserted.now import Now
from isogloss.encode.inserted.sites import FAMILIES, add_at, family_of
from isogloss.errors import ModelError, UsageError

SMALL = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
         "intermediate_size": 12, "vocab_size": 30, "pad_token_id": 0, "bos_token_id": 1,
         "eos_token_id": 2}  # fmt: skip
KINDS = {
    "Bert": SMALL, "XLMRoberta": SMALL, "MPNet": SMALL,
    "Llama": SMALL, "Qwen3": {**SMALL, "num_key_value_heads": 2, "head_dim": 4},
    "ModernBert": {**SMALL, "cls_token_id": 1, "sep_token_id": 2},
    "GPT2": {"n_embd": 8, "n_layer": 2, "n_head": 2, "vocab_size": 30, "bos_token_id": 1,
             "eos_token_id": 1},
    "DistilBert": {"dim": 8, "n_layers": 2, "n_heads": 2, "hidden_dim": 12, "vocab_size": 30},
}  # fmt: skip
IDS = torch.randint(3, 30, (2, 5), generator=torch.Generator().manual_seed(0))


def body_of(kind, head="Model"):
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**KINDS[kind])
    return getattr(transformers, f"{kind}{head}")(config).eval()


def layers(body):
    with torch.no_grad():
        out = body.base_model(input_ids=IDS, output_hidden_states=True)
    return [*out.hidden_states[:-1], out.last_hidden_state]


def scatter(module, seed=1):
    """Values that are not zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(0.5 * torch.randn(weight.shape, generator=generator))
    return module


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("placement", ["pfeiffer", "houlsby", "xmod"])
def test_at_first_it_is_the_body(kind, placement):
    body, now = body_of(kind), Now()
    before = layers(body)
    made = bottleneck(body, now, placement=placement, reduction=2, invertible=True)
    for a, b in zip(before, layers(body), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=2e-6 if placement == "xmod" else 0)
    # In X-MOD the norm reads what it gave: the same only while it neither scales nor shifts.
    scatter(made)
    assert all(not torch.allclose(a, b) for a, b in zip(before, layers(body), strict=True))


def recorded(kind, placement):
    """What an adapter of layer 1 reads, and the states behind the layer where it adds 1s and 2s."""
    body, now, seen = body_of(kind), Now(), []
    plain = layers(body)[1]
    added = torch.arange(8.0)

    def add(z):
        seen.append(z)
        return added.expand_as(z)

    add_at(body, now, 1, "feed_forward", placement, add)
    return body, plain, layers(body)[1], seen[0], added


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_reads_and_what_it_adds_to(kind):
    body, plain, after, read, added = recorded(kind, "pfeiffer")
    torch.testing.assert_close(read, plain)  # the layer's output, normalised where that comes after
    sublayer = family_of(body).feed_forward
    post = sublayer.post
    if not post:
        torch.testing.assert_close(after, plain + added)
        _, _, houlsby, r, _ = recorded(kind, "houlsby")
        torch.testing.assert_close(houlsby, after)
        assert not torch.allclose(r, read)
        return
    block = body.encoder.layer[0] if hasattr(body, "encoder") else body.transformer.layer[0]
    norm, seen = block.get_submodule(sublayer.norm), []
    norm.register_forward_hook(lambda m, inputs, output: seen.append(inputs[0]))
    layers(body)
    torch.testing.assert_close(after, norm.forward(seen[0] + added))
    _, _, after, read, _ = recorded(kind, "xmod")
    torch.testing.assert_close(read, plain)
    torch.testing.assert_close(after, norm.forward(plain + added))
    _, _, after, read, _ = recorded(kind, "houlsby")
    torch.testing.assert_close(after, norm.forward(seen[0] + added))
    assert not torch.allclose(read, plain)


class MadX(nn.Module):
    """BertOutput with a language and a task adapter as the paper has them."""

    def __init__(self, output, language, task):
        super().__init__()
        self.output, self.language, self.task = output, language, task

    def forward(self, states, a):
        r = self.output.dense(states)
        h = self.output.LayerNorm(r + a)
        language = self.language.up(torch.relu(self.language.down(h))) + r
        task = self.task.up(torch.relu(self.task.down(language))) + r
        return self.output.LayerNorm(task + a)


def test_two_are_stacked_as_in_mad_x_and_have_its_gradients():
    ours, theirs, now = body_of("Bert"), body_of("Bert"), Now()
    language = scatter(bottleneck(ours, now, reduction=2), 1)
    task = scatter(bottleneck(ours, now, reduction=4), 2)
    for number in (1, 2):
        block, name = theirs.encoder.layer[number - 1], f"{number}_feed_forward"
        block.output = MadX(block.output, language[name], task[name])
    for mine, other in zip(layers(ours), layers(theirs), strict=True):
        torch.testing.assert_close(mine, other)
    found = []
    for body in (ours, theirs):
        body(input_ids=IDS).last_hidden_state.square().sum().backward()
        found.append([w.grad.clone() for w in (*language.parameters(), *task.parameters())])
        for weight in (*language.parameters(), *task.parameters()):
            weight.grad = None
    torch.testing.assert_close(*found)


def test_houlsby_is_behind_both_sublayers_before_the_sum():
    ours, theirs, now = body_of("Bert"), body_of("Bert"), Now()
    made = scatter(bottleneck(ours, now, placement="houlsby", reduction=2, activation="swish"))
    assert list(made) == [f"{n}_{where}" for n in (1, 2) for where in ("attention", "feed_forward")]
    for number, block in enumerate(theirs.encoder.layer, start=1):
        for dense, name in ((block.attention.output, "attention"), (block.output, "feed_forward")):
            one = made[f"{number}_{name}"]
            dense.dropout = nn.Sequential(Residual(one))
    for mine, other in zip(layers(ours), layers(theirs), strict=True):
        torch.testing.assert_close(mine, other)


class Residual(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, r):
        return r + self.inner.up(nn.functional.silu(self.inner.down(r)))


def test_layers_are_chosen_and_dropped_with_what_was_there():
    body, now, alone = body_of("Bert"), Now(), body_of("Bert")
    made = scatter(bottleneck(body, now, reduction=2, layers="but_last:1"))
    assert list(made) == ["1_feed_forward"]
    one = layers(body)
    with torch.no_grad():
        torch.testing.assert_close(one[2], alone.encoder.layer[1](one[1]))
    scatter(bottleneck(body, now, reduction=2))
    scatter(bottleneck(body, now, reduction=2, drop="last:1"))
    three = layers(body)
    assert not torch.allclose(three[1], one[1])
    with torch.no_grad():
        torch.testing.assert_close(three[2], alone.encoder.layer[1](three[1]))


def test_a_coupling_is_undone_and_mixes_the_halves():
    coupling, e = scatter(Coupling(8)), torch.randn(3, 4, 8)
    o = coupling(e)
    torch.testing.assert_close(coupling.invert(o), e)
    one, two = e.chunk(2, -1)
    wanted = one + coupling.f(two)
    torch.testing.assert_close(o, torch.cat([wanted, two + coupling.g(wanted)], -1))
    with pytest.raises(UsageError, match="have no halves"):
        Coupling(7)


@pytest.mark.parametrize(("kind", "head"), [("Bert", "ForMaskedLM"), ("GPT2", "LMHeadModel"),
                                            ("XLMRoberta", "ForMaskedLM")])  # fmt: skip
def test_the_coupling_is_inverted_before_the_token_table(kind, head):
    body, now = body_of(kind, head), Now()
    made = scatter(bottleneck(body, now, reduction=2, layers="first:1", invertible=True))
    read = []
    scores = body.get_output_embeddings()
    scores.register_forward_hook(lambda m, inputs, output: read.append((inputs[0], output)))
    with torch.no_grad():
        body(input_ids=IDS)
        [(states, logits)] = read
        torch.testing.assert_close(logits, scores.forward(states))
        before = made["embeddings"](states)
        plain, _ = body_of(kind, head), None
        inside = layers(body)[-1]
        head_of = {"Bert": lambda m: m.cls.predictions.transform, "GPT2": lambda m: nn.Identity(),
                   "XLMRoberta": lambda m: _roberta(m.lm_head)}[kind](plain)  # fmt: skip
        torch.testing.assert_close(before, head_of(inside))


def _roberta(head):
    return lambda x: head.layer_norm(nn.functional.gelu(head.dense(x)))


def test_the_embeddings_are_coupled_before_the_first_block():
    body, now = body_of("Bert"), Now()
    plain = layers(body)[0]
    made = scatter(bottleneck(body, now, reduction=2, invertible=True))
    torch.testing.assert_close(layers(body)[0], made["embeddings"](plain))


def test_what_cannot_be_is_named():
    body = body_of("Bert")
    with pytest.raises(UsageError, match="the embeddings have no sublayers"):
        bottleneck(body, Now(), reduction=2, layers="embeddings")
    with pytest.raises(UsageError, match="is no layer of a model with 2"):
        bottleneck(body, Now(), reduction=2, drop="last:3")
    with pytest.raises(UsageError, match="reduction 9 of states of 8 numbers"):
        bottleneck(body, Now(), reduction=9)
    body.config.model_type = "xmod"
    with pytest.raises(ModelError, match=r"are not put into bodies of the architecture xmod"):
        bottleneck(body, Now(), reduction=2)
    assert "xmod" not in FAMILIES


def test_a_bottleneck_begins_as_nothing_and_learns():
    one, z = Bottleneck(8, 3), torch.randn(5, 8)
    assert not one(z).any()
    one(z).sum().backward()
    assert one.up.weight.grad.any()
