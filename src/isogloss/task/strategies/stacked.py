"""A task learned on top of what was learned of one language, told on top of another's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any
from weakref import finalize

from isogloss.encode.folder import open_folder
from isogloss.errors import ModelError, UsageError
from isogloss.registry import register
from isogloss.settings import Count
from isogloss.task.contracts import Guess
from isogloss.task.cutting import cutter_of
from isogloss.task.job import Job
from isogloss.task.needs import needs
from isogloss.task.same_body import check_body
from isogloss.task.solver import Solver, Tuned, open_tuned
from isogloss.task.strategies.run_average import reopened

if TYPE_CHECKING:
    from isogloss.encode.folder import ModelFolder


@register("strategy", "stacked.v1")
@needs("folders")
def stacked(job: Job, target: str, *, reduction: Count = 16) -> Sequence[Guess | None]:
    """Train the task on the source's language module, then put the target's in its place.

    Modules that were put into one frozen body (MAD-X): a task adapter is learned on top of the
    source's adapter, and the target's takes the place of that. Plain models, or sparse deltas, that
    each language made of one model (LT-SFT): theta = theta_task - theta_source + theta_target, the
    task's change of the weights on top of the target's. Each language costs a training on its text
    alone, once for all tasks. Prefer it for languages that the model has not seen.

    Source: Pfeiffer, Vulić, Gurevych and Ruder (2020), MAD-X, section 3; Ansell, Ponti, Korhonen
    and Vulić (2022), Composable Sparse Fine-Tuning for Cross-Lingual Transfer, section 3.

    Args:
        job: what there is; `means.folders` has a model, or a sparse delta, of source and target.
        target: canonical tag.
        reduction: how many times narrower than the body the task adapter is; of modules alone.

    Raises:
        UsageError: a language has no model, several sources, or what is taught has no weights.
        ModelError: the two are not of one base, or not of a kind that is put together.
    """
    folders: Mapping[str, Path] = job.means.need("folders")
    if len(job.source) > 1:
        raise UsageError(
            "the task stands on the module of one language, and there are "
            f"{len(job.source)} sources",
            remedy="name one, such as --train sib200/eng",
        )
    if lacking := [tag for tag in (job.source[0], target) if tag not in folders]:
        raise UsageError(
            f"there is no model of {', '.join(lacking)}", remedy="give one with --folder"
        )

    def make() -> Solver:
        own, other = (_opened(job, folders[tag]) for tag in (job.source[0], target))
        if own.kind != other.kind:
            raise ModelError(
                f"is {other.kind}, and that of {job.source[0]} is {own.kind}", file=other.path,
                remedy="make the modules of all languages in one way",
            )  # fmt: skip
        if own.kind not in ("inserted.v1", "transformer.v1"):
            raise ModelError(
                f"is {own.kind}, of which no task is put on another", file=own.path,
                remedy="give transformers, with modules in them or without",
            )  # fmt: skip
        check_body(own, other)
        if own.kind == "inserted.v1":
            _check_modules(own, other)
            adapter = {"use": "bottleneck.v1", "reduction": reduction}
            solver = job.train(job.sources(), after=own.path, parameters=adapter)
            return _exchanged(job, solver, other)
        return _moved(job, job.train(job.sources(), after=own.path), own, other)

    solver = job.once(f"stacked {target} {reduction}", make)
    return job.tell(solver, job.test(target))


def _opened(job: Job, path: Path) -> ModelFolder:
    """The model of a language; a sparse delta on the model of the job."""
    if not (path / "delta.json").is_file():
        return open_folder(path, path.name)
    from isogloss.train.delta import load_delta
    from isogloss.train.student import student_of

    base = getattr(job.learner, "folder", None)
    if base is None:
        raise UsageError("a delta goes onto a model that is tuned", remedy="--learner tune")
    student = student_of("full.v1", base.body, cutter_of(base).tokenizer)
    load_delta(path, student.module, base.fingerprint)
    job.scratch.mkdir(parents=True, exist_ok=True)
    made = Path(mkdtemp(dir=job.scratch))
    student.save(made)
    return open_folder(made, path.name)


def _exchanged(job: Job, solver: Solver, other: ModelFolder) -> Tuned:
    """The solver with the target's module under the task's."""
    from isogloss.encode.inserted.files import exchange

    plain = reopened(job, solver, "exchanged")
    place = Path(mkdtemp(dir=job.scratch))
    (place / "own").mkdir()
    plain.save(place / "own")
    exchange(place / "own", other.path, place / "made")
    made = open_tuned(open_folder(place / "made", "solver"), plain.task)
    finalize(made, rmtree, place, ignore_errors=True)  # until then it is read again to be saved
    made.student.module.to(next(plain.student.module.parameters()).device)
    made.head.to(next(plain.head.parameters()).device)
    return made


def _moved(job: Job, solver: Solver, own: ModelFolder, other: ModelFolder) -> Tuned:
    """The solver with what the source changed of the weights taken away, and the target's added."""
    import torch

    made = reopened(job, solver, "moved to another language")
    body = made.student.module.body
    before, after = (_weights(folder) for folder in (own, other))
    _check_weights(body, before, after, other.path)
    with torch.no_grad():
        for name, weight in body.named_parameters():
            change = after[name].float() - before[name].float()
            weight += change.to(weight)
    return made


def _weights(folder: ModelFolder) -> dict[str, Any]:
    from isogloss.train.readers import open_body

    return dict(open_body(folder.body).named_parameters())


def _check_weights(
    body: Any, before: Mapping[str, Any], after: Mapping[str, Any], path: Path
) -> None:
    wrong = [name for name, weight in body.named_parameters()
             if any(name not in one or one[name].shape != weight.shape
                    for one in (before, after))]  # fmt: skip
    if wrong:
        raise ModelError(
            f"has another {wrong[0]} than the model of the source, or none", file=path,
            remedy="give models that were made of one",
        )  # fmt: skip


def _check_modules(own: ModelFolder, other: ModelFolder) -> None:
    """Refuse several modules, and bodies that are not the same."""
    import torch

    for folder in (own, other):
        about = json.loads((folder.body / "inserted.json").read_text(encoding="utf-8"))
        if len(about["parts"]) != 1:
            raise ModelError(
                f"has {len(about['parts'])} modules, and that of the language is wanted alone",
                file=folder.path, remedy="give the model that was trained on text of the language",
            )  # fmt: skip
    bodies = [_weights(folder) for folder in (own, other)]
    if bodies[0].keys() != bodies[1].keys() or not all(
        torch.equal(weight, bodies[1][name]) for name, weight in bodies[0].items()
    ):
        raise ModelError(
            "its body is not that under the module of the source", file=other.path,
            remedy="train the modules of all languages in one frozen model",
        )  # fmt: skip
