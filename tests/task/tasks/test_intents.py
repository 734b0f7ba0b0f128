"""Intents with slots are learned together, and long texts are read whole."""

from dataclasses import replace

import numpy as np
import pytest

import labelled
from isogloss.encode.folder import open_folder
from isogloss.errors import CorpusError
from isogloss.task.examples import INTENTS, make_examples
from isogloss.task.solver import Tuning, open_tuned, tune
from isogloss.task.tasks.intents import IntentsTask

QUICK = {"threads": 1, "batch": 16, "learning_rate": 3e-3, "clip": 0.0, "warmup": 0.0}
TASK = IntentsTask()


@pytest.fixture(scope="module")
def solver(tiny_body):
    tuning = Tuning(epochs=10, **QUICK)
    return tune(open_folder(tiny_body, "tiny"), TASK, [labelled.intents(80)], tuning, seed=0)


def test_both_are_learned(solver):
    test = labelled.intents(40, seed=1)
    told = solver.tell(test)
    for column, name in (("label", "label"), ("tags", "tags")):
        pairs = zip(test.column(column), told.values, strict=True)
        assert np.mean([gold == value[name] for gold, value in pairs]) > 0.9
    assert told.values == solver.tell(test.sealed()).values
    np.testing.assert_allclose([guess.shares.sum() for guess in told.guesses], 1, atol=1e-5)


def test_it_is_saved_and_tells_the_same(solver, tmp_path):
    solver.save(tmp_path)
    test = labelled.intents(10, seed=2)
    assert open_tuned(open_folder(tmp_path, "x"), TASK).tell(test).values == (
        solver.tell(test).values
    )


def test_one_is_right_if_both_are():
    columns = {"words": [["a", "dog"]], "tags": [["O", "B-beast"]], "label": ["go"]}
    gold = make_examples("x", "eng", INTENTS, {name: one * 4 for name, one in columns.items()})
    right = {"tags": ["O", "B-beast"], "label": "go"}
    told = [right, {**right, "label": "stay"}, {**right, "tags": ["O", "O"]}, None]
    scores = TASK.score(gold, told)
    assert tuple(scores) == TASK.measures
    values = {name: float(t.statistic(t.columns.sum(0))) for name, t in scores.items()}
    assert values == pytest.approx({"exact": 0.25, "intent_accuracy": 0.5, "slot_f1": 2 / 3})


def test_a_long_text_is_read_whole(solver):
    """Its only beast stands behind what one window holds."""
    words = ["the", "of"] * 20 + ["dog"]
    narrow = replace(solver, cutter=replace(solver.cutter, longest=12))
    long = make_examples("x", "eng", INTENTS, {"words": [words, ["\u200b"]]})
    cut = TASK.cut(long, narrow.cutter, solver.classes)
    assert len(cut.pieces) > 2
    assert {int(piece.row["label"]) for piece in cut.pieces} == {-100}
    told = narrow.tell(long)
    [guess, none] = told.guesses
    assert none is None and told.dropped == {"no token": 1}
    assert len(guess.value["tags"]) == 41 and guess.value["tags"][-1] == "B-beast"
    found = [{"label": np.array([0.9, 0.1]), "tag": np.ones((len(p.ids), 3)) / 3}
             for p in cut.pieces]  # fmt: skip
    found[-1]["label"] = np.array([0.0, 1.0])
    [guess, _] = TASK.join(long, cut.pieces, found, solver.classes)
    n = len(cut.pieces)
    np.testing.assert_allclose(guess.shares, [0.9 * (n - 1) / n, 1 - 0.9 * (n - 1) / n])


def test_a_label_that_training_has_not_seen_is_named(solver):
    odd = make_examples("x", "deu", INTENTS, {"words": [["dog"]], "label": ["plant"]})
    with pytest.raises(CorpusError, match="has the label 'plant'"):
        TASK.cut(odd, solver.cutter, solver.classes)
    odd = make_examples("x", "deu", INTENTS, {"words": [["dog"]], "tags": [["B-plant"]]})
    with pytest.raises(CorpusError, match="has the tag 'B-plant'"):
        TASK.cut(odd, solver.cutter, solver.classes)
