"""Masked language modelling against the plain sum of logarithms."""

import numpy as np
import torch

from isogloss.train.batch import UNKNOWN, spots, stack_texts
from isogloss.train.objectives.mlm import Mlm

TOKENS = 7


def hidden(rng):
    texts = [rng.integers(0, TOKENS, rng.integers(1, 6)) for _ in range(6)]
    tokens = sum(map(len, texts))
    gold = np.where(rng.random(tokens) < 0.5, rng.integers(0, TOKENS, tokens), UNKNOWN)
    gold[0] = 2
    batch = stack_texts([texts], [["eng_Latn"] * 6], tokens={"gold": gold})
    return {"logits": torch.from_numpy(rng.normal(size=(len(spots(batch)), TOKENS)))}, batch


CASES = {"mlm.v1": lambda rng: (Mlm(), *hidden(rng))}


def test_it_is_the_mean_surprise_of_what_was_hidden():
    outputs, batch = hidden(np.random.default_rng(0))
    gold = [g for g in batch["gold"].tolist() if g != UNKNOWN]
    shares = torch.softmax(outputs["logits"], 1)
    plain = -sum(torch.log(row[g]) for row, g in zip(shares, gold, strict=True)) / len(gold)
    torch.testing.assert_close(Mlm()(outputs, batch).total, plain)
