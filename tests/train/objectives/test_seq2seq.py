"""From source to target: loss and gradients are those that transformers has of its labels."""

import numpy as np
import pytest
import torch

from isogloss.errors import ModelError, TrainingError
from isogloss.train.batch import UNKNOWN
from isogloss.train.body import Body
from isogloss.train.mixtures.causal import PackedText
from isogloss.train.mixtures.paired import Ends, stack_pairs
from isogloss.train.objectives.mlm import Mlm
from isogloss.train.objectives.seq2seq import Seq2seq
from isogloss.train.readers import sentences, words

TOKENS = 7


END = Ends([], [1])


def pairs(rng, count=6, tokens=TOKENS, ends=END):
    made = [rng.integers(3, tokens, (2, n)) for n in rng.integers(1, 9, count)]
    made = [(a, ends.around(b[: rng.integers(1, 9)])) for a, b in made]
    return stack_pairs(made, ["eng_Latn"] * count, {"eng_Latn": 0})


def case(rng):
    batch = pairs(rng)
    told = int((batch["gold"] != UNKNOWN).sum())
    return (
        Seq2seq(smoothing=0.1),
        {"logits": torch.from_numpy(rng.normal(size=(told, TOKENS)))},
        batch,
    )


CASES = {"seq2seq.v1": case}


def bart():
    from transformers import BartConfig, BartForConditionalGeneration

    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=90, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32,
        max_position_embeddings=40, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        decoder_start_token_id=2, init_std=0.2,
    )  # fmt: skip
    model = BartForConditionalGeneration(config)
    torch.nn.init.normal_(model.final_logits_bias)
    return Body(model, ([0], [2]))


@pytest.mark.parametrize("shape", ["t5", "mt5", "bart"])
@pytest.mark.parametrize("parts", [1, 3])
def test_loss_and_gradients_are_those_of_transformers(shape, parts, model_folder, tokenizer_of):
    module = bart() if shape == "bart" else words(model_folder(shape), tokenizer_of("unigram"))
    module.eval()
    first, last = module.ends
    batch = pairs(np.random.default_rng(0), 30, 90, Ends(first, [2]))
    total = torch.zeros(())
    for _, part in batch.split(parts):
        share = Seq2seq().count(part) / Seq2seq().count(batch)
        total = total + share * Seq2seq()(module(part, ("logits",)), part).total
    found = torch.autograd.grad(total, list(module.body.parameters()), allow_unused=True)

    rows = torch.tensor_split(batch["ids"], batch["offsets"][1:])
    given = [torch.tensor([*first, *row, *last]) for row in rows[:30]]
    pad = torch.nn.utils.rnn.pad_sequence
    loss = module.body(
        input_ids=pad(given, batch_first=True, padding_value=module.pad),
        attention_mask=pad([torch.ones_like(row) for row in given], batch_first=True),
        labels=pad(rows[30:], batch_first=True, padding_value=UNKNOWN),
    ).loss
    wanted = torch.autograd.grad(loss, list(module.body.parameters()), allow_unused=True)
    torch.testing.assert_close(total.detach(), loss.detach())
    for mine, theirs in zip(found, wanted, strict=True):
        if theirs is not None:
            torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=1e-4)


def test_the_source_matters_and_what_follows_in_the_target_does_not():
    module = bart().eval()
    target = np.array([5, 6, 7, 8, 2])
    with torch.no_grad():
        base, other, later = (
            module(stack_pairs([pair], ["eng_Latn"], {}), ("logits",))["logits"]
            for pair in (
                (np.array([9, 10]), target), (np.array([9, 11]), target),
                (np.array([9, 10]), np.array([5, 6, 17, 18, 2])),
            )
        )  # fmt: skip
    assert (base - other).abs().max() > 1e-3
    torch.testing.assert_close(base[:3], later[:3])
    assert (base[3:] - later[3:]).abs().max() > 1e-3


def test_vectors_and_states_are_those_of_the_encoder(model_folder, tokenizer_of):
    batch = pairs(np.random.default_rng(0), 5, 90)
    module = words(model_folder("t5"), tokenizer_of("unigram")).eval()
    bare = sentences(model_folder("t5"), tokenizer_of("unigram")).eval()
    with torch.no_grad():
        found = module(batch, ("vectors", "layer_states", "logits"))
        alone = bare(batch, ("vectors", "layer_states"))
    assert found["vectors"].shape == (2, 5, 32)
    assert len(found["logits"]) == int((batch["gold"] != UNKNOWN).sum())
    for name, value in alone.items():
        torch.testing.assert_close(found[name], value)


def test_smoothing_is_a_share_of_the_mean_over_the_vocabulary():
    _, outputs, batch = case(np.random.default_rng(0))
    logs = torch.log_softmax(outputs["logits"], -1)
    plain = Seq2seq()(outputs, batch).total
    torch.testing.assert_close(plain, Mlm()(outputs, batch).total)
    wanted = 0.9 * plain - 0.1 * logs.mean()
    torch.testing.assert_close(Seq2seq(smoothing=0.1)(outputs, batch).total, wanted)


def test_models_and_batches_of_another_kind_are_refused(model_folder, tokenizer_of):
    Seq2seq().begin(bart())
    with pytest.raises(ModelError, match="BertForMaskedLM is not a model of source and target"):
        Seq2seq().begin(words(model_folder("bert"), tokenizer_of("wordpiece")))
    one = PackedText({"eng_Latn": [np.array([5, 6, 7])]}, size=2).batch(0, 0)
    with pytest.raises(TrainingError, match="reads two views a row, and the mixture gives 1"):
        bart()(one, ("logits",))
    batch = pairs(np.random.default_rng(0))
    batch["gold"][0] = 3
    with pytest.raises(TrainingError, match="the source of a pair has gold tokens"):
        bart()(batch, ("logits",))
