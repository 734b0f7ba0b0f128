"""A sentence and its translation as one text: either order, hidden tokens, wrong pairs."""

import numpy as np
import pytest
import torch
from tokenizers import processors

from isogloss.corpus.records import make_corpus
from isogloss.errors import TrainingError
from isogloss.train.batch import UNKNOWN, spots
from isogloss.train.material import Material
from isogloss.train.mixtures.concatenated import between, concatenated, tlm

NAMES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"e{i}" for i in range(50)),
         *(f"d{i}" for i in range(50))]  # fmt: skip


def tokenizer(template=True):
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({name: i for i, name in enumerate([*NAMES, "a"])}, "[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    if template:
        made.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] [SEP] $B [SEP]",
            special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
        )  # fmt: skip
    return made


def material(told=None, longest=20, mask=4):
    rng = np.random.default_rng(0)
    drawn = [rng.choice(50, rng.integers(2, 8), False) for _ in range(40)]
    texts = {
        "eng_Latn": [" ".join(f"e{i}" for i in one) for one in drawn],
        "deu_Latn": [" ".join(f"d{i}" for i in one) for one in drawn],
    }
    corpus = make_corpus("t", [str(i) for i in range(40)], texts)
    note = (lambda text: None) if told is None else told.append
    return Material(
        {"train": corpus}, tokenizer(), [0, 1, 2, 3, 4], mask, "eng_Latn", ["deu_Latn"], longest,
        note=note,
    )  # fmt: skip


def parts(batch, row, name="ids"):
    """A column of a row's two texts, and what stands between."""
    bounds = [*batch["offsets"].tolist(), len(batch["ids"])]
    span = slice(bounds[row], bounds[row + 1])
    value, side = batch[name][span], batch["side"][span]
    return value[side == 0].tolist(), value[side == UNKNOWN].tolist(), value[side == 1].tolist()


def test_a_text_is_a_pair_in_either_order_with_what_the_tokenizer_puts_between():
    mixture = concatenated(material(), text="train", wrong=0.0, batch=30)
    batch = mixture.batch(0, 0)
    orders = set()
    for row in range(batch.size):
        first, middle, last = parts(batch, row)
        assert middle == [3, 3]
        orders.add(first[0] < last[0])
        assert [abs(a - b) for a, b in zip(first, last, strict=True)] == [50] * len(first)
    assert orders == {True, False} and batch["true"].tolist() == [1.0] * 30
    assert "gold" not in batch and batch["read"]["eng_Latn"] == batch["read"]["deu_Latn"]
    assert sum(batch["read"].values()) == len(batch["ids"]) - 2 * 30


def test_hidden_tokens_are_of_both_sides_and_never_what_stands_between():
    mixture = tlm(material(), text="train", batch=30, share=0.3)
    one, again, other = mixture.batch(0, 1), mixture.batch(0, 1), mixture.batch(0, 2)
    assert torch.equal(one["ids"], again["ids"]) and torch.equal(one["gold"], again["gold"])
    assert not torch.equal(one["ids"], other["ids"])
    assert set(one["side"][spots(one)].tolist()) == {0, 1}
    assert 0.2 < len(spots(one)) / len(one["ids"]) < 0.35
    assert (one["ids"] == 4).sum() > 0.6 * len(spots(one))
    restored = one["ids"].clone()
    restored[spots(one)] = one["gold"][spots(one)]
    for row in range(one.size):
        _, middle, _ = parts(one, row)
        assert middle == [3, 3]
    assert set(restored.tolist()) <= {3, *range(5, 105)}


def test_wrong_pairs_are_of_two_rows_and_fit():
    mixture = concatenated(material(longest=12), text="train", wrong=0.5, batch=30)
    told = []
    for step in range(5):
        batch = mixture.batch(0, step)
        assert int(batch.lengths().max()) <= 12
        for row, true in enumerate(batch["true"].tolist()):
            first, _, last = parts(batch, row)
            same = len(first) == len(last) and all(
                abs(a - b) == 50 for a, b in zip(first, last, strict=True)
            )
            assert same == bool(true)
            told.append(true)
    assert 0.35 < np.mean(told) < 0.65


def test_what_is_too_long_or_has_no_mask_is_told():
    told = []
    tlm(material(told, longest=10), text="train")
    assert len(told) == 1 and "over 10 tokens with their translation were not trained" in told[0]
    with pytest.raises(TrainingError, match="the tokenizer has no mask"):
        tlm(material(mask=None), text="train")
    with pytest.raises(TrainingError, match="no row of deu_Latn"):
        tlm(material(longest=4), text="train")


def test_a_tokenizer_without_pairs_has_its_end_between():
    assert between(tokenizer()) == [3, 3]
    assert between(tokenizer(template=False)) == []
    single = tokenizer()
    single.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    assert between(single) == [3]


def test_pairs_with_nothing_to_hide_and_rows_without_a_partner_are_told():
    told = []
    stuff = material(told)
    texts = {"eng_Latn": ["[MASK]", "e1 e2", "e3", "e4"], "deu_Latn": ["??", "d1", None, "d4"]}
    stuff.texts = {"train": make_corpus("t", list("abcd"), texts)}
    mixture = tlm(stuff, text="train", batch=1)
    assert [len(rows) for rows in mixture.pairs.values()] == [2]
    assert "train: 1 rows of deu_Latn with nothing to hide were left out" in told
    assert "train: 1 rows in one of eng_Latn and deu_Latn were not trained on" in told
    for step in range(20):
        assert len(spots(mixture.batch(0, step)))
    stuff.texts = {"train": make_corpus("t", ["a", "b"], {"eng_Latn": ["e1", None],
                                                          "deu_Latn": [None, "d1"]})}  # fmt: skip
    with pytest.raises(TrainingError, match="train: no row is in eng_Latn and in deu_Latn"):
        tlm(stuff, text="train")
