"""Optimiser settings do what they say, and what goes wrong is named."""

import math

import numpy as np
import pytest
import torch

import small
from isogloss.errors import TrainingError
from isogloss.train.contracts import Lesson, Loss
from isogloss.train.loop import LoopSettings, _optimizer, _set_rate, _Whole
from isogloss.train.objectives.distil import Distil


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_the_rate_follows_its_schedule(schedule):
    shape = {
        "linear": lambda share: 1 - share,
        "cosine": lambda share: 0.5 + 0.5 * math.cos(math.pi * share),
        "constant": lambda share: 1.0,
    }[schedule]
    options = {"schedule": schedule, "warmup": 0.1, "learning_rate": 2.0}
    if schedule != "linear":
        options["floor"] = 0.25
    _, trained = small.small_run(**options)
    rates = [row["learning_rate"] for row in trained.rows]
    wanted = [max(options.get("floor", 0.02), shape(step / 20)) * 2 for step in range(20)]
    wanted[0] *= 0.5
    assert rates == pytest.approx(wanted)


def plain_adam(weight, slope, first, second, step, rate, betas, decay):
    """Decoupled weight decay, Loshchilov and Hutter (2019), algorithm 2."""
    weight = weight * (1 - rate * decay)
    first = betas[0] * first + (1 - betas[0]) * slope
    second = betas[1] * second + (1 - betas[1]) * slope**2
    unbiased = first / (1 - betas[0] ** step), second / (1 - betas[1] ** step)
    return weight - rate * unbiased[0] / (np.sqrt(unbiased[1]) + 1e-8), first, second


@pytest.mark.parametrize(("betas", "decay"), [((0.9, 0.99), 0.0), ((0.5, 0.8), 0.3)])
def test_decay_is_of_matrices_alone(betas, decay):
    student = small.Student(drop=0.0)
    settings = LoopSettings(weight_decay=decay, betas=betas, learning_rate=0.1, warmup=0)
    optimizer = _optimizer(student, _Whole(student.module, []), settings)
    weights = {n: w.detach().numpy().astype(float) for n, w in student.module.named_parameters()}
    moments = dict.fromkeys(weights, (0.0, 0.0))
    rng = np.random.default_rng(0)
    for step in range(1, 4):
        rate = _set_rate(optimizer, settings, step - 1)
        for name, weight in student.module.named_parameters():
            slope = rng.normal(size=weight.shape)
            weight.grad = torch.from_numpy(slope).float()
            weights[name], *moments[name] = plain_adam(
                weights[name], slope, *moments[name], step, rate, betas,
                decay if name == "table" else 0.0,
            )  # fmt: skip
        optimizer.step()
    for name, weight in student.module.named_parameters():
        np.testing.assert_allclose(weight.detach().numpy(), weights[name], rtol=1e-5, atol=1e-6)


def test_a_checkpoint_of_another_optimiser_is_not_resumed(tmp_path):
    with pytest.raises(small.Stop):
        small.small_run(checkpoint=tmp_path, stop_at=8)
    assert small.small_run(checkpoint=tmp_path, checkpoint_every=9)[1].resumed_at == 6
    for change in ({"weight_decay": 0.1}, {"betas": (0.9, 0.999)}, {"schedule": "cosine"}):
        with pytest.raises(small.Stop):  # the first that it saves replaces those of the other
            small.small_run(checkpoint=tmp_path, stop_at=4, **change)
        assert [path.name for path in tmp_path.iterdir()] == ["step-000000003"]
        assert small.small_run(checkpoint=tmp_path, **change)[1].resumed_at == 3


def test_a_loss_that_is_no_number_is_named_by_its_objective():
    class Broken:
        def __call__(self, outputs, batch):
            total = outputs["vectors"].sum() * (torch.nan if batch["read"] else 1)
            return Loss(total, {"mine": float(total.detach())})

    good, bad = Lesson(small.Mix(), [(1.0, Distil())]), Lesson(small.Mix(), [(1.0, Broken())])
    with pytest.raises(TrainingError, match=r"mine nan; that is of the objective Broken in less"):
        small.small_run(lessons=[good, Lesson(small.Mix(), [(1.0, Distil()), (1.0, Broken())])])
    with pytest.raises(TrainingError, match=r"Broken in lessons\.1"):
        small.small_run(lessons=[good, bad])

    class NoTeacher(small.Mix):
        def batch(self, seed, step):
            batch = super().batch(seed, step)
            batch.rows["teacher"][0] = torch.nan
            return batch

    with pytest.raises(TrainingError, match=r"distil nan; that is of the objective distil\.v1 in"):
        small.small_run(lessons=[Lesson(NoTeacher(), [(1.0, Distil())])])


def test_columns_that_a_mixture_lacks_are_named_with_the_lesson():
    class Bare(small.Mix):
        def batch(self, seed, step):
            batch = super().batch(seed, step)
            batch.rows.clear()
            return batch

    good = Lesson(small.Mix(), [(1.0, Distil())])
    with pytest.raises(TrainingError, match=r"lessons\.1: distil\.v1: the objective Distil reads"):
        small.small_run(lessons=[good, Lesson(Bare(), [(1.0, Distil())])])
