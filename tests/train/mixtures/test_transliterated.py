"""Rows are a text and its romanisation; what cannot be romanised is left out and told."""

import numpy as np
import pytest
import torch

from isogloss import registry
from isogloss.corpus.records import make_corpus
from isogloss.errors import TrainingError
from isogloss.train.batch import UNKNOWN, spots
from isogloss.train.material import Material
from isogloss.train.mixtures.transliterated import between_texts
from isogloss.vocabulary.romanise import romanise

RUSSIAN = ["красное сердце", "жёлтое сердце", "лицо со слезами", "красное сердце", "OK 123", "дом"]
ENGLISH = ["red heart", "yellow heart", "face with tears", "red heart", "OK 123", None]


@pytest.fixture
def material(tokenizer_of):
    from tokenizers import Tokenizer, processors

    tokenizer = Tokenizer.from_str(tokenizer_of("wordpiece").to_str())
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )  # fmt: skip
    corpus = make_corpus(
        "small", [str(i) for i in range(6)], {"eng_Latn": ENGLISH, "rus_Cyrl": RUSSIAN}
    )
    told = []
    made = Material(
        {"train": corpus}, tokenizer, [0, 1, 2, 3, 4], 4, "eng_Latn", ["rus_Cyrl"], 60,
        note=told.append,
    )  # fmt: skip
    return made, told


def build(material, **settings):
    return registry.get("mixture", "transliterated.v1")(material, text="train", **settings)


def restored(batch):
    ids = batch["ids"].clone()
    ids[spots(batch)] = batch["gold"][spots(batch)]
    return np.split(ids.numpy(), batch["offsets"][1:].numpy())


def test_the_two_views_are_a_text_and_its_romanisation(material):
    made, told = material
    batch = build(made, batch=4).batch(0, 3)
    assert batch.views == 2 and batch["language"].tolist() == [1] * 8
    texts = restored(batch)
    for left, right in zip(texts[:4], texts[4:], strict=True):
        found = next(t for t in RUSSIAN if made.ids([t])[0].tolist() == left.tolist())
        assert made.ids(romanise([found], "Cyrl"))[0].tolist() == right.tolist()
        assert left.tolist() != right.tolist()
    assert len({tuple(text) for text in texts}) == 8  # no text twice
    assert {"gold"} <= set(batch) and (batch["gold"] != UNKNOWN).any()
    assert told == [
        "train: eng_Latn left out; no romanisation of their script",
        "train: rows of rus_Cyrl left out: 1 twice in the text, 1 the same or nothing in Latin "
        "letters",
    ]


def test_a_batch_depends_on_seed_and_step_alone_and_never_repeats_a_row(material):
    mixture = build(material[0], batch=3)
    one, again, other = mixture.batch(0, 5), mixture.batch(0, 5), mixture.batch(0, 6)
    assert one["ids"].tolist() == again["ids"].tolist() != other["ids"].tolist()
    assert build(material[0], batch=50).batch(0, 0).size == 4


def test_joined_the_spellings_are_one_text_with_what_the_tokenizer_puts_between(material):
    made, _ = material
    assert between_texts(made.tokenizer) == [3]
    batch = build(made, batch=4, joined=True).batch(0, 0)
    assert batch.views == 1 and batch.size == 4
    for ids in restored(batch):
        middle = ids.tolist().index(3)
        text = next(t for t in RUSSIAN if made.ids([t])[0].tolist() == ids[:middle].tolist())
        assert made.ids(romanise([text], "Cyrl"))[0].tolist() == ids[middle + 1 :].tolist()
    assert not (batch["gold"] == 3).any()


def test_both_spellings_are_hidden(material):
    mixture = build(material[0], batch=4, share=0.5)
    hidden = torch.zeros(2)
    for step in range(20):
        batch = mixture.batch(0, step)
        half = int(batch.lengths()[:4].sum())
        known = batch["gold"] != UNKNOWN
        hidden += torch.stack([known[:half].float().mean(), known[half:].float().mean()])
    np.testing.assert_allclose(hidden / 20, 0.5, atol=0.1)


def test_nothing_is_hidden_without_a_share_and_then_no_mask_is_needed(material):
    from dataclasses import replace

    made, _ = material
    batch = build(replace(made, mask=None), batch=4, share=0.0).batch(0, 0)
    assert "gold" not in batch
    with pytest.raises(TrainingError, match="the tokenizer has no mask"):
        build(replace(made, mask=None))


def test_text_that_cannot_be_romanised_is_refused_and_long_rows_are_told(material):
    made, told = material
    made.texts["latin"] = made.texts["train"].keep(["eng_Latn"])
    with pytest.raises(TrainingError, match="latin: there is no text to romanise in eng_Latn"):
        registry.get("mixture", "transliterated.v1")(made, text="latin")
    longest = max(len(ids) for ids in made.ids(romanise(RUSSIAN, "Cyrl")))
    told.clear()
    build(made, longest=longest - 1)
    assert f" over {longest - 1} tokens" in told[-1]
