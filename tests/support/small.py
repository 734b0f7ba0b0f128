"""A training of milliseconds: a table of words with dropout, toward vectors of a teacher."""

import numpy as np
import torch
from torch import nn

from isogloss.train.batch import stack_texts
from isogloss.train.contracts import Lesson, Loss
from isogloss.train.loop import LoopSettings, train
from isogloss.train.objectives.contrast import ContrastViews
from isogloss.train.objectives.distil import Distil

WIDTH, TOKENS, ROWS = 6, 40, 12


class Reader(nn.Module):
    """Vectors by a bag of words, some of whose numbers drop out."""

    def __init__(self, drop=0.2):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Parameter(torch.randn(TOKENS, WIDTH))
        self.shift = nn.Parameter(torch.zeros(WIDTH))
        self.register_buffer("seen", torch.zeros(()))
        self.drop = nn.Dropout(drop)

    def forward(self, batch, wanted=("vectors",)):
        self.seen += 1
        found = nn.functional.embedding_bag(batch["ids"], self.table, batch["offsets"])
        return {"vectors": self.drop(found + self.shift).view(batch["views"], -1, WIDTH)}


class Student:
    """All of it trains."""

    def __init__(self, drop=0.2):
        self.module = Reader(drop)

    def groups(self):
        return [{"params": list(self.module.parameters())}]


class Mix:
    """Rows of two texts, and a teacher that is the mean of rows of another table."""

    def batch(self, seed, step):
        rng = np.random.default_rng([seed, step])
        rows = [rng.integers(0, TOKENS, rng.integers(1, 9)) for _ in range(ROWS)]
        table = np.random.default_rng(1).normal(size=(TOKENS, WIDTH)).astype(np.float32)
        return stack_texts(
            [rows, rows], [["eng_Latn"] * ROWS, ["deu_Latn"] * ROWS],
            rows={"teacher": np.stack([table[ids].mean(0) for ids in rows])},
        )  # fmt: skip


class Alike:
    """Pulls every vector to one point: a collapse that is planned."""

    def __call__(self, outputs, batch):
        total = (outputs["vectors"] - 1).square().mean()
        return Loss(total, {"alike": float(total.detach())})


class Stop(Exception):
    """What a test stops a training with."""


def small_run(*, stop_at=None, checkpoint=None, student=None, lessons=None, **options):
    """A trained student and what happened."""
    student = student or Student()
    given = {name: options.pop(name) for name in ("evaluate", "advance") if name in options}

    def progress(step, loss):
        if step == stop_at:
            raise Stop

    settings = {"steps": 20, "checkpoint_every": 3, "threads": 1, "learning_rate": 0.01, **options}
    trained = train(
        student, lessons or [Lesson(Mix(), [(1.0, Distil()), (0.1, ContrastViews())])],
        LoopSettings(**settings), checkpoint=checkpoint, progress=progress, **given,
    )  # fmt: skip
    return student, trained


def weights_of(student):
    """All weights in one row."""
    return torch.cat([w.detach().ravel() for w in student.module.state_dict().values()])
