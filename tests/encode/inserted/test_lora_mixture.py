"""A mixed map adds each low-rank product in its share, by language or by what is read."""

import pytest
import torch
import transformers
from torch import nn

from isogloss.encode.inserted.lora_mixture import LanguageGate, MixedMap, TextGate, lora_mixture
from isogloss.encode.inserted.now import Now
from isogloss.errors import UsageError

TAGS = ("eng_Latn", "deu_Latn", "fra_Latn")


def filled(made):
    for weight in made.parameters():
        nn.init.normal_(weight, std=0.5)
    return made


@pytest.mark.parametrize("gate", ["language", "text"])
def test_it_is_the_sum_over_the_changes(gate):
    torch.manual_seed(0)
    now = Now(languages=TAGS, language=torch.tensor([2, 0]), mask=torch.ones(2, 4).bool())
    now.mask[1, 2:] = False
    scores = LanguageGate(TAGS, 3, now) if gate == "language" else TextGate(6, 3, now)
    made = filled(MixedMap(6, 5, 3, 2, 1.5, scores))
    x = torch.randn(2, 4, 6)
    found = made(x)
    for row, length in enumerate((4, 2)):
        if gate == "language":
            shares = made.gate.scores[(2, 0)[row]].softmax(0)
        else:
            shares = (made.gate.scores @ x[row, :length].mean(0)).softmax(0)
        for place in range(4):
            wanted = sum(
                1.5 * shares[k] * made.up[:, 2 * k : 2 * k + 2] @ made.down[2 * k : 2 * k + 2]
                @ x[row, place] for k in range(3)
            )  # fmt: skip
            torch.testing.assert_close(found[row, place], wanted)


def test_each_language_begins_to_favour_its_own():
    shares = LanguageGate(TAGS, 3, Now()).scores.softmax(-1)
    assert (shares.argmax(-1) == torch.arange(3)).all() and (shares.diagonal() > 0.7).all()
    assert torch.equal(LanguageGate(TAGS, 2, Now()).scores, torch.zeros(3, 2))


def body_of(kind):
    torch.manual_seed(0)
    given = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
             "intermediate_size": 12, "vocab_size": 30}  # fmt: skip
    if kind == "GPT2":
        given = {"n_embd": 8, "n_layer": 2, "n_head": 2, "vocab_size": 30, "bos_token_id": 1,
                 "eos_token_id": 1}  # fmt: skip
    config = getattr(transformers, f"{kind}Config")(**given)
    return getattr(transformers, f"{kind}Model")(config).eval()


@pytest.mark.parametrize("kind", ["Bert", "GPT2", "Llama"])
def test_one_change_is_lora(kind):
    peft = pytest.importorskip("peft", reason="needs pip install isogloss[peft]")
    ours, theirs, now = body_of(kind), body_of(kind), Now()
    made = filled(lora_mixture(ours, now, experts=1, gate="text", rank=2, alpha=3.0))
    config = peft.LoraConfig(r=2, lora_alpha=3, fan_in_fan_out=kind == "GPT2")
    theirs = peft.get_peft_model(theirs, config)
    adapted = [m for m in theirs.modules() if hasattr(m, "lora_A") and hasattr(m, "base_layer")]
    assert len(adapted) == len(made) == (2 if kind == "GPT2" else 4)
    for other, one in zip(adapted, made.values(), strict=True):
        other.lora_A["default"].weight.data.copy_(one.down)
        other.lora_B["default"].weight.data.copy_(one.up)
    ids = torch.randint(3, 30, (2, 5))
    with torch.no_grad():
        a, b = (model(input_ids=ids).last_hidden_state for model in (ours, theirs.eval()))
    torch.testing.assert_close(a, b)


def test_what_cannot_be_is_named():
    body, now = body_of("Bert"), Now(languages=TAGS)
    with pytest.raises(UsageError, match="a block has no affine map query"):
        lora_mixture(body, now, targets=("query",))
    with pytest.raises(UsageError, match="a block has no affine map attention"):
        lora_mixture(body, now, targets=("attention",))
    with pytest.raises(UsageError, match="0 experts of rank 8"):
        lora_mixture(body, now, experts=0)
    with pytest.raises(UsageError, match="modules of languages need languages"):
        lora_mixture(body, Now())
