"""One model a source language, each weighed by what it seems to know of the target."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.settings import Count
from isogloss.task.contracts import Guess
from isogloss.task.examples import WORDS
from isogloss.task.job import Job
from isogloss.task.ledger import Ledger
from isogloss.task.needs import needs
from isogloss.task.projection.combine import bea
from isogloss.task.strategies.projected import unit_of
from isogloss.task.strategies.vote import combined, each


@register("strategy", "weighted.v1")
@needs("source")
def weighted(job: Job, target: str, *, keep: Count | None = None) -> Sequence[Guess | None]:
    """Train a model on each source language, and believe each as far as the others bear it out.

    How often each model errs, and how, is estimated from all they tell of the target's test, whose
    texts the ledger counts as unlabelled. It beats the majority where few of many sources are near
    the target; it supposes that models err independently, which two sources of one family do not.
    With two sources it has nothing to tell them apart by.

    Source: Rahimi, Li and Cohn (2019), Massively Multilingual Transfer for NER, section 3.1 (BEA
    without labels of the target).

    Args:
        job: what there is.
        target: canonical tag.
        keep: for spans, estimate again from this many models that the first estimate likes best.

    Raises:
        UsageError: a single source language, labels of anything but texts or words, or `keep` for
            anything but spans.
    """
    if keep is not None and (
        job.task.shape != WORDS or keep < 1 or unit_of(job.sources()) != "spans"
    ):
        raise UsageError(f"keep is {keep}: models are chosen again for spans alone",
                         remedy="leave keep out, or give a number from 1 on")  # fmt: skip
    if keep is not None and keep >= len(job.source):
        raise UsageError(
            f"keep is {keep}, and there are {len(job.source)} models to choose from",
            remedy=f"give a number below {len(job.source)}, or leave keep out",
        )
    told, test = each(job, target), job.test(target)
    job.ledger += Ledger(unlabelled={target: len(test)})
    made = combined(told, test, bea, keep)
    job.last = None  # no one model told it
    return made
