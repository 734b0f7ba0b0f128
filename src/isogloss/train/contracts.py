"""The three factors of a training method, and what each owes the loop."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import nn

PER_TOKEN = ("states", "layer_states")
"""Outputs `[..., tokens, d]` of a model; in others the rows stand there."""
Batch = Mapping[str, Any]
Weight = float | Sequence[tuple[float, float]]
"""Of an objective: a number, or points (share of the steps, weight) with lines between them."""


class Loss(NamedTuple):
    """A loss with named parts, each already weighted."""

    total: torch.Tensor
    parts: dict[str, float]


class Mixture(Protocol):
    """What training reads. `batch` must depend on its arguments alone."""

    def batch(self, seed: int, step: int) -> Batch:
        """The tensors of one batch; `read` in it says how many tokens of which language."""
        ...


class Objective(Protocol):
    """What training is pulled toward: named tensors of one batch to a loss with named parts.

    It may also have, and is taken to have what stands here if it has not:

    - `outputs`, what it needs of the model: `("vectors",)`;
    - `columns`, what it needs of the batch: `()`;
    - `views`, how many texts a row it needs at least: 1;
    - `joint`, whether rows of the batch meet in it, so that a part alone has no loss: `False`;
    - `count(batch)`, over how many things its loss is a mean, if it is not joint: the rows;
    - `begin(model)`, called once before training and before a checkpoint is brought back, with the
      module that trains: the place to copy what it starts as, and to make weights of that size;
    - `stepped(share)`, called after each step with the share of the steps that are done;
    - `save(folder, names)`, called once after training with the folder of the saved model, to leave
      there what it learned for itself, under names that the model's own readers pass over; `names`
      are those of the classes that its mixture numbers, if it does: nothing is left.

    One that is an `nn.Module` has weights of its own, which train beside the model, `factor` times
    as fast (default 1).
    """

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        ...


class Model(Protocol):
    """A module from a batch to the outputs that are wanted of it, `vectors` if nothing is said."""

    def __call__(self, batch: Batch, wanted: Collection[str] = ...) -> dict[str, torch.Tensor]:
        """Named tensors."""
        ...


class Parameters(Protocol):
    """What may change: a module that maps a batch to outputs, and its groups of weights."""

    module: nn.Module

    def groups(self) -> list[dict[str, Any]]:
        """Optimiser groups: `params`, and `factor` on the learning rate (default 1)."""
        ...


class Lesson(NamedTuple):
    """A mixture and what its batches are pulled toward. Every step reads a batch of each lesson."""

    mixture: Mixture
    objectives: Sequence[tuple[Weight, Objective]]


def wanted_of(objective: Objective) -> tuple[str, ...]:
    """The outputs of the model that an objective needs."""
    return getattr(objective, "outputs", ("vectors",))


def is_joint(objective: Objective) -> bool:
    """Whether rows of a batch meet in an objective, so that a part of it has no loss of its own."""
    return getattr(objective, "joint", False)


def count_of(objective: Objective, batch: Any) -> int:
    """Over how many things the loss of a batch is a mean.

    Its rows, if nothing is said; 1 for a batch that is not of texts, which is never read in parts.
    """
    own = getattr(objective, "count", None)
    return own(batch) if own else getattr(batch, "size", 1)


def weight_at(weight: Weight, share: float) -> float:
    """The weight of an objective after a share of the steps."""
    if isinstance(weight, int | float):
        return float(weight)
    points = sorted(weight)
    for (a, left), (b, right) in itertools.pairwise(points):
        if a <= share < b:
            return left + (right - left) * (share - a) / (b - a)
    return points[0][1] if share < points[0][0] else points[-1][1]
