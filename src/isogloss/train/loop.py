"""The one training loop: parameters x mixture x objectives.

Whoever adds a method adds one factor. The loop owns devices, precision, the parts of a batch, the
learning rate, checkpoints, resume, seeds, the log and the progress callback. A batch is a pure
function of (seed, step), and every pass reseeds the generators from (seed, step), so a run that was
killed and resumed ends with the same weights, bit for bit, as one that was not.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from pydantic import Field
from torch import nn

from isogloss import registry
from isogloss.errors import TrainingError, UsageError, located
from isogloss.files import fingerprint
from isogloss.settings import Settings
from isogloss.train.checkpoint import clear_leftovers, read_checkpoint, save_checkpoint
from isogloss.train.contracts import Lesson, Parameters, weight_at
from isogloss.train.evaluation import Best, Evaluate, measured
from isogloss.train.log import Log, Row
from isogloss.train.parts import Pass, add_up_gradients
from isogloss.train.spread import Collapse, Spread

if TYPE_CHECKING:
    from isogloss.progress import Advance

Progress = Callable[[int, float], None]
"""Called with the step just finished and its loss."""

SHAPES: dict[str, Callable[[float], float]] = {
    "linear": lambda share: 1 - share,
    "cosine": lambda share: (1 + math.cos(math.pi * share)) / 2,
    "constant": lambda share: 1.0,
}
"""How the learning rate falls with the share of the steps that are done."""


class LoopSettings(Settings):
    """How long and how hard to train; the budget counts steps, never seconds.

    Attributes:
        steps: optimiser steps.
        accumulate: parts that each batch is read in, for batches that memory cannot hold. The
            number of processes must divide it.
        learning_rate: of every group, times the group's own factor.
        warmup: share of the steps over which the rate rises from 0.
        schedule: how it falls, from the first step on: `linear`, `cosine`, or `constant`.
        floor: the rate at the end, as a share of its peak.
        weight_decay: of AdamW, on weights of two dimensions or more, as biases and normalisations
            are usually left out.
        betas: of AdamW.
        clip: largest gradient norm, 0 for none.
        checkpoint_every: steps between checkpoints.
        watch_every: steps between looks at the vectors of a batch, see `train.spread`.
        collapse: where they have collapsed, `warn` or `stop`.
        evaluate_every: steps between evaluations, 0 for none; the last step has one too.
        stop_on: value of the evaluation whose best weights are kept; none by default.
        higher: whether more of it is better.
        patience: evaluations without a better value after which training stops, 0 for never.
        seed: of batches, dropout and initial values.
        threads: CPU threads of torch, part of the settings because sums depend on it.
        precision: of products in the forward and backward pass; weights, losses and the optimiser
            are float32 in both. `bfloat16` is several times as fast where the processor has it,
            and many times slower where it does not, of which there is a warning.
    """

    steps: int = 400
    accumulate: int = 1
    learning_rate: float = 0.01
    warmup: float = 0.05
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    floor: float = 0.02
    weight_decay: float = Field(default=0.0, ge=0)
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 0.0
    checkpoint_every: int = 200
    watch_every: int = Field(default=10, ge=1)
    collapse: Literal["warn", "stop"] = "warn"
    evaluate_every: int = Field(default=0, ge=0)
    stop_on: str = ""
    higher: bool = False
    patience: int = Field(default=0, ge=0)
    seed: int = 0
    threads: int = 2
    precision: Literal["float32", "bfloat16"] = "float32"


@dataclass(frozen=True)
class Trained:
    """What happened in training.

    Attributes:
        steps: steps done in all, resumed ones included.
        resumed_at: the step that a checkpoint brought back, 0 for a fresh start.
        rows: of the log, see `train.log.Log`; one a hundredth of the run, and where it was
            evaluated. They are those of an undisturbed run.
        times: how long it took, a row to each of `rows`.
        read: tokens read in all, by language.
        notes: what people should know.
        best: the step whose weights were kept, 0 where none were chosen.
    """

    steps: int
    resumed_at: int
    rows: list[Row]
    times: list[Row]
    read: dict[str, int]
    notes: list[str] = field(default_factory=list)
    best: int = 0

    @property
    def log(self) -> list[dict[str, float]]:
        """Step, loss and its parts of each row."""
        return [{"step": r["step"], "loss": r["loss"], **r["parts"]} for r in self.rows]

    @property
    def final_loss(self) -> float:
        """The last logged loss."""
        return self.rows[-1]["loss"]


@dataclass
class _State:
    """All of a training but weights and optimiser: what a checkpoint holds beside these."""

    step: int
    log: Log
    collapse: Collapse
    best: Best
    notes: list[str]
    warned: str = ""

    def about(self) -> dict[str, Any]:
        return {
            "step": self.step, "log": self.log.state(), "collapse": vars(self.collapse),
            "best": self.best.state(), "warned": self.warned,
        }  # fmt: skip


def train(
    parameters: Parameters,
    lessons: Sequence[Lesson],
    settings: LoopSettings,
    *,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    advance: Advance | None = None,
    evaluate: Evaluate | None = None,
) -> Trained:
    """Train `parameters` on mixtures toward the weighted sum of their objectives.

    Args:
        parameters: what may change; changed in place.
        lessons: what is read, and what each is pulled toward.
        settings: budget and optimiser.
        checkpoint: folder for checkpoints; the newest whole one of the same training is resumed:
            of these settings, a model that begins so, and lessons that pull so and begin so.
        progress: called after each step.
        advance: of a progress bar, told the loss and the tokens a second.
        evaluate: gives named values of the model as it is; called every `evaluate_every` steps, it
            changes nothing of the training. Values of text that scores are reported on do not
            belong here, as `stop_on` chooses by them.

    Raises:
        TrainingError: the loss is not a number; a mixture does not give what an objective needs;
            the vectors collapsed and `collapse` is `stop`.
        UsageError: the processes cannot share the parts of a batch evenly; the evaluation does not
            give what `stop_on` names.
    """
    from accelerate import Accelerator

    _check_evaluation(settings, evaluate)
    torch.set_num_threads(settings.threads)
    accelerator = Accelerator(mixed_precision="no")
    _warn_of_precision(settings, accelerator.device.type)
    torch.manual_seed(settings.seed)
    whole = _Whole(parameters.module, lessons).to(accelerator.device)
    optimizer = accelerator.prepare(_optimizer(parameters, whole, settings))
    passing = Pass(
        whole.model, accelerator, settings.accumulate, rough=settings.precision == "bfloat16"
    )
    whole.train()
    key = _key(settings, whole, lessons, accelerator.num_processes) if checkpoint else ""
    state = _resume(checkpoint, key, whole, optimizer, settings)
    if checkpoint and accelerator.is_main_process:
        clear_leftovers(checkpoint)
    resumed_at, log = state.step, state.log
    if advance and resumed_at:
        advance(resumed_at)
    while state.step < settings.steps and not _spent(state.best, settings):
        step, done = state.step, state.step + 1
        rate = _set_rate(optimizer, settings, step)
        logged = done % max(1, settings.steps // 100) == 0 or done == settings.steps
        watched = logged or settings.collapse == "stop" or done % settings.watch_every == 0
        spread = Spread() if watched else None
        parts = _teach(passing, lessons, settings, state, spread)
        loss = sum(parts.values())
        _step(whole, optimizer, accelerator, settings, done)
        state.step = done
        vectors = _watch(spread, state, settings, accelerator)
        held_out: dict[str, float] = {}
        every = settings.evaluate_every
        if evaluate and every and (done % every == 0 or done == settings.steps):
            held_out = measured(evaluate, whole, accelerator, done)
            state.best.see(held_out, done, _changing(whole))
        if logged or held_out:
            log.add(done, loss=loss, parts=parts, learning_rate=rate, vectors=vectors,
                    held_out=held_out)  # fmt: skip
        if progress:  # before the checkpoint, or what it keeps of this step would be lost by a kill
            progress(done, loss)
        good = settings.collapse == "warn" or not state.collapse.times
        if checkpoint and good and done % settings.checkpoint_every == 0 and done < settings.steps:
            if accelerator.is_main_process:
                _save(checkpoint, key, whole, optimizer, state)
            accelerator.wait_for_everyone()
        if advance:
            advance(1, f"loss {loss:.4g}, {log.speed():,.0f} tokens/s")
    if state.best.step:
        whole.load_state_dict(state.best.weights, strict=False)
    _check_numbers(_changing(whole), state.step)
    whole.eval()
    return Trained(
        state.step, resumed_at, log.rows, log.times, dict(sorted(log.tokens.items())),
        [*state.notes, *_told(state, settings)], state.best.step,
    )  # fmt: skip


def _warn_of_precision(settings: LoopSettings, device: str) -> None:
    """Say at once, not after hours, that products are emulated number by number."""
    has = device != "cpu" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if settings.precision == "bfloat16" and not has:
        warnings.warn(
            "this processor has no products of bfloat16: training will take many times as long as "
            "with precision float32",
            RuntimeWarning,
            stacklevel=3,
        )


def _check_evaluation(settings: LoopSettings, evaluate: Evaluate | None) -> None:
    if settings.patience and not settings.stop_on:
        raise UsageError("patience needs a value to wait for", remedy="set stop_on")
    if settings.stop_on and not (evaluate and settings.evaluate_every):
        raise UsageError(
            f"stop_on = {settings.stop_on!r} needs an evaluation", remedy="set evaluate_every"
        )


def _teach(
    passing: Pass,
    lessons: Sequence[Lesson],
    settings: LoopSettings,
    state: _State,
    spread: Spread | None,
) -> dict[str, float]:
    """Add the gradients of a batch of each lesson; the loss by its parts.

    Raises:
        TrainingError: it is not a number.
    """
    parts: dict[str, float] = {}
    step, share = state.step, state.step / settings.steps
    for number, lesson in enumerate(lessons):
        batch = lesson.mixture.batch(settings.seed, step)
        state.log.count(batch["read"])
        weighed = [(weight_at(weight, share), each) for weight, each in lesson.objectives]
        seed = (settings.seed * 1_000_003 + step) * len(lessons) + number
        # Of several lessons the first that gives vectors is watched: it is one model.
        watched = spread if spread is not None and not spread.count else None
        with located(f"lessons.{number}"):
            found = passing.backward(batch, weighed, seed, watched)
        if not all(map(math.isfinite, found.values())):
            raise _no_number(found, passing, step + 1, number)
        for name, value in found.items():
            parts[name] = parts.get(name, 0.0) + value
    return parts


def _step(
    whole: _Whole, optimizer: Any, accelerator: Any, settings: LoopSettings, done: int
) -> None:
    """Change the weights by their gradients, and tell the objectives."""
    add_up_gradients(whole, accelerator)
    if settings.clip:
        accelerator.clip_grad_norm_(whole.parameters(), settings.clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    for each in whole.objectives:
        getattr(each, "stepped", _nothing)(done / settings.steps)


def _no_number(found: Mapping[str, float], passing: Pass, step: int, lesson: int) -> TrainingError:
    wrong = [name for name, value in found.items() if not math.isfinite(value)]
    named = ", ".join(f"{name} {found[name]:.4g}" for name in wrong)
    by = ", ".join(dict.fromkeys(passing.named.get(name, name) for name in wrong))
    return TrainingError(
        f"the loss is {sum(found.values())} at step {step}: {named}; that is of the objective {by} "
        f"in lessons.{lesson}",
        remedy="lower the learning rate or the weight of the objective, or check what it reads, "
        "such as the vectors of the teacher",
    )


def _watch(
    spread: Spread | None, state: _State, settings: LoopSettings, accelerator: Any
) -> dict[str, float]:
    """How the vectors of the step were spread.

    Raises:
        TrainingError: they have collapsed, and training is to stop then.
    """
    if spread is None:
        return {}
    spread.gather(accelerator)
    values = state.collapse.see(spread, state.step)
    if state.collapse.certain and settings.collapse == "stop":
        raise TrainingError(
            _collapsed(state.collapse, values) + "; the last checkpoint is from before",
            remedy="lower the learning rate, or train with contrast",
        )
    if state.collapse.certain and not state.warned:
        state.warned = _collapsed(state.collapse, values)
    return values


def _collapsed(collapse: Collapse, values: Mapping[str, float]) -> str:
    first = collapse.first
    return (
        f"the vectors of unrelated rows became alike from step {collapse.since} on: their mean "
        f"cosine is {values['random_cosine']:.3f} and was {first['random_cosine']:.3f} at first, "
        f"their variance {values['variance']:.2g} and was {first['variance']:.2g}"
    )


def _spent(best: Best, settings: LoopSettings) -> bool:
    """Whether the value that is followed has not got better for long enough."""
    return bool(settings.patience) and best.waited >= settings.patience


def _told(state: _State, settings: LoopSettings) -> list[str]:
    told = [f"WARNING: {state.warned}"] if state.warned else []
    if state.best.step:
        told.append(
            f"the weights after step {state.best.step} of {state.step} were kept: the best "
            f"{settings.stop_on}, {state.best.value:.4g}"
        )
    return told


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
        {**group, "factor": group.get("factor", 1.0), "lr": settings.learning_rate, **more}
        for whole_group in [*parameters.groups(), *own]
        for group, more in _decayed(whole_group, settings.weight_decay)
    ]
    return torch.optim.AdamW(groups, betas=settings.betas, weight_decay=0.0, fused=True)


def _decayed(
    group: Mapping[str, Any], decay: float
) -> list[tuple[dict[str, Any], dict[str, float]]]:
    """A group as it is, or in two where weights decay: matrices do, vectors do not.

    Raises:
        UsageError: weights that change in part, the rest of which would decay.
    """
    if not decay:
        return [(dict(group), {})]
    if group.get("partly"):
        raise UsageError(
            "weight_decay draws all of a weight to 0, and some of these change in part alone",
            remedy="set weight_decay = 0",
        )
    weights = list(group["params"])
    matrices, vectors = ([w for w in weights if (w.ndim > 1) == many] for many in (True, False))
    return [
        ({**group, "params": some}, {"weight_decay": own})
        for some, own in ((matrices, decay), (vectors, 0.0))
        if some
    ]


def _set_rate(optimizer: Any, settings: LoopSettings, step: int) -> float:
    """Set the learning rate of a step, and say what it is."""
    warmup = max(1, round(settings.warmup * settings.steps))
    fallen = SHAPES[settings.schedule](step / settings.steps)
    share = min(1.0, (step + 1) / warmup) * max(settings.floor, fallen)
    for group in optimizer.param_groups:
        group["lr"] = settings.learning_rate * group["factor"] * share
    return settings.learning_rate * share


def _key(settings: LoopSettings, whole: _Whole, lessons: Sequence[Lesson], processes: int) -> str:
    """What a checkpoint must have been made under to be resumed.

    Weights count by a few of their values at the start, what is read by the first batch.
    """
    shapes = {name: list(value.shape) for name, value in whole.state_dict().items()}
    begun = {name: _some(value) for name, value in whole.model.state_dict().items()}
    taught = [
        ([(weight, _told_of(each)) for weight, each in lesson.objectives],
         _content(lesson.mixture.batch(settings.seed, 0)))
        for lesson in lessons
    ]  # fmt: skip
    return fingerprint(
        settings.model_dump(exclude={"checkpoint_every"}), shapes, sorted(_changing(whole)),
        begun, taught, processes,
    )  # fmt: skip


def _some(values: torch.Tensor) -> str:
    """Up to 64 of the values, from all over."""
    flat = values.detach().reshape(-1)
    return str(flat[:: max(1, len(flat) // 64)].tolist())


def _told_of(objective: Any) -> list[str]:
    """The name and the settings of an objective, as far as text can say them."""
    plain = (bool, int, float, str, tuple, list, type(None))
    told = {n: v for n, v in vars(objective).items() if isinstance(v, plain) and n[0] != "_"}
    return [registry.name_of("objective", objective), repr(sorted(told.items()))]


def _content(batch: Mapping[str, Any]) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(batch.items()):
        digest.update(name.encode())
        digest.update(
            value.detach().cpu().numpy().tobytes() if isinstance(value, torch.Tensor)
            else repr(value).encode()
        )  # fmt: skip
    return digest.hexdigest()


def _changing(module: nn.Module) -> dict[str, torch.Tensor]:
    """The weights that training changes, tied ones once: all but the frozen ones."""
    kept = {name for name, value in module.named_parameters() if value.requires_grad}
    kept |= {name for name, _ in module.named_buffers()}
    return {n: v.contiguous() for n, v in module.state_dict().items() if n in kept}


def _save(folder: Path, key: str, module: nn.Module, optimizer: Any, state: _State) -> None:
    """Write a checkpoint.

    Raises:
        TrainingError: a weight is not a number; the last good checkpoint stays.
        OutputError: no space left; the last good checkpoint stays.
    """
    weights = _changing(module)
    _check_numbers(weights, state.step)
    moments = {
        f"{index}.{name}": value
        for index, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }
    tensors = {"weights": weights, "optimizer": moments}
    if state.best.weights:
        tensors["best"] = state.best.weights
    save_checkpoint(folder, state.step, tensors, {"key": key, **state.about()})


def _check_numbers(weights: Mapping[str, torch.Tensor], step: int) -> None:
    if wrong := [name for name, value in weights.items() if not _finite(value)]:
        raise TrainingError(
            f"weights are not numbers after step {step}: " + ", ".join(wrong[:3])
            + (" ..." if wrong[3:] else ""),
            remedy="lower the learning rate, or set clip",
        )  # fmt: skip


def _finite(values: torch.Tensor) -> bool:
    # Infinite buffers are somebody's constant.
    return not values.is_floating_point() or not bool(values.isnan().any())


def _resume(
    folder: Path | None, key: str, module: nn.Module, optimizer: Any, settings: LoopSettings
) -> _State:
    """Bring the newest whole checkpoint of the same settings back; else a fresh start."""
    best = Best(settings.stop_on, settings.higher)
    found, notes = read_checkpoint(folder, key) if folder else (None, [])
    if found is None:
        return _State(0, Log(), Collapse(), best, notes)
    module.load_state_dict(found.tensors["weights"], strict=False)
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in found.tensors["optimizer"].items():
        index, _, what = name.partition(".")
        moments.setdefault(int(index), {})[what] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    about = found.about
    best = Best(
        settings.stop_on, settings.higher, **about["best"], weights=found.tensors.get("best", {})
    )
    return _State(
        about["step"], Log(**about["log"]), Collapse(**about["collapse"]), best, notes,
        about["warned"],
    )  # fmt: skip
