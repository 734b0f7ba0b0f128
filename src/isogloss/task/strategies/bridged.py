"""Translations by way of a language in between."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.errors import UsageError
from isogloss.language import read_language
from isogloss.registry import register
from isogloss.task.contracts import Guess
from isogloss.task.fitting import need_fit
from isogloss.task.job import Job


@register("strategy", "bridged.v1")
def bridged(job: Job, target: str, *, through: str) -> Sequence[Guess | None]:
    """Train as `zero_shot.v1` does, and translate into a language in between, and from there.

    It asks for directions that were trained alone, twice, and so takes twice as long in use, and
    what the first translation gets wrong is lost for the second. A direction that has the language
    in between on a side is asked as it is.

    Source: Johnson et al. (2017), Google's Multilingual Neural Machine Translation System, where
    zero-shot translation is compared with it (bridging).

    Args:
        job: what there is.
        target: a direction.
        through: the language in between, any spelling.

    Raises:
        UsageError: the task is not translation, or nothing was translated into that language.
        UnknownLanguage: no such language.
    """
    need_fit("bridged.v1", job.task.shape)
    solver, test, between = job.train(job.sources()), job.test(target), str(read_language(through))
    if between in (test.language, *test.column("to")):
        return job.tell(solver, test)
    halfway = job.tell(solver, test.having({"to": [between] * len(test)}))
    texts = [guess and guess.value for guess in halfway]
    if not any(texts):
        raise UsageError(
            f"not one of {len(test)} texts of {test.language} was translated into {between}",
            remedy=f"name a language that --train has directions into and from, such as "
            f"{test.language}-{between} and {between}-{test.column('to')[0]}",
        )
    return job.tell(solver, test.having({"text": texts}, language=between))
