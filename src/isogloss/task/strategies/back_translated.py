"""The source's training data translated and back, so that they are text like that of the test."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

from isogloss.language import read_language
from isogloss.registry import register
from isogloss.task.contracts import Guess
from isogloss.task.fitting import need_fit
from isogloss.task.job import Job
from isogloss.task.needs import needs
from isogloss.task.retext import translated


@register("strategy", "back_translated.v1")
@needs("translator")
def back_translated(
    job: Job,
    target: str,
    *,
    through: str = "",
    asked: Literal["translated", "as it is"] = "translated",
) -> Sequence[Guess | None]:
    """Train on the source's texts translated into another language and back.

    A test that is translated into the source is a translator's text, and what was trained on is
    not; after the round trip both are. Against `translate_test.v1`, and `zero_shot.v1` where the
    test is asked as it is, it tells how much of a difference is this and no matter of languages.
    It costs two translations of the training data.

    Source: Artetxe, Labaka and Agirre (2020), Translation Artifacts in Cross-lingual Transfer
    Learning, section 3.

    Args:
        job: what there is.
        target: canonical tag.
        through: the language of the round trip; the target by default. One for all targets is one
            model for all.
        asked: whether the test is translated into the first source language.

    Raises:
        UsageError: labels that a translation moves, or no translator.
        TranslatorError: no text was translated.
    """
    need_fit("back_translated.v1", job.task.shape)
    other = str(read_language(through)) if through else target
    made = [
        translated(translated(one, job.translate, other), job.translate, one.language)
        for one in job.sources()
    ]
    solver, test = job.train(made), job.test(target)
    if asked == "translated":
        test = translated(test, partial(job.translate, in_use=True), job.source[0])
    return job.tell(solver, test)
