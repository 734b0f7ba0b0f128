"""Masks are a function of seed and step; languages follow the temperature; nothing is cut."""

import numpy as np
import pytest

from isogloss.errors import TrainingError
from isogloss.train.batch import spots
from isogloss.train.mixtures.masked import MaskedText, windows

SPECIAL, MASK, SIZE = [0, 1, 2, 3, 4], 4, 200


def text(**settings):
    rng = np.random.default_rng(0)
    found = {
        tag: [rng.integers(3, SIZE, rng.integers(1, 30)) for _ in range(count)]
        for tag, count in (("eng_Latn", 810), ("mri_Latn", 10))
    }
    found = {
        tag: [ids for ids in every if not np.isin(ids, SPECIAL).all()]
        for tag, every in found.items()
    }
    return MaskedText(found, MASK, SPECIAL, SIZE, **settings)


def test_a_batch_depends_on_seed_and_step_alone_and_counts_what_is_read():
    mixture = text(size=16)
    mixture.batch(3, 9)
    one, again, other = mixture.batch(0, 5), mixture.batch(0, 5), mixture.batch(0, 6)
    for name in ("ids", "offsets", "gold"):
        assert one[name].tolist() == again[name].tolist()
    assert one["ids"].tolist() != other["ids"].tolist()
    assert sum(one["read"].values()) == len(one["ids"]) and len(one["offsets"]) == 16


def test_of_the_chosen_tokens_eight_in_ten_are_masked_and_special_ones_never():
    mixture, counts = text(size=64), np.zeros(4)
    for step in range(150):
        batch = mixture.batch(0, step)
        ids, gold = batch["ids"][spots(batch)].numpy(), batch["gold"][spots(batch)].numpy()
        assert not np.isin(gold, SPECIAL).any()
        hidden, kept = ids == MASK, ids == gold
        assert not np.isin(ids[~hidden], SPECIAL).any()
        ordinary = len(batch["ids"]) - np.isin(batch["ids"], SPECIAL).sum() + hidden.sum()
        counts += hidden.sum(), kept.sum(), len(gold), ordinary
    chosen = counts[2]
    assert chosen / counts[3] == pytest.approx(0.15, abs=0.005)
    assert counts[0] / chosen == pytest.approx(0.8, abs=0.01)
    assert counts[1] / chosen == pytest.approx(0.1 + 0.1 / 195, abs=0.01)


def test_what_is_not_chosen_stays():
    mixture = text(size=64)
    batch = mixture.batch(0, 0)
    restored = batch["ids"].numpy().copy()
    restored[spots(batch)] = batch["gold"][spots(batch)]
    known = {tuple(ids) for found in mixture.windows.values() for ids in found}
    assert all(tuple(p) in known for p in np.split(restored, batch["offsets"][1:]))
    assert len(set(map(tuple, np.split(batch["ids"].numpy(), batch["offsets"][1:]))) - known) > 40


@pytest.mark.parametrize(("alpha", "wanted"), [(1.0, 1 / 82), (0.5, 1 / 10), (0.0, 1 / 2)])
def test_languages_are_drawn_by_temperature(alpha, wanted):
    mixture = text(size=100, alpha=alpha)
    mixture.windows = {tag: [np.array([7])] * len(w) for tag, w in mixture.windows.items()}
    read = [mixture.batch(0, step)["read"].get("mri_Latn", 0) for step in range(100)]
    assert np.mean(read) / 100 == pytest.approx(wanted, abs=0.015)


def test_in_order_every_window_is_read_once_with_something_hidden():
    mixture = text(size=50)
    batches = list(mixture.in_order("eng_Latn", 0))
    read = sum(len(batch["offsets"]) for batch in batches)
    assert read == len(mixture.windows["eng_Latn"])
    for batch in batches:
        rows = np.searchsorted(batch["offsets"].numpy(), spots(batch).numpy(), side="right") - 1
        assert set(rows) == set(range(len(batch["offsets"])))
    # the masks of a window do not depend on how many are read together
    alone = np.concatenate([b["gold"] for b in text(size=7).in_order("eng_Latn", 0)])
    assert alone.tolist() == np.concatenate([b["gold"] for b in batches]).tolist()


def test_long_texts_are_split_and_lose_nothing():
    ids = np.arange(100)
    parts = windows(ids, 30)
    assert [len(part) for part in parts] == [25, 25, 25, 25]
    assert np.concatenate(parts).tolist() == ids.tolist()
    assert [len(part) for part in windows(ids, 100)] == [100]


def test_text_without_anything_to_mask_is_refused():
    with pytest.raises(TrainingError, match="there is no text to mask"):
        MaskedText({"eng_Latn": []}, MASK, SPECIAL, SIZE)
    with pytest.raises(TrainingError, match="mri_Latn: a text of special tokens alone"):
        MaskedText({"mri_Latn": [np.array([1, 1])]}, MASK, SPECIAL, SIZE)
