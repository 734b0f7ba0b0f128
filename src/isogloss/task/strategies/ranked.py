"""One model a source language, ranked by a few labels of the target, and one model of the best."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.errors import TrainingError, UsageError
from isogloss.registry import register
from isogloss.settings import Count
from isogloss.task.contracts import Guess
from isogloss.task.examples import Examples
from isogloss.task.job import Job
from isogloss.task.ledger import labels_used
from isogloss.task.needs import needs
from isogloss.task.projection.combine import Source, deal, rare_weights
from isogloss.task.solver import Solver
from isogloss.task.strategies.few_shot import drawn


@register("strategy", "ranked.v1")
@needs("source")
def ranked(
    job: Job, target: str, *, shots: Count = 100, best: Count = 10
) -> Sequence[Guess | None]:
    """Let the models that are best on a few labels of the target label its text, and train on that.

    A model of each source language is scored on the few. The target's `train` without labels is
    dealt to the best, as many texts each as its score says; one model learns from what they tell,
    and goes on with the few, which it reads from the start where they have a label that nobody
    told. In use it costs one model, where votes cost one a source. Prefer it where sources differ
    much and some labels of the target are there; `weighted.v1` does without.

    Source: Rahimi, Li and Cohn (2019), Massively Multilingual Transfer for NER, section 3.2 (RaRe).

    Args:
        job: what there is.
        target: canonical tag.
        shots: examples of each label, or in all where an example has no one label.
        best: models that label.

    Raises:
        UsageError: a single source language, fewer than one shot, or no model is to be kept.
        TrainingError: the few are all that the target's `train` has, or nothing was told of it.
    """
    if len(job.source) < 2:
        raise UsageError(
            f"only {job.source[0]} has labels, and one model has no rank",
            remedy="name several, such as --train sib200/eng,spa, or take few_shot.v1",
        )
    few = job.labelled(target, pick=lambda examples: drawn(examples, shots, job.seed))
    job.ledger += labels_used(few, "select")  # a rank is a choice by labels of the target
    solvers = [job.train([one]) for one in job.sources()]
    weights = rare_weights(_ranked(job, solvers, few), best)
    made = _labelled(job, solvers, weights, _others(job.unlabelled(target), few))
    new = _labels(few) - _labels(made)  # a head tells what its first training has
    solver = job.train([few], after=job.train([made, few] if new else [made]))
    return job.tell(solver, job.test(target))


def _ranked(job: Job, solvers: Sequence[Solver], few: Examples) -> list[Source]:
    """The models, the best first, by the measure of the job on the few."""
    measure, found = job.measure or job.task.measures[0], []
    for at, solver in enumerate(solvers):
        values = [guess and guess.value for guess in job.tell(solver, few.sealed())]
        worth = job.task.score(few, values)[measure].value
        # The other fields are of models without labels; weights of measured ones do not ask them.
        found.append(Source(at, 0.0, 0.0, 0.0, worth if worth > 0 else 0.0))
    return sorted(found, key=lambda one: -(one.measured or 0.0))


def _others(text: Examples, few: Examples) -> Examples:
    """Texts that are none of the few."""
    known = set(few.ids)
    rows = [row for row, one in enumerate(text.ids) if one not in known]
    if not rows:
        raise TrainingError(
            f"all {len(text)} texts of {text.language} are among the few",
            remedy="give more text, or ask for fewer shots",
        )
    return text.take(rows)


def _labels(examples: Examples) -> set[str]:
    """The labels or tags that occur."""
    cells = [cell for name in examples.shape.labels for cell in examples.column(name)]
    return {str(x) for cell in cells for x in (cell if isinstance(cell, list) else [cell])}


def _labelled(
    job: Job, solvers: Sequence[Solver], weights: dict[int, float], text: Examples
) -> Examples:
    """Texts with what the model that each was dealt to tells of them."""
    dealt, values = deal(weights, len(text), job.seed), [None] * len(text)
    for at in sorted(set(dealt)):
        rows = [row for row, model in enumerate(dealt) if model == at]
        for row, guess in zip(rows, job.tell(solvers[at], text.take(rows)), strict=True):
            values[row] = guess and guess.value
    there = [row for row, value in enumerate(values) if value is not None]
    if not there:
        raise TrainingError(f"no text of {text.language} could be guessed")
    return text.told(values).take(there)
