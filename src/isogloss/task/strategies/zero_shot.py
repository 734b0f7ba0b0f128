"""Labels of the source alone."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.registry import register
from isogloss.task.contracts import Guess
from isogloss.task.job import Job


@register("strategy", "zero_shot.v1")
def zero_shot(job: Job, target: str) -> Sequence[Guess | None]:
    """Train on the source's labels, and ask in the target's language.

    It costs one training for all targets. Everything else is measured against it. With several
    source languages it is joint training on all of them.

    Source: Wu and Dredze (2019), Beto, Bentz, Becas, section 3.
    """
    return job.tell(job.train(job.sources()), job.test(target))
