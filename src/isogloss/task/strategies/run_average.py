"""The weights of several trainings, averaged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Annotated
from weakref import finalize

from pydantic import Field

from isogloss.encode.folder import open_folder
from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.task.contracts import Guess
from isogloss.task.job import Job
from isogloss.task.solver import Solver, Tuned, open_tuned

if TYPE_CHECKING:
    import torch

APART = 1000  # between the seeds of two runs, so that no run of one job is that of another


@register("strategy", "run_average.v1")
def run_average(
    job: Job, target: str, *, runs: Annotated[int, Field(ge=2)] = 3
) -> Sequence[Guess | None]:
    """Train on the source several times over, and use the mean of all weights.

    theta = (1 / R) sum over r of theta_r, body and head. All begin as one, the head too, and read
    the examples in other orders with other dropout; heads that began apart would not average. It
    costs R trainings and in use one model, evens out how much a run depends on its seed, and needs
    no labels that choose a checkpoint.

    Source: Schmidt, Vulić and Glavaš (2023), Free Lunch: Robust Cross-Lingual Transfer via Model
    Checkpoint Averaging, section 2 (averages of runs).

    Args:
        job: what there is.
        target: canonical tag.
        runs: trainings.

    Raises:
        UsageError: a single run, or a learner without weights of its own, such as a probe.
    """
    if runs < 2:
        raise UsageError(f"an average of {runs} runs", remedy="ask for 2 at least, or zero_shot.v1")

    def each() -> Iterator[Solver]:
        source = job.sources()
        yield job.train(source)
        for run in range(1, runs):
            yield job.train(source, order=job.seed + APART * run)

    solver = job.once(f"run_average {runs}", lambda: average(job, each()))
    return job.tell(solver, job.test(target))


def average(job: Job, solvers: Iterable[Solver]) -> Tuned:
    """A solver of the mean weights; two are held beside those that the job holds.

    Each is saved and read again, so that what was tuned beside the weights, as LoRA is, is merged
    into them before they are averaged.

    Raises:
        UsageError: no solver, or one without weights of its own.
    """
    made, mean, seconds = None, {}, 0.0
    for number, solver in enumerate(solvers, 1):
        made = reopened(job, solver, "averaged")
        seconds += solver.seconds
        for name, weight in weights(made).items():
            if number == 1:
                mean[name] = weight.detach().clone()
            elif weight.is_floating_point():
                mean[name] += (weight - mean[name]) / number
    if made is None:
        raise UsageError("an average of no solver")
    for name, weight in weights(made).items():
        weight.data.copy_(mean[name])
    made.seconds = seconds
    return made


def weights(solver: Tuned) -> dict[str, torch.Tensor]:
    """All that a solver has learned, and that shape it, by name: the very tensors."""
    parts = {"body": solver.student.module, "head": solver.head}
    return {f"{part}.{name}": weight for part, module in parts.items()
            for name, weight in module.state_dict().items()}  # fmt: skip


def reopened(job: Job, solver: Solver, what: str) -> Tuned:
    """The solver as it would be read from its folder: a plain model and its head.

    Args:
        job: in whose scratch folder it lies for a moment.
        solver: that was tuned.
        what: is to be done with it, for people.

    Raises:
        UsageError: it has no weights of its own.
    """
    if not isinstance(solver, Tuned):
        raise UsageError(
            f"what was taught has no weights of its own that could be {what}",
            remedy="tune the model: --learner tune",
        )
    job.scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(dir=job.scratch))
    solver.save(folder)
    made = open_tuned(open_folder(folder, "solver"), solver.task)
    finalize(made, rmtree, folder, ignore_errors=True)  # until then it is read again to be saved
    device = next(solver.student.module.parameters()).device
    made.student.module.to(device)
    made.head.to(device)
    return made
