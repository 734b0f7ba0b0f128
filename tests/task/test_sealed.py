"""A sealed test shows no label and scores an attempt once."""

import copy
import pickle

import numpy as np
import pytest

from isogloss.errors import CorpusError, UsageError
from isogloss.task.contracts import Tally
from isogloss.task.examples import TEXT, make_examples
from isogloss.task.sealed import SealedTest


class Right:
    shape, measures = TEXT, ("accuracy",)

    def score(self, gold, told):
        hits = [[float(a == b)] for a, b in zip(gold.column("label"), told, strict=True)]
        return {"accuracy": Tally(np.array(hits), lambda s: s[0])}


def gold(labels=("secret-a", "secret-b", "secret-a")):
    columns = {"text": ["x", "y", "z"], "label": list(labels)}
    return make_examples("mine", "hin_Deva", TEXT, columns, split="test")


def test_labels_are_nowhere_a_strategy_looks():
    test = SealedTest(gold(), Right())
    assert test.examples.column("label") == [None] * 3
    assert test.examples.column("text") == ["x", "y", "z"] and test.examples.ids == gold().ids
    seen = [getattr(test, name) for name in SealedTest.__slots__ if name != "__weakref__"]
    assert "secret" not in repr(test) + repr(seen) + str(test.examples.table.to_pydict())
    assert not hasattr(test, "__dict__") and len(test) == 3
    assert test.examples.fingerprint != gold().fingerprint


def test_predictions_are_scored_once_an_attempt():
    test = SealedTest(gold(), Right())
    first = test.score("zero-shot 1", ["secret-a", None, "secret-a"])["accuracy"]
    assert first.columns.sum() == 2
    test.score("zero-shot 2", [None] * 3)
    with pytest.raises(UsageError, match="scored on the test of hin_Deva already"):
        test.score("zero-shot 1", ["secret-a", "secret-b", "secret-a"])
    assert test.opened == {"zero-shot 1": 2, "zero-shot 2": 1}
    assert "opened 3 times" in repr(test)
    with pytest.raises(TypeError):
        test.opened["zero-shot 1"] = 0


def test_a_wrong_number_of_predictions_opens_nothing():
    test = SealedTest(gold(), Right())
    with pytest.raises(UsageError, match="2 predictions of 3 examples"):
        test.score("a", [None, None])
    assert test.opened == {}


def test_it_is_not_copied_and_needs_labels():
    test = SealedTest(gold(), Right())
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(UsageError, match="not copied"):
            copied(test)
    with pytest.raises(CorpusError, match="1 of 3 examples to test on have no label, such as '2'"):
        SealedTest(gold(("a", None, "b")), Right())
