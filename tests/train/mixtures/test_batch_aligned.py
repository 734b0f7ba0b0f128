"""Every row of a batch is there in all the languages that have it."""

import numpy as np
import pytest

from isogloss.errors import TrainingError
from isogloss.train.batch import UNKNOWN
from isogloss.train.material import Material
from isogloss.train.mixtures.batch_aligned import BatchAligned, batch_aligned

TAGS = ("eng_Latn", "deu_Latn", "swh_Latn")


def tokens():
    """Ids that say language and row; Swahili has every other row, row 9 is English alone."""
    found = {
        tag: [np.full(3, 1000 * number + 10 + row) for row in range(10)]
        for number, tag in enumerate(TAGS)
    }
    found["swh_Latn"][1::2] = [None] * 5
    found["deu_Latn"][9] = None
    return found


def test_a_row_comes_in_all_its_languages():
    mixture = BatchAligned(tokens(), None, [], 4000, size=4)
    for step in range(20):
        batch = mixture.batch(0, step)
        first = batch["ids"][batch["offsets"]].numpy()
        rows, counts = np.unique(first % 1000 - 10, return_counts=True)
        assert len(rows) == 4 and 9 not in rows
        assert counts.tolist() == [3 if row % 2 == 0 else 2 for row in rows]
        assert batch["views"] == 1 and len(set(first)) == len(first)
        for ids, gold in zip(
            batch["ids"].view(-1, 3).tolist(), batch["gold"].view(-1, 3).tolist(), strict=True
        ):
            assert gold == [*ids[1:], UNKNOWN]
    assert mixture.batch(1, 1)["ids"].tolist() == mixture.batch(1, 1)["ids"].tolist()
    with pytest.raises(TrainingError, match="no row is in two languages"):
        BatchAligned({"eng_Latn": tokens()["eng_Latn"]}, None, [], 40)


def test_hidden_tokens_are_told_in_every_text():
    batch = BatchAligned(tokens(), 4, [4], 4000, size=5, share=0.4).batch(0, 0)
    ids, gold = batch["ids"].view(-1, 3), batch["gold"].view(-1, 3)
    assert (gold != UNKNOWN).any(1).all() and (ids == 4).any()
    assert ((gold == UNKNOWN) | (gold % 1000 >= 10)).all()


def test_what_has_nothing_to_tell_is_left_out_and_told():
    from tokenizers import Tokenizer, models, pre_tokenizers

    from isogloss.corpus.records import make_corpus

    words = ["[PAD]", "[MASK]", *"abcdef"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, "[PAD]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    corpus = make_corpus(
        "mine", list("123"), {"eng_Latn": ["a b", "c", "d e"], "deu_Latn": ["e f", "f a", "[PAD]"]}
    )
    told = []
    material = Material(
        {"train": corpus}, tokenizer, [0, 1], 1, "eng_Latn", ["deu_Latn"], 9, note=told.append
    )
    hidden = batch_aligned(material, text="train")
    assert hidden.mask == 1 and hidden._rows.tolist() == [0, 1]
    assert told == [
        "train: 1 texts of deu_Latn with nothing to tell were left out",
        "train: 1 rows in fewer than two languages were not trained on",
    ]
    following = batch_aligned(material, text="train", tell="next")
    assert following.mask is None and following._rows.tolist() == [0]
    material.mask = None
    with pytest.raises(TrainingError, match="the tokenizer has no mask"):
        batch_aligned(material, text="train")
