"""The source's examples translated for the target."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.registry import register
from isogloss.task.contracts import Guess
from isogloss.task.job import Job
from isogloss.task.retext import translated


@register("strategy", "translate_train.v1")
def translate_train(job: Job, target: str, *, beside: bool = True) -> Sequence[Guess | None]:
    """Train on the source's labels and on their texts translated into the target.

    It costs one translation of the training data a target, and nothing in use. Tests that were
    translated by a machine themselves favour it: see `task.artifacts`.

    Source: Conneau et al. (2018), XNLI, section 4; with the source beside it as in Hu et al.
    (2020), XTREME, section 4 (translate-train).

    Args:
        job: what there is.
        target: canonical tag.
        beside: whether the source's own texts are read too.
    """
    source = job.sources()
    made = [translated(one, job.translate, target) for one in source]
    return job.tell(job.train([*source, *made] if beside else made), job.test(target))
