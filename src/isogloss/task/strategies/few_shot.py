"""A few labels of the target beside those of the source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.settings import Count
from isogloss.task.contracts import Guess
from isogloss.task.examples import Examples
from isogloss.task.job import Job


@register("strategy", "few_shot.v1")
def few_shot(
    job: Job, target: str, *, shots: Count = 10, continued: bool = False
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
        UsageError: fewer than one shot, or fewer examples than shots.
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

    Examples without a label are never drawn.

    Raises:
        UsageError: fewer than one is asked for, or a label has fewer examples.
    """
    if shots < 1:
        raise UsageError(f"{shots} shots", remedy="ask for at least 1, or for zero_shot.v1")
    order = np.random.default_rng(seed).permutation(len(examples))
    labels = _labels(examples)
    _check_enough(examples, labels, shots)
    taken: dict[object, int] = {}
    chosen = []
    for row in map(int, order):
        if labels[row] is not None and taken.get(labels[row], 0) < shots:
            taken[labels[row]] = taken.get(labels[row], 0) + 1
            chosen.append(row)
    return sorted(chosen)


def _labels(examples: Examples) -> list[object]:
    """The label of each example, "" of one that has none of that name; None where it is unknown."""
    if "label" in examples.shape.columns:
        return examples.column("label")
    return [None if one is None else "" for one in examples.column(examples.shape.labels[0])]


def _check_enough(examples: Examples, labels: Sequence[object], shots: int) -> None:
    counts = Counter(label for label in labels if label is not None)
    few = [f"{n} of {label}" if label != "" else f"{n}" for label, n in counts.items() if n < shots]
    if few or not counts:
        most = min(counts.values(), default=0)
        raise UsageError(
            f"{shots} shots are wanted, and {examples.language} {examples.split} has "
            f"{', '.join(few) or 'no labelled example'}",
            remedy=f"set shots={most} at most" if most else "give it labelled examples",
        )
