"""One word of a pair is marked; what the other sentence has of it is known."""

from itertools import pairwise

import pytest
import torch

from isogloss.errors import UsageError
from isogloss.train.batch import UNKNOWN
from isogloss.train.mixtures.marked import marked
from loading import load

aligned = load("train/mixtures/test_aligned.py")


def test_marked_words_have_their_translations_linked(tmp_path):
    texts = aligned.sentences()
    stuff = aligned.material(texts)
    file = aligned.pharaoh(tmp_path, texts["eng_Latn"])
    file.write_text("\n".join(line.rpartition(" ")[0] for line in file.read_text().splitlines()))
    mixture = marked(stuff, text="train", links={"deu": file}, batch=20, mark="zz")
    batch, again = mixture.batch(0, 1), mixture.batch(0, 1)
    assert torch.equal(batch["ids"], again["ids"]) and torch.equal(batch["linked"], again["linked"])
    bounds = [*batch["offsets"].tolist(), len(batch["ids"])]
    mark = stuff.tokenizer.encode("zz", add_special_tokens=False).ids
    assert len(mark) == 1
    directions, none = set(), 0
    for start, stop in pairwise(bounds):
        ids, side, linked = (batch[name][start:stop] for name in ("ids", "side", "linked"))
        a, b = torch.nonzero((ids == mark[0]) & (side == UNKNOWN)).ravel().tolist()
        word = aligned.spelled(stuff.tokenizer, ids[a + 1 : b])
        found = aligned.spelled(stuff.tokenizer, ids[linked == 1])
        directions.add(word.startswith("x"))
        none += not found
        if found:
            assert found.removeprefix("x") == word.removeprefix("x") and found != word
        assert torch.equal(linked != UNKNOWN, side == 1)
    assert directions == {True, False} and 0 < none < 12


def test_a_pair_must_fit_the_window_as_one_text(tmp_path):
    texts = aligned.sentences()
    told = []
    stuff = aligned.material(texts, told, longest=24)
    file = aligned.pharaoh(tmp_path, texts["eng_Latn"])
    mixture = marked(stuff, text="train", links={"deu": file}, mark="zz")
    assert max(int(mixture.batch(0, step).lengths().max()) for step in range(5)) <= 24
    assert "over 22 tokens" in told[0]
    with pytest.raises(UsageError, match="the mark ' ' as nothing"):
        marked(stuff, text="train", links={"deu": file}, mark=" ")
