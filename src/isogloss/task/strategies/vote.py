"""One model a source language, each with a vote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.task.contracts import Guess
from isogloss.task.examples import Examples
from isogloss.task.fitting import FITTING
from isogloss.task.job import Job
from isogloss.task.needs import needs
from isogloss.task.projection.combine import (
    Combine,
    combine_labels,
    combine_spans,
    combine_tags,
    majority,
)
from isogloss.task.solver import size_of
from isogloss.task.spans import are_spans, scheme_of, spans, tags_of

Guesses = Sequence[Guess | None]


@register("strategy", "vote.v1")
@needs("source")
def vote(job: Job, target: str) -> Sequence[Guess | None]:
    """Train a model on each source language, and take what most of them tell.

    Of equal votes the commoner label wins. Of a stretch that any of them names each has a vote,
    for a kind or for no span; so of two models that differ one may bring a span in. In use it
    costs as many models as there are sources. Prefer `zero_shot.v1` with several sources where one
    model is to be used, and `weighted.v1` where sources differ much in what they know of the
    target.

    Source: Rahimi, Li and Cohn (2019), Massively Multilingual Transfer for NER, section 4.2
    (majority voting).

    Raises:
        UsageError: a single source language, or labels of anything but texts or words.
    """
    made = combined(each(job, target), job.test(target), majority)
    job.last = None  # no one model told it
    return made


def each(job: Job, target: str) -> list[Guesses]:
    """What the model of each source language tells of the target's test.

    Raises:
        UsageError: a single source language, or labels of anything but texts or words.
    """
    if len(job.source) < 2:
        raise UsageError(
            f"only {job.source[0]} has labels, and one model has nobody to vote with",
            remedy="name several, such as --train sib200/eng,spa",
        )
    if job.task.shape not in FITTING["vote.v1"]:
        raise UsageError(
            f"what models tell of {job.task.shape.name} is not combined",
            remedy="take zero_shot.v1, which trains one model on all sources",
        )
    told, sizes = [], []
    for one in job.sources():
        solver = job.train([one])
        told.append(job.tell(solver, job.test(target)))
        sizes.append(size_of(solver))
    job.ledger = replace(job.ledger, model_bytes=sum(sizes) if all(sizes) else 0)
    return told


def combined(
    told: Sequence[Guesses], test: Examples, combine: Combine, keep: int | None = None
) -> list[Guess | None]:
    """One guess an example from those of each model; None where no model has one.

    A model without a guess has no vote on an example; of spans it says that there are none.

    Args:
        told: by each model.
        test: what it is told of.
        combine: `majority`, `bea` or the like.
        keep: see `combine_spans`.
    """
    there = [row for row in range(len(test)) if any(one[row] for one in told)]
    made: list[Guess | None] = [None] * len(test)
    if not there:
        return made
    values = [[guess.value if (guess := one[row]) else None for row in there] for one in told]
    if "words" not in test.shape.columns:
        labels, found, _ = combine_labels(values, combine)
        for row, label, shares in zip(there, labels, found.posterior, strict=True):
            made[row] = Guess(label, shares)
        return made
    lengths = [len(test.column("words")[row]) for row in there]
    for row, tags in zip(there, _tags(values, lengths, combine, keep), strict=True):
        made[row] = Guess(tags)
    return made


def _tags(
    values: Sequence[Sequence[Any]], lengths: Sequence[int], combine: Combine, keep: int | None
) -> list[list[str]]:
    every = [tags for one in values for tags in one]
    if not are_spans(every):
        full = [[[None] * n if tags is None else tags for tags, n in zip(one, lengths, strict=True)]
                for one in values]  # fmt: skip
        return combine_tags(full, combine)[0]
    told = [[spans(tags or ()) for tags in one] for one in values]
    if not any(found for one in told for found in one):
        return [["O"] * n for n in lengths]
    kept = combine_spans(told, combine, keep=keep)[0]
    scheme = scheme_of(every) or "bio"
    return [tags_of(found, n, scheme) for found, n in zip(kept, lengths, strict=True)]
