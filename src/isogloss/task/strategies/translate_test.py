"""The test translated for a model of the source."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from isogloss.registry import register
from isogloss.task.contracts import Guess
from isogloss.task.job import Job
from isogloss.task.retext import translated


@register("strategy", "translate_test.v1")
def translate_test(job: Job, target: str) -> Sequence[Guess | None]:
    """Train on the source's labels, and translate every text that is asked into the source.

    One model for all targets, and a translation of every text in use. The ledger counts them.

    Source: Conneau et al. (2018), XNLI, section 4 (translate-test).

    Raises:
        UsageError: no translator, or labels that a translation moves.
        TranslatorError: no text was translated.
    """
    solver = job.train(job.sources())
    translate = partial(job.translate, in_use=True)
    return job.tell(solver, translated(job.test(target), translate, job.source[0]))
