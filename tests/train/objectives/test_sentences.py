"""Contrast and distillation of whole sentences."""

import numpy as np
import torch

from isogloss.train.batch import stack_texts
from isogloss.train.objectives.contrast import Contrast, ContrastViews
from isogloss.train.objectives.distil import Distil

ROWS, WIDTH = 6, 5


def pairs(rng, **rows):
    """A batch of two views, and vectors of it."""
    views = [[rng.integers(0, 9, rng.integers(1, 5)) for _ in range(ROWS)] for _ in range(2)]
    languages = [["eng_Latn"] * ROWS, ["deu_Latn"] * ROWS]
    batch = stack_texts(views, languages, {"eng_Latn": 0, "deu_Latn": 1}, rows=rows)
    return {"vectors": torch.from_numpy(rng.normal(size=(2, ROWS, WIDTH)))}, batch


def taught(objective):
    def case(rng):
        return objective, *pairs(rng, teacher=rng.normal(size=(ROWS, WIDTH)))

    return case


CASES = {
    "contrast.v1": taught(Contrast()),
    "contrast_views.v1": lambda rng: (ContrastViews(), *pairs(rng)),
    "distil.v1": taught(Distil()),
}
"""For the contract of objectives: a generator to an objective, outputs and a batch."""


def test_distillation_does_not_see_the_length_of_vectors():
    _, outputs, batch = CASES["distil.v1"](np.random.default_rng(0))
    longer = {"vectors": outputs["vectors"] * 3}
    torch.testing.assert_close(Distil()(outputs, batch).total, Distil()(longer, batch).total)
