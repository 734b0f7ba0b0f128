"""The source's examples translated for the target."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.registry import register
from isogloss.task.contracts import Guess
from isogloss.task.examples import Examples
from isogloss.task.fitting import OF_WORDS, need_fit
from isogloss.task.job import Job
from isogloss.task.needs import needs
from isogloss.task.retext import text_columns, texts_in, translated
from isogloss.task.strategies.projected import projected


@register("strategy", "translate_train.v1")
@needs("translator")
def translate_train(job: Job, target: str, *, beside: bool = True) -> Sequence[Guess | None]:
    """Train on the source's labels and on their texts translated into the target.

    It costs one translation of the training data a target, and nothing in use. Tests that were
    translated by a machine themselves favour it: see `task.artifacts`. Labels of words are carried
    along links, as `projected.v1` does through a translation, which has more settings.

    Source: Conneau et al. (2018), XNLI, section 4; with the source beside it as in Hu et al.
    (2020), XTREME, section 4 (translate-train).

    Args:
        job: what there is.
        target: canonical tag.
        beside: whether the source's own texts are read too.

    Raises:
        UsageError: labels that are places in a text; what a translation needs was not given.
        TranslatorError: no text was translated.
    """
    need_fit("translate_train.v1", job.task.shape)
    if job.task.shape in OF_WORDS:
        return projected(job, target, through="translation", beside=beside)
    source = job.sources()
    made = [_there(job, translated(one, job.translate, target)) for one in source]
    return job.tell(job.train([*source, *made] if beside else made), job.test(target))


def _there(job: Job, made: Examples) -> Examples:
    """Those whose texts have a translation; the others are counted."""
    rows = zip(*(made.column(name) for name in text_columns(made)), strict=True)
    kept = [
        row for row, cells in enumerate(rows)
        if all((text or "").strip() for cell in cells for text in texts_in(cell))
    ]  # fmt: skip
    if lost := len(made) - len(kept):
        job.dropped[f"translated to {made.language}: no translation"] += lost
    return made.take(kept)
