"""A look at a model changes nothing of its training; the best weights are kept, killed or not."""

import random

import numpy as np
import pytest
import torch

import small
from isogloss.errors import TrainingError, UsageError

VALUES = [5.0, 4.0, 3.0, 3.5, 3.2, 2.0, 1.0, 0.5, 0.4, 0.3, 0.2]


def test_an_evaluation_disturbs_nothing():
    plain, without = small.small_run()
    student = small.Student()
    modes = []

    def evaluate():
        student.module(small.Mix().batch(9, 9))  # counts in a buffer, and would drop out
        student.module.seen = student.module.seen + 5  # another tensor in its place
        student.module.told = "something"
        modes.append((student.module.training, torch.is_grad_enabled()))
        torch.manual_seed(3)
        random.seed(3)
        np.random.seed(3)
        torch.set_num_threads(2)
        return {"seen": float(torch.rand(()))}

    before = random.getstate(), np.random.get_state()[1].tolist()
    _, trained = small.small_run(student=student, evaluate=evaluate, evaluate_every=3)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before
    assert torch.equal(small.weights_of(plain), small.weights_of(student))
    assert not hasattr(student.module, "told")
    assert modes == [(False, False)] * 7 and torch.get_num_threads() == 1
    held = {row["step"]: row["held_out"] for row in trained.rows if row["held_out"]}
    assert list(held) == [3, 6, 9, 12, 15, 18, 20]
    assert trained.rows == [{**row, "held_out": held.get(row["step"], {})} for row in without.rows]
    assert trained.best == 0


def followed(tmp_path=None, stop_at=None, values=VALUES, **options):
    """Training with an evaluation that depends on how often the weights were changed."""
    student, kept = small.Student(), {}

    def evaluate():
        step = round(float(student.module.seen))
        kept[step] = small.weights_of(student).clone()
        return {"p1": values[step // 2 - 1], "loss": -values[step // 2 - 1]}

    options = {"evaluate_every": 2, "stop_on": "p1", "patience": 2, **options}
    _, trained = small.small_run(
        student=student, evaluate=evaluate, checkpoint=tmp_path, stop_at=stop_at, **options
    )
    return small.weights_of(student), trained, kept


def test_the_best_weights_are_kept():
    weights, trained, kept = followed()
    assert (trained.best, trained.steps) == (6, 10)
    assert torch.equal(weights, kept[6]) and not torch.equal(weights, kept[10])
    assert trained.notes == ["the weights after step 6 of 10 were kept: the best p1, 3"]
    assert [row["step"] for row in trained.rows] == list(range(1, 11))
    assert followed(patience=3)[1].steps == 20
    assert followed(patience=0)[1].best == 20
    weights, trained, kept = followed(higher=True, stop_on="loss")
    assert (trained.best, trained.steps) == (6, 10)
    assert followed(higher=True)[1].best == 2


@pytest.mark.parametrize("stop_at", [4, 7, 9, 10])
def test_a_killed_run_keeps_the_same_weights(tmp_path, stop_at):
    weights, trained, _ = followed()
    with pytest.raises(small.Stop):
        followed(tmp_path, stop_at)
    again, resumed, _ = followed(tmp_path)
    assert resumed.resumed_at == (stop_at - 1) // 3 * 3  # progress comes before the checkpoint
    assert torch.equal(weights, again) and resumed.rows == trained.rows
    assert (resumed.best, resumed.notes) == (trained.best, trained.notes)


def test_what_cannot_be_followed_is_named():
    with pytest.raises(UsageError, match="gives no 'p2' to stop on"):
        followed(stop_on="p2")
    with pytest.raises(UsageError, match="patience needs a value"):
        followed(stop_on="")
    with pytest.raises(UsageError, match="needs an evaluation"):
        small.small_run(stop_on="p1")
    with pytest.raises(TrainingError, match="the evaluation after step 4 gave p1 nan"):
        followed(values=[1.0, np.nan])
