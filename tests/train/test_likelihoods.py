"""Likelihoods of texts against logits of transformers, read one text at a time."""

import numpy as np
import pytest
import torch

from isogloss.train.batch import UNKNOWN, spots, stack_texts
from isogloss.train.readers import words


@pytest.mark.parametrize("shape", ["gpt2", "llama", "bert"])
def test_they_are_the_sums_of_log_shares_of_each_text(model_folder, tokenizer_of, shape):
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    kind = {"gpt2": "byte-bpe", "llama": "bpe", "bert": "wordpiece"}[shape]
    folder, tokenizer = model_folder(shape), tokenizer_of(kind)
    module = words(folder, tokenizer).eval()
    rng = np.random.default_rng(0)
    views = [[rng.integers(5, 300, rng.integers(2, 9)) for _ in range(15)] for _ in range(2)]
    tokens = sum(len(ids) for view in views for ids in view)
    gold = np.where(rng.random(tokens) < 0.5, rng.integers(5, 300, tokens), UNKNOWN)
    gold[: len(views[0][0])] = UNKNOWN  # nothing is asked of the first text
    batch = stack_texts(views, [["eng_Latn"] * 15] * 2, tokens={"gold": gold})
    with torch.no_grad():
        found = module(batch, ("likelihoods", "vectors"))
        logits = module(batch, ("logits", "likelihoods"))
    assert set(found) == {"likelihoods", "vectors"} and found["likelihoods"].shape == (2, 15, 1)
    torch.testing.assert_close(found["likelihoods"], logits["likelihoods"])
    shares = torch.log_softmax(logits["logits"], 1)
    chosen = shares[torch.arange(len(shares)), batch["gold"][spots(batch)]]
    torch.testing.assert_close(found["likelihoods"].sum(), chosen.sum())
    opened = AutoModelForMaskedLM if shape == "bert" else AutoModelForCausalLM
    model = opened.from_pretrained(folder).eval()
    first, last = module.ends
    bounds = [*batch["offsets"].tolist(), tokens]
    for text in range(30):
        start, stop = bounds[text], bounds[text + 1]
        ids = [*first, *batch["ids"][start:stop].tolist(), *last]
        with torch.no_grad():
            own = torch.log_softmax(model(torch.tensor([ids])).logits[0], 1)
        wanted = sum(
            float(own[len(first) + i, g])
            for i, g in enumerate(batch["gold"][start:stop].tolist())
            if g != UNKNOWN
        )
        assert float(found["likelihoods"].flatten()[text]) == pytest.approx(wanted, abs=1e-3)
    assert float(found["likelihoods"][0, 0]) == 0
