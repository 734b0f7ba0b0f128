"""Labels that go together are learned each by itself."""

import numpy as np
import pytest

import labelled
from isogloss.encode.folder import open_folder
from isogloss.errors import CorpusError
from isogloss.task.examples import TEXTS, make_examples
from isogloss.task.solver import Tuning, open_tuned, tune
from isogloss.task.tasks.texts import TextsTask

QUICK = {"threads": 1, "batch": 16, "learning_rate": 3e-3, "clip": 0.0, "warmup": 0.0}
TASK = TextsTask()


@pytest.fixture(scope="module")
def solver(tiny_body):
    tuning = Tuning(epochs=12, **QUICK)
    return tune(open_folder(tiny_body, "tiny"), TASK, [labelled.several(120)], tuning, seed=0)


def values_of(scores):
    return {name: float(t.statistic(t.columns.sum(0))) for name, t in scores.items()}


def test_none_one_and_both_are_learned(solver):
    test = labelled.several(60, seed=1)
    told = solver.tell(test)
    assert {len(value) for value in told.values} == {0, 1, 2}
    assert min(values_of(TASK.score(test, told.values)).values()) > 0.9
    assert told.values == solver.tell(test.sealed()).values
    assert {guess.shares.shape for guess in told.guesses} == {(2, 2)}
    np.testing.assert_allclose([guess.shares.sum(1) for guess in told.guesses], 1, atol=1e-5)


def test_it_is_saved_and_tells_the_same(solver, tmp_path):
    solver.save(tmp_path)
    test = labelled.several(10, seed=2)
    assert open_tuned(open_folder(tmp_path, "x"), TASK).tell(test).values == (
        solver.tell(test).values
    )


def test_scores_and_the_threshold(solver):
    gold = make_examples("x", "eng", TEXTS, {"text": ["a"] * 3, "labels": [["a"], [], ["a", "b"]]})
    scores = values_of(TASK.score(gold, [["a"], [], None]))
    assert scores == pytest.approx({"micro_f1": 0.5, "macro_f1": 1 / 3, "exact": 2 / 3})
    pieces = TASK.cut(gold, solver.cutter, {"labels": ["a", "b"]}).pieces
    assert [piece.row["labels"].tolist() for piece in pieces] == [[1, 0], [0, 0], [1, 1]]
    found = [np.array([0.6, 0.3])] * 3
    for threshold, told in ((0.5, ["a"]), (0.2, ["a", "b"]), (0.7, [])):
        task = TextsTask(threshold=threshold)
        assert task.join(gold, pieces, found, {"labels": ["a", "b"]})[0].value == told


def test_long_and_empty_texts_are_counted_and_odd_labels_named(solver):
    texts = ["dog " * 900, "", None, "apple"]
    told = solver.tell(make_examples("x", "eng", TEXTS, {"text": texts}))
    assert told.truncated == 1 and told.dropped == {"no text": 2}
    assert [guess is None for guess in told.guesses] == [False, True, True, False]
    odd = make_examples("x", "eng", TEXTS, {"text": ["dog"], "labels": [["beast", "plant"]]})
    with pytest.raises(CorpusError, match="has the label 'plant'"):
        TASK.cut(odd, solver.cutter, solver.classes)
    with pytest.raises(CorpusError, match="no text has a label"):
        TASK.classes([make_examples("x", "eng", TEXTS, {"text": ["dog"], "labels": [[]]})])
