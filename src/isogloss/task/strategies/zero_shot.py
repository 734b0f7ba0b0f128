"""Labels of the source alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.settings import Count
from isogloss.task.contracts import Guess
from isogloss.task.job import Job


@register("strategy", "zero_shot.v1")
def zero_shot(
    job: Job,
    target: str,
    *,
    sources: Count | None = None,
    parameters: dict[str, Any] | None = None,
    model: str | None = None,
) -> Sequence[Guess | None]:
    """Train on the source's labels, and ask in the target's language.

    It costs one training for all targets. Everything else is measured against it. With several
    source languages it is joint training on all of them.

    What may change is a matter of transfer too: where lower layers stay, or little is trained, a
    model forgets less of the languages that it is not taught in.

    Source: Wu and Dredze (2019), Beto, Bentz, Becas, section 3; they freeze lower layers too.

    Args:
        job: what there is.
        target: canonical tag.
        sources: how many of the source languages are learned from, the first ones; all by default.
        parameters: `use` and settings of registered parameters, in the place of the tuning's.
        model: an earlier step that made the model which is taught; by default that of the job.

    Raises:
        UsageError: more sources than there are, or none; there is no such model.
    """
    if sources is not None and not 1 <= sources <= len(job.source):
        raise UsageError(
            f"{sources} of {len(job.source)} source languages",
            remedy=f"give a number from 1 to {len(job.source)}, or leave it out",
        )
    chosen = [job.labelled(tag) for tag in job.source[:sources]]
    changes: dict[str, Any] = {"parameters": parameters} if parameters else {}
    begun = job.means.model_of(model) if model else None
    return job.tell(job.train(chosen, after=begun, **changes), job.test(target))
