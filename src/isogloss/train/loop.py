"""The one training loop: parameters x mixture x objectives.

Whoever adds a method adds one factor. The loop owns devices, precision, the parts of a batch, the
learning rate, checkpoints, resume, seeds, the log and the progress callback. A batch is a pure
function of (seed, step), and every pass reseeds the generators from (seed, step), so a run that was
killed and resumed ends with the same weights, bit for bit, as one that was not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from isogloss.errors import TrainingError
from isogloss.files import atomic_folder, fingerprint, write_json
from isogloss.settings import Settings
from isogloss.train.contracts import Lesson, Parameters, weight_at
from isogloss.train.parts import Pass, add_up_gradients

Progress = Callable[[int, float], None]
"""Called with the step just finished and its loss."""


class LoopSettings(Settings):
    """How long and how hard to train; the budget counts steps, never seconds.

    Attributes:
        steps: optimiser steps.
        accumulate: parts that each batch is read in, for batches that memory cannot hold. The
            number of processes must divide it.
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
    lessons: Sequence[Lesson],
    settings: LoopSettings,
    *,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train `parameters` on mixtures toward the weighted sum of their objectives.

    Args:
        parameters: what may change; changed in place.
        lessons: what is read, and what each is pulled toward.
        settings: budget and optimiser.
        checkpoint: folder for checkpoints; one of the same settings there is resumed.
        progress: called after each step.

    Raises:
        TrainingError: the loss is not a number; a mixture does not give what an objective needs.
        UsageError: the processes cannot share the parts of a batch evenly.
    """
    from accelerate import Accelerator

    torch.set_num_threads(settings.threads)
    accelerator = Accelerator(mixed_precision="no")
    torch.manual_seed(settings.seed)
    whole = _Whole(parameters.module, lessons).to(accelerator.device)
    optimizer = accelerator.prepare(_optimizer(parameters, whole, settings))
    passing = Pass(
        whole.model, accelerator, settings.accumulate, rough=settings.precision == "bfloat16"
    )
    whole.train()
    key = fingerprint(settings.model_dump(exclude={"checkpoint_every"}), _shapes(whole))
    start, log, read = _resume(checkpoint, key, whole, optimizer)
    resumed_at, every = start, max(1, settings.steps // 100)
    for step in range(start, settings.steps):
        _set_rate(optimizer, settings, step)
        parts: dict[str, float] = {}
        for number, lesson in enumerate(lessons):
            batch = lesson.mixture.batch(settings.seed, step)
            for language, count in batch["read"].items():
                read[language] = read.get(language, 0) + count
            share = step / settings.steps
            weighed = [(weight_at(weight, share), each) for weight, each in lesson.objectives]
            seed = (settings.seed * 1_000_003 + step) * len(lessons) + number
            for name, value in passing.backward(batch, weighed, seed).items():
                parts[name] = parts.get(name, 0.0) + value
        loss = sum(parts.values())
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} at step {step + 1}: "
                + ", ".join(f"{name} {value:.4g}" for name, value in parts.items()),
                remedy="lower the learning rate, or check the vectors of the teacher",
            )
        add_up_gradients(whole, accelerator)
        if settings.clip:
            accelerator.clip_grad_norm_(whole.parameters(), settings.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        done = step + 1
        for each in whole.objectives:
            getattr(each, "stepped", _nothing)(done / settings.steps)
        if done % every == 0 or done == settings.steps:
            log.append({"step": done, "loss": loss, **parts})
        if checkpoint and done % settings.checkpoint_every == 0 and done < settings.steps:
            if accelerator.is_main_process:
                about = {"key": key, "step": done, "log": log, "read": read}
                _save(checkpoint, whole, optimizer, about)
            accelerator.wait_for_everyone()
        if progress:
            progress(done, loss)
    whole.eval()
    return Trained(settings.steps, resumed_at, log, dict(sorted(read.items())))


def _nothing(*_: Any) -> None:
    """For objectives that do not ask to be called."""


class _Whole(nn.Module):
    """All that trains: the model, and the objectives that have weights or a state."""

    def __init__(self, module: nn.Module, lessons: Sequence[Lesson]) -> None:
        super().__init__()
        self.model = module
        every = [each for lesson in lessons for _, each in lesson.objectives]
        self.objectives = list({id(each): each for each in every}.values())
        for each in self.objectives:
            getattr(each, "begin", _nothing)(module)
        self.own = nn.ModuleList(each for each in self.objectives if isinstance(each, nn.Module))


def _optimizer(
    parameters: Parameters, whole: _Whole, settings: LoopSettings
) -> torch.optim.Optimizer:
    own = [
        {"params": weights, "factor": getattr(each, "factor", 1.0)}
        for each in whole.own
        if (weights := [weight for weight in each.parameters() if weight.requires_grad])
    ]
    groups = [
        {**group, "factor": group.get("factor", 1.0), "lr": settings.learning_rate}
        for group in [*parameters.groups(), *own]
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
