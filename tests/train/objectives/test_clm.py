"""Causal language modelling: the loss and the gradients that transformers has of its labels."""

import numpy as np
import pytest
import torch

from isogloss.errors import ModelError
from isogloss.recipe.learning import save_tokenizer
from isogloss.train.batch import UNKNOWN
from isogloss.train.fresh import FAMILIES, fresh_model, learn_for, save_fresh
from isogloss.train.mixtures.causal import PackedText, packed
from isogloss.train.objectives.clm import Clm
from isogloss.train.readers import words
from isogloss.vocabulary.special import PRESETS
from loading import load

_made = load("train/objectives/test_mlm.py")

CASES = {"clm.v1": lambda rng: (Clm(), *_made.hidden(rng))}


@pytest.mark.parametrize("family", ["gpt2", "llama"])
@pytest.mark.parametrize("parts", [1, 3])
def test_loss_and_gradients_are_those_of_transformers(family, parts, texts, tmp_path):
    from transformers import AutoModelForCausalLM

    tokenizer = learn_for(family, {"eng_Latn": texts[:300]}, size=500)
    save_tokenizer(tokenizer, tmp_path, PRESETS[FAMILIES[family].special].roles)
    save_fresh(fresh_model(family, tokenizer, width=16, longest=40), 40, tmp_path)
    module = words(tmp_path, tokenizer).eval()
    rng = np.random.default_rng(0)
    # Of unlike lengths, so that right padding shows where it must not.
    ids = [rng.integers(3, 400, n) for n in (2, 17, 9, 30, 5)]
    batch = PackedText({"eng_Latn": ids}, size=7).batch(0, 0)
    total = torch.zeros(())
    for _, part in batch.split(parts):
        share = Clm().count(part) / Clm().count(batch)
        total = total + share * Clm()(module(part, ("logits",)), part).total
    total.backward()

    theirs = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    rows = torch.tensor_split(batch["ids"], batch["offsets"][1:])
    before = torch.tensor(module.ends[0], dtype=torch.long)
    assert len(before) == (family == "llama")
    given = [torch.cat([before, row]) for row in rows]
    labels = [row.clone() for row in given]
    for row in labels:
        row[: len(before) + 1] = UNKNOWN  # the first token of a window is not told by the mixture
    pad = torch.nn.utils.rnn.pad_sequence
    loss = theirs(
        input_ids=pad(given, batch_first=True),
        attention_mask=pad([torch.ones_like(row) for row in given], batch_first=True),
        labels=pad(labels, batch_first=True, padding_value=UNKNOWN),
    ).loss
    loss.backward()
    torch.testing.assert_close(total.detach(), loss.detach())
    slopes = dict(theirs.named_parameters())
    for name, weight in module.body.named_parameters():
        torch.testing.assert_close(weight.grad, slopes[name].grad, atol=1e-6, rtol=1e-4)


def test_what_stands_behind_a_token_does_not_move_its_logits(model_folder, tokenizer_of):
    module = words(model_folder("gpt2"), tokenizer_of("byte-bpe")).eval()
    stream = packed([np.arange(5, 15)], 0, 12)[0]
    other = stream.copy()
    other[8:] = 77
    found = []
    for ids in (stream, other):
        batch = PackedText({"eng_Latn": [ids]}, size=1).batch(0, 0)
        with torch.no_grad():
            found.append(module(batch, ("logits",))["logits"])
    torch.testing.assert_close(found[0][:8], found[1][:8])
    assert (found[0][8:] - found[1][8:]).abs().max() > 1e-3


def test_a_model_that_looks_ahead_is_refused(model_folder, tokenizer_of):
    Clm().begin(words(model_folder("llama"), tokenizer_of("bpe")))
    with pytest.raises(ModelError, match="BertForMaskedLM reads what follows"):
        Clm().begin(words(model_folder("bert"), tokenizer_of("wordpiece")))
