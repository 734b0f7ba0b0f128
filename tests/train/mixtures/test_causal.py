"""Packing loses nothing: every token is told exactly once, by what stands before it."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus.records import make_corpus
from isogloss.errors import TrainingError
from isogloss.train.batch import UNKNOWN
from isogloss.train.material import Material
from isogloss.train.mixtures.causal import PackedText, causal, packed

END = 0


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=12), min_size=1, max_size=6),
       st.integers(2, 9))  # fmt: skip
def test_windows_cover_the_stream_and_meet_in_one_token(documents, longest):
    found = packed([np.array(ids) for ids in documents], END, longest)
    stream = [END, *(token for ids in documents for token in [*ids, END])]
    assert all(len(window) == longest for window in found[:-1]) and 2 <= len(found[-1]) <= longest
    told = [token for window in found for token in window[1:].tolist()]
    assert told == stream[1:]
    assert found[0][0] == END
    assert all(a[-1] == b[0] for a, b in itertools.pairwise(found))


def test_gold_is_the_token_behind_within_a_window():
    batch = PackedText({"eng_Latn": [np.array([0, 5, 6, 7]), np.array([7, 8])]}, size=6).batch(0, 3)
    ids, gold, ends = batch["ids"].numpy(), batch["gold"].numpy(), {*batch["offsets"].tolist()}
    for place in range(len(ids)):
        last = place + 1 in ends or place + 1 == len(ids)
        assert gold[place] == (UNKNOWN if last else ids[place + 1])
    assert batch["read"] == {"eng_Latn": len(ids)}


def material(tokenizer, **more):
    rows = {"eng_Latn": ["red heart", "blue heart and a sun", None, "x"],
            "deu_Latn": ["rotes Herz", None, "Sonne", "y"]}  # fmt: skip
    corpus = make_corpus("mine", list("abcd"), rows)
    given = {"special": [0, 1], "mask": None, "pivot": "eng_Latn", "languages": ["deu_Latn"],
             "longest": 30, "roles": {"eos": 0}}  # fmt: skip
    return Material({"t": corpus}, tokenizer, **{**given, **more})


def test_rows_share_windows_or_stand_alone(tokenizer_of):
    tokenizer = tokenizer_of("byte-bpe")
    made = causal(material(tokenizer), text="t", longest=5)
    lengths = {tag: [len(w) for w in found] for tag, found in made.windows.items()}
    assert all(set(found[:-1]) <= {5} for found in lengths.values())
    alone = causal(material(tokenizer), text="t", pack=False)
    assert [len(found) for found in alone.windows.values()] == [3, 3]
    text = tokenizer.encode("red heart").ids
    assert alone.windows["eng_Latn"][0].tolist() == [0, *text, 0]
    one, again = made.batch(1, 2), made.batch(1, 2)
    assert one["ids"].tolist() == again["ids"].tolist() != made.batch(1, 3)["ids"].tolist()


def test_text_that_cannot_be_packed_is_refused(tokenizer_of):
    with pytest.raises(TrainingError, match="no token that ends a text"):
        causal(material(tokenizer_of("byte-bpe"), roles={}), text="t")
    with pytest.raises(TrainingError, match="no text to pack"):
        PackedText({"eng_Latn": []})
    with pytest.raises(TrainingError, match="window of one"):
        PackedText({"eng_Latn": [np.array([3])]})
