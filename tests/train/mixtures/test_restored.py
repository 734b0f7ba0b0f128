"""Restoring reads what a transform left and tells what was there."""

import numpy as np
import pytest

from isogloss.corpus.records import make_corpus
from isogloss.errors import UsageError
from isogloss.train.material import Material
from isogloss.train.mixtures.restored import restored
from isogloss.train.mixtures.shares import Sampling


@pytest.fixture
def material(tokenizer_of):
    ids = list("abcd")
    before = {"eng_Latn": ["red heart", "sun", None, "a blue heart in the sky"],
              "deu_Latn": ["Herz", None, None, None]}  # fmt: skip
    after = {"eng_Latn": ["rojo heart", "sun", None, "a blue corazon in the sky"]}
    notes = []
    return Material(
        {"t": make_corpus("m", ids, after)}, tokenizer_of("unigram"), [0, 1, 2], None, "eng_Latn",
        ["deu_Latn"], 40, originals={"t": make_corpus("m", ids, before)}, note=notes.append,
    ), notes  # fmt: skip


def test_rows_of_a_batch_are_a_changed_text_and_its_original(material):
    given, notes = material
    mixture = restored(given, text="t", batch=12)
    tokenizer = given.tokenizer
    batch = mixture.batch(0, 0)
    rows = np.split(batch["ids"].numpy(), batch["offsets"].numpy()[1:])
    read = {
        (tokenizer.decode(s), tokenizer.decode(t))
        for s, t in zip(rows[:12], rows[12:], strict=True)
    }
    assert read == {("rojo heart", "red heart"), ("sun", "sun"),
                    ("a blue corazon in the sky", "a blue heart in the sky")}  # fmt: skip
    assert notes == ["t: 2 of 3 rows of eng_Latn are to be restored"]
    assert set(batch["read"]) == {"eng_Latn"}


def test_long_rows_are_left_out_and_counted_and_easy_ones_come_first(material):
    given, notes = material
    mixture = restored(given, text="t", longest=5)
    assert all(len(pair[0]) <= 5 for pair in mixture.pairs["eng_Latn"])
    assert any("rows of eng_Latn over 5 tokens were not trained on" in note for note in notes)
    given.steps = 10
    ordered = restored(given, text="t", sampling=Sampling(easy=0.5)).pairs["eng_Latn"]
    assert [len(source) for source, _ in ordered] == sorted(len(s) for s, _ in ordered)


def test_a_text_that_nothing_changed_is_refused(material):
    given, _ = material
    given.originals = {}
    with pytest.raises(UsageError, match="nothing to restore"):
        restored(given, text="t")
