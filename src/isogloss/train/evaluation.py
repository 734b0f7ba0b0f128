"""Looking at a model while it trains without touching it, and stopping when it gets no better."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from isogloss.errors import TrainingError, UsageError

Evaluate = Callable[[], Mapping[str, float]]
"""Named values of the model as it is now; it must not depend on when it is called."""


@contextmanager
def undisturbed(module: nn.Module) -> Generator[None]:
    """A module in its evaluation mode, without gradients; afterwards everything is as it was.

    That is: random generators of torch, numpy and Python, the mode and the attributes of every
    part, buffers, the number of threads, gradients.
    """
    parts = [(part, dict(vars(part)), dict(part._buffers)) for part in module.modules()]
    buffers = [(buffer, buffer.detach().clone()) for buffer in module.buffers()]
    threads, own, plain = torch.get_num_threads(), np.random.get_state(), random.getstate()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    try:
        with torch.random.fork_rng(devices=devices), torch.no_grad():
            module.eval()
            yield
    finally:
        for part, attributes, own_buffers in parts:
            vars(part).clear()
            vars(part).update(attributes)
            part._buffers.clear()
            part._buffers.update(own_buffers)
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        torch.set_num_threads(threads)
        np.random.set_state(own)
        random.setstate(plain)


def measured(
    evaluate: Evaluate, module: nn.Module, accelerator: Any, step: int
) -> dict[str, float]:
    """The values of the model after a step, those of the main process in all of them.

    Raises:
        TrainingError: a value is not a number.
    """
    with undisturbed(module):
        values = {name: float(value) for name, value in evaluate().items()}
    if accelerator.num_processes > 1:
        from accelerate.utils import gather_object

        values = gather_object([values])[0]
    if wrong := [f"{name} {value}" for name, value in values.items() if not math.isfinite(value)]:
        raise TrainingError(
            f"the evaluation after step {step} gave {', '.join(wrong)}",
            remedy="lower the learning rate, or check the held-out text",
        )
    return values


@dataclass
class Best:
    """The best weights so far by a named value, and how long ago that was.

    Attributes:
        name: of the value; none is followed if it is empty.
        higher: whether more of it is better.
        value: the best one.
        step: after which it was reached, 0 for none.
        waited: evaluations since.
        weights: then.
    """

    name: str
    higher: bool = False
    value: float = math.nan
    step: int = 0
    waited: int = 0
    weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def see(self, values: Mapping[str, float], step: int, weights: Mapping[str, Any]) -> None:
        """Take an evaluation in.

        Raises:
            UsageError: the value that is followed is not among those of the evaluation.
        """
        if not self.name:
            return
        if self.name not in values:
            raise UsageError(
                f"the evaluation gives no {self.name!r} to stop on",
                remedy=f"stop_on can be {', '.join(sorted(values)) or 'nothing here'}",
            )
        value = values[self.name]
        better = value > self.value if self.higher else value < self.value
        if self.step and not better:
            self.waited += 1
            return
        self.value, self.step, self.waited = value, step, 0
        self.weights = {name: weight.detach().clone() for name, weight in weights.items()}

    def state(self) -> dict[str, Any]:
        """As JSON, for a checkpoint; the weights apart."""
        return {"value": self.value, "step": self.step, "waited": self.waited} if self.step else {}
