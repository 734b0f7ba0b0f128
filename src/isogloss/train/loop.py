"""The one training loop: parameters x mixture x objectives.

Whoever adds a method adds one factor. The loop owns devices, precision, accumulation, the learning
rate, checkpoints, resume, seeds, the log and the progress callback. A batch is a pure function of
(seed, step), and every step reseeds the generators from (seed, step), so a run that was killed and
resumed ends with the same weights, bit for bit, as one that was not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import nn

from isogloss.errors import TrainingError
from isogloss.files import atomic_folder, fingerprint, write_json
from isogloss.settings import Settings

Batch = Mapping[str, Any]
Progress = Callable[[int, float], None]
"""Called with the step just finished and its loss."""


class LoopSettings(Settings):
    """How long and how hard to train; the budget counts steps, never seconds.

    Attributes:
        steps: optimiser steps.
        accumulate: batches summed into one step.
        learning_rate: of every group, times the group's own factor.
        warmup: share of the steps over which the rate rises from 0.
        floor: the rate at the end, as a share of its peak; the decay is linear.
        clip: largest gradient norm, 0 for none.
        checkpoint_every: steps between checkpoints.
        seed: of batches, dropout and initial values.
        threads: CPU threads of torch, part of the settings because sums depend on it.
        precision: of products in the forward and backward pass; weights, losses and the optimiser
            are float32 in both. `bfloat16` is several times as fast where the processor has it.
    """

    steps: int = 400
    accumulate: int = 1
    learning_rate: float = 0.01
    warmup: float = 0.05
    floor: float = 0.02
    clip: float = 0.0
    checkpoint_every: int = 200
    seed: int = 0
    threads: int = 2
    precision: Literal["float32", "bfloat16"] = "float32"


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
    """What training is pulled toward: named tensors of one batch to a loss with named parts."""

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        ...


class Parameters(Protocol):
    """What may change: a module that maps a batch to outputs, and its groups of weights."""

    module: nn.Module

    def groups(self) -> list[dict[str, Any]]:
        """Optimiser groups: `params`, and `factor` on the learning rate (default 1)."""
        ...


@dataclass(frozen=True)
class Trained:
    """What happened in training.

    Attributes:
        steps: steps done in all, resumed ones included.
        resumed_at: the step that a checkpoint brought back, 0 for a fresh start.
        log: one row a hundredth of the run: step, loss and its parts.
        read: tokens read in all, by language.
    """

    steps: int
    resumed_at: int
    log: list[dict[str, float]]
    read: dict[str, int]

    @property
    def final_loss(self) -> float:
        """The last logged loss."""
        return self.log[-1]["loss"]


def train(
    parameters: Parameters,
    mixture: Mixture,
    objectives: Sequence[tuple[float, Objective]],
    settings: LoopSettings,
    *,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train `parameters` on `mixture` toward the weighted sum of `objectives`.

    Args:
        parameters: what may change; changed in place.
        mixture: gives the batch of each step.
        objectives: pairs of weight and objective.
        settings: budget and optimiser.
        checkpoint: folder for checkpoints; one of the same settings there is resumed.
        progress: called after each step.

    Raises:
        TrainingError: the loss is not a number, or all outputs of a batch collapsed to one vector.
    """
    from accelerate import Accelerator

    torch.set_num_threads(settings.threads)
    accelerator = Accelerator(gradient_accumulation_steps=1, mixed_precision="no")
    optimizer = _optimizer(parameters, settings)
    module, optimizer = accelerator.prepare(parameters.module, optimizer)
    module.train()
    key = fingerprint(settings.model_dump(exclude={"checkpoint_every"}), _shapes(parameters.module))
    rough = settings.precision == "bfloat16"
    start, log, read = _resume(checkpoint, key, parameters.module, optimizer)
    resumed_at, every = start, max(1, settings.steps // 100)
    for step in range(start, settings.steps):
        _set_rate(optimizer, settings, step)
        loss = torch.zeros(())
        for part in range(settings.accumulate):
            index = step * settings.accumulate + part
            torch.manual_seed(settings.seed * 1_000_003 + index)
            batch = mixture.batch(settings.seed, index)
            for language, count in batch["read"].items():
                read[language] = read.get(language, 0) + count
            with torch.autocast(accelerator.device.type, torch.bfloat16, enabled=rough):
                outputs = module(batch)
            outputs = {name: value.float() for name, value in outputs.items()} if rough else outputs
            found = _weigh(objectives, outputs, batch)
            if found.total.requires_grad:  # in a batch of covered words nothing changes
                accelerator.backward(found.total / settings.accumulate)
            loss = loss + found.total.detach().cpu() / settings.accumulate
        value = float(loss)
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} at step {step + 1}",
                remedy="lower the learning rate, or check the vectors of the teacher",
            )
        if settings.clip:
            accelerator.clip_grad_norm_(module.parameters(), settings.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        done = step + 1
        if done % every == 0 or done == settings.steps:
            log.append({"step": done, "loss": value, **found.parts})
        if checkpoint and done % settings.checkpoint_every == 0 and done < settings.steps:
            _save(
                checkpoint,
                parameters.module,
                optimizer,
                {"key": key, "step": done, "log": log, "read": read},
            )
        if progress:
            progress(done, value)
    module.eval()
    return Trained(settings.steps, resumed_at, log, dict(sorted(read.items())))


def _weigh(
    objectives: Sequence[tuple[float, Objective]], outputs: Mapping[str, torch.Tensor], batch: Batch
) -> Loss:
    found = [(weight, objective(outputs, batch)) for weight, objective in objectives]
    total = torch.stack([weight * loss.total for weight, loss in found]).sum()
    parts = {name: w * value for w, loss in found for name, value in loss.parts.items()}
    return Loss(total, parts)


def _optimizer(parameters: Parameters, settings: LoopSettings) -> torch.optim.Optimizer:
    groups = [
        {**group, "factor": group.get("factor", 1.0), "lr": settings.learning_rate}
        for group in parameters.groups()
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.0, fused=True)


def _set_rate(optimizer: Any, settings: LoopSettings, step: int) -> None:
    warmup = max(1, round(settings.warmup * settings.steps))
    share = min(1.0, (step + 1) / warmup) * max(settings.floor, 1 - step / settings.steps)
    for group in optimizer.param_groups:
        group["lr"] = settings.learning_rate * group["factor"] * share


def _shapes(module: nn.Module) -> dict[str, list[int]]:
    return {name: list(value.shape) for name, value in module.state_dict().items()}


def _changing(module: nn.Module) -> dict[str, torch.Tensor]:
    """The weights that training changes, tied ones once: all but the frozen ones."""
    kept = {name for name, value in module.named_parameters() if value.requires_grad}
    kept |= {name for name, _ in module.named_buffers()}
    return {n: v.contiguous() for n, v in module.state_dict().items() if n in kept}


def _save(folder: Path, module: nn.Module, optimizer: Any, about: dict[str, Any]) -> None:
    from safetensors.torch import save_file

    state = optimizer.state_dict()["state"]
    moments = {
        f"{index}.{name}": value.contiguous()
        for index, values in state.items()
        for name, value in values.items()
    }
    with atomic_folder(folder) as temporary:
        save_file(_changing(module), temporary / "weights.safetensors")
        save_file(moments, temporary / "optimizer.safetensors")
        write_json(temporary / "state.json", about)


def _resume(
    folder: Path | None, key: str, module: nn.Module, optimizer: Any
) -> tuple[int, list[dict[str, float]], dict[str, int]]:
    """Bring a checkpoint back if it is of the same settings; else a fresh start."""
    from safetensors.torch import load_file

    if folder is None or not (folder / "state.json").is_file():
        return 0, [], {}
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    if state["key"] != key:
        return 0, [], {}
    weights = load_file(folder / "weights.safetensors")
    if weights.keys() != _changing(module).keys():
        return 0, [], {}
    module.load_state_dict(weights, strict=False)
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in load_file(folder / "optimizer.safetensors").items():
        index, _, what = name.partition(".")
        moments.setdefault(int(index), {})[what] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    return state["step"], state["log"], state["read"]
