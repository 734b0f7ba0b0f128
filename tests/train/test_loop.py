"""Optimiser settings do what they say, and what goes wrong is named."""

import dataclasses
import math
import shutil

import numpy as np
import pytest
import torch
from accelerate import Accelerator

import small
from isogloss.errors import TrainingError, UsageError
from isogloss.train.contracts import Lesson, Loss
from isogloss.train.loop import LoopSettings, _optimizer, _set_rate, _Whole
from isogloss.train.objectives.additive_margin import AdditiveMargin
from isogloss.train.objectives.contrast import ContrastViews
from isogloss.train.objectives.distil import Distil
from isogloss.train.objectives.distil_mse import DistilMse
from isogloss.train.objectives.layer_contrast import LayerContrast
from isogloss.train.objectives.momentum_contrast import MomentumContrast
from isogloss.train.objectives.rtl import RepresentationTranslation
from isogloss.train.objectives.triplet import Triplet
from isogloss.train.parts import Pass
from isogloss.train.student import student_of


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


def test_a_checkpoint_of_another_model_text_or_objective_is_not_resumed(tmp_path):
    class Other(small.Mix):
        def batch(self, seed, step):
            return super().batch(seed + 1, step)

    with pytest.raises(small.Stop):
        small.small_run(checkpoint=tmp_path, stop_at=8)
    student = small.Student()
    with torch.no_grad():
        student.module.table += 1
    for options in (
        {"lessons": [Lesson(Other(), [(1.0, Distil()), (0.1, ContrastViews())])]},
        {"lessons": [Lesson(small.Mix(), [(1.0, Distil()), (0.2, ContrastViews())])]},
        {"lessons": [Lesson(small.Mix(), [(1.0, Distil()), (0.1, ContrastViews(temperature=1))])]},
        {"lessons": [Lesson(small.Mix(), [(1.0, DistilMse()), (0.1, ContrastViews())])]},
        {"student": student},
    ):
        here = shutil.copytree(tmp_path, tmp_path.with_name("copy"), dirs_exist_ok=True)
        assert small.small_run(checkpoint=here, **options)[1].resumed_at == 0, options
        shutil.rmtree(here)
    assert small.small_run(checkpoint=tmp_path)[1].resumed_at == 6


def test_weights_that_are_no_numbers_after_the_last_step_are_told():
    class Late:
        """Finite, with an infinite slope at the last step."""

        def __call__(self, outputs, batch):
            value = outputs["vectors"].mean()
            total = value if batch["read"]["deu_Latn"] else (value * 0).sqrt() + value
            return Loss(total, {"late": float(total.detach())})

    class Mix(small.Mix):
        def batch(self, seed, step):
            found = super().batch(seed, step)
            found.read["deu_Latn"] = 0 if step == 3 else 1
            return found

    with pytest.raises(TrainingError, match="not numbers after step 4: model"):
        small.small_run(lessons=[Lesson(Mix(), [(1.0, Late())])], steps=4)


def test_weights_that_change_in_part_do_not_decay(model_folder):
    from tokenizers import Tokenizer

    folder = model_folder("bert")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for name, settings in (("sparse.v1", {"share": 0.1}), ("embeddings.v1", {"first": 5})):
        student = student_of(name, folder, tokenizer, **settings)
        with pytest.raises(UsageError, match=r"weight_decay draws all .* change in part alone"):
            small.small_run(student=student, weight_decay=0.1)


def test_views_that_a_mixture_lacks_are_told():
    class Alone(small.Mix):
        def batch(self, seed, step):
            found = super().batch(seed, step).view(0)
            return dataclasses.replace(found, texts={"negative": torch.zeros(found.size)})

    passing = Pass(small.Reader(), Accelerator(cpu=True), 1, rough=False)
    for kind in (AdditiveMargin, LayerContrast, RepresentationTranslation, Triplet,
                 MomentumContrast):  # fmt: skip
        told = r"^\w+\.v1 compares [23] texts of a row, and the mixture gives 1"
        with pytest.raises(TrainingError, match=told):
            passing.backward(Alone().batch(0, 0), [(1.0, kind())], 0)
