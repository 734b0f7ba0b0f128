"""A few labels of the target beside those of the source."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.task.contracts import Guess
from isogloss.task.examples import Examples
from isogloss.task.job import Job


@register("strategy", "few_shot.v1")
def few_shot(
    job: Job, target: str, *, shots: int = 10, continued: bool = False
) -> Sequence[Guess | None]:
    """Train on the source's labels and on a few of the target's, together or one after the other.

    The few are drawn anew with each seed: which they are changes the result more than most methods
    do. Together they are repeated until they are a tenth of all that is read. Continued training
    reads the source first; it is the stronger of the two with many shots, and forgets more of the
    source.

    Source: Lauscher et al. (2020), From Zero to Hero, section 5; Zhao et al. (2021), A Closer Look
    at Few-Shot Crosslingual Transfer, section 4 (draws).

    Args:
        job: what there is.
        target: canonical tag.
        shots: examples of each label, or in all where an example has no one label.
        continued: whether the source is read first, and the few after it.

    Raises:
        UsageError: fewer than one shot.
    """
    few = job.labelled(target, pick=lambda examples: drawn(examples, shots, job.seed))
    if continued:
        solver = job.train([few], after=job.train(job.sources()))
    else:
        source = job.sources()
        times = max(1, round(sum(map(len, source)) / 9 / len(few)))
        solver = job.train([*source, *[few] * times])
    return job.tell(solver, job.test(target))


def drawn(examples: Examples, shots: int, seed: int) -> list[int]:
    """Rows of so many examples of each label, in the order of the data.

    Raises:
        UsageError: fewer than one is asked for.
    """
    if shots < 1:
        raise UsageError(f"{shots} shots", remedy="ask for at least 1, or for zero_shot.v1")
    order = np.random.default_rng(seed).permutation(len(examples))
    labels = examples.column("label") if "label" in examples.shape.columns else [""] * len(order)
    taken: dict[object, int] = {}
    chosen = []
    for row in map(int, order):
        if taken.get(labels[row], 0) < shots:
            taken[labels[row]] = taken.get(labels[row], 0) + 1
            chosen.append(row)
    return sorted(chosen)
