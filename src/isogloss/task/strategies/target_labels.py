"""Labels of the target itself: the bound that transfer is held against."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.registry import register
from isogloss.task.contracts import Guess
from isogloss.task.job import Job


@register("strategy", "target_labels.v1")
def target_labels(job: Job, target: str) -> Sequence[Guess | None]:
    """Train on all labels of the target's own `train`: no transfer, but what it could reach.

    Where a data set is translated by people, its labels are the source's, and this bound has as
    many as transfer has. Several languages are not averaged with sets of another size.
    """
    return job.tell(job.train([job.labelled(target)]), job.test(target))
