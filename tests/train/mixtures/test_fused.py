"""The same tokens are hidden alone and with the translation behind."""

import numpy as np
import pytest

from isogloss.errors import TrainingError
from isogloss.train.batch import UNKNOWN
from isogloss.train.material import Material
from isogloss.train.mixtures.fused import FusedPairs, fused

MASK, SPECIAL, BETWEEN = 4, [0, 1, 2, 3, 4], [3, 3]


def pairs(count=40):
    rng = np.random.default_rng(0)
    return {
        "deu_Latn": [
            (np.arange(rng.integers(1, 6)) + 100 + 10 * i, rng.integers(5, 60, rng.integers(1, 8)))
            for i in range(count)
        ]
    }


def made(**settings):
    return FusedPairs(pairs(), "eng_Latn", BETWEEN, MASK, SPECIAL, 60, size=10, **settings)


def cut(batch, name):
    return np.split(batch[name].numpy(), batch["offsets"][1:].numpy())


def test_the_fused_view_is_the_masked_sentence_and_its_translation():
    mixture, known = made(share=0.3), pairs()["deu_Latn"]
    for step in range(10):
        batch = mixture.batch(0, step)
        texts, gold = cut(batch, "ids"), cut(batch, "gold")
        for row in range(10):
            alone, both = texts[row], texts[10 + row]
            n = len(alone)
            assert (both[:n] == alone).all() and both[n : n + 2].tolist() == BETWEEN
            assert (gold[10 + row][:n] == gold[row]).all() and (gold[row] != UNKNOWN).any()
            assert (gold[10 + row][n:] == UNKNOWN).all()
            whole = np.where(gold[row] == UNKNOWN, alone, gold[row])
            rest = both[n + 2 :]
            assert any(
                np.array_equal(whole, ids) and np.array_equal(rest, other) for other, ids in known
            )
        assert batch["read"]["deu_Latn"] == 2 * sum(map(len, texts[:10]))
    one, again = mixture.batch(3, 1), mixture.batch(3, 1)
    assert one["ids"].tolist() == again["ids"].tolist() != mixture.batch(3, 2)["ids"].tolist()


def test_it_is_built_from_parallel_text_and_tells_what_is_left_out():
    from tokenizers import Tokenizer, models, pre_tokenizers

    from isogloss.corpus.records import make_corpus

    words = ["[PAD]", "[SEP]", "[MASK]", *"abcdef"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, "[PAD]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    corpus = make_corpus(
        "mine", ["1", "2", "3"], {"eng_Latn": ["a b", "c", "d"], "deu_Latn": ["e", "f a", "[SEP]"]}
    )
    told = []
    material = Material(
        {"train": corpus}, tokenizer, [0, 1, 2], 2, "eng_Latn", ["deu_Latn"], 10, note=told.append
    )
    mixture = fused(material, text="train", share=0.9)
    assert len(mixture.pairs["deu_Latn"]) == 2
    assert told == ["train: 1 rows of deu_Latn with nothing to hide were left out"]
    batch = mixture.batch(0, 0)
    assert batch["views"] == 2 and set(batch["read"]) == {"eng_Latn", "deu_Latn"}
    material.mask = None
    with pytest.raises(TrainingError, match="the tokenizer has no mask"):
        fused(material, text="train")
