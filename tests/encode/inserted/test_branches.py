"""Each text goes through the blocks of its language; the others through the shared ones."""

import pytest
import torch
import transformers

from isogloss.encode.inserted.bottleneck import bottleneck
from isogloss.encode.inserted.branches import branches
from isogloss.encode.inserted.lora_mixture import lora_mixture
from isogloss.encode.inserted.now import Now
from isogloss.errors import UsageError

TAGS = ("eng_Latn", "deu_Latn", "fra_Latn")
SMALL = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
         "intermediate_size": 12, "vocab_size": 30}  # fmt: skip
KINDS = {
    "Bert": SMALL, "Llama": SMALL,
    "GPT2": {"n_embd": 8, "n_layer": 2, "n_head": 2, "vocab_size": 30, "bos_token_id": 1,
             "eos_token_id": 1},
    "DistilBert": {"dim": 8, "n_layers": 2, "n_heads": 2, "hidden_dim": 12, "vocab_size": 30},
}  # fmt: skip


def body_of(kind):
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**KINDS[kind])
    return getattr(transformers, f"{kind}Model")(config).eval()


@pytest.mark.parametrize("kind", KINDS)
def test_a_mixed_batch_is_what_each_language_alone_is(kind):
    body, now = body_of(kind), Now(languages=TAGS)
    ids = torch.randint(3, 30, (4, 5), generator=torch.Generator().manual_seed(1))
    mask = torch.ones(4, 5).long()
    mask[1, 3:] = 0

    def read(*tags):
        now.language = torch.tensor(tags)
        with torch.no_grad():
            return body(input_ids=ids, attention_mask=mask).last_hidden_state

    with torch.no_grad():
        first = body(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    plain = first.last_hidden_state  # after which something of transformers listens to the blocks
    made = branches(body, now, languages=("eng", "deu"), layers="last:1")
    assert torch.equal(read(0, 1, 2, 0), plain)
    with torch.no_grad():
        for seed, block in enumerate(made.sets["2"]):
            torch.manual_seed(seed + 5)
            for weight in block.parameters():
                weight.normal_(std=0.3)
    alone = [read(tag) for tag in range(3)]
    assert torch.equal(alone[2], plain)  # the shared branch
    assert not torch.allclose(alone[0], plain) and not torch.allclose(alone[0], alone[1])
    mixed = read(0, 1, 2, 1)
    for row, tag in enumerate((0, 1, 2, 1)):
        torch.testing.assert_close(mixed[row], alone[tag][row])
    with torch.no_grad():
        out = body(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    assert len(out.hidden_states) == 3 and torch.equal(out.hidden_states[2], mixed)
    body.config.use_cache = False
    torch.testing.assert_close(read(0, 1, 2, 1), mixed)


def test_nothing_is_put_into_branches_nor_they_around_modules():
    body, now = body_of("Bert"), Now(languages=TAGS)
    branches(body, now, layers="last:1")
    bottleneck(body, now, reduction=2, layers="first:1")
    for layers, build in ((2, bottleneck), (2, lora_mixture)):
        with pytest.raises(UsageError, match="blocks of layer 2 are a language's own"):
            build(body, now, layers=layers, **({"reduction": 2} if build is bottleneck else {}))
    for layer in (1, 2):
        with pytest.raises(UsageError, match=f"there are modules in layer {layer}"):
            branches(body, now, layers=layer)
