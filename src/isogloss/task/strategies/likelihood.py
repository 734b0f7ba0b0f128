"""Choices told by how likely the model finds them: nothing is taught."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.task.choosing import By, Choosing, Unit, open_chooser
from isogloss.task.contracts import Guess
from isogloss.task.fitting import need_fit
from isogloss.task.job import Job
from isogloss.task.ledger import timed


@register("strategy", "likelihood.v1")
def likelihood(
    job: Job, target: str, *, unit: Unit = "byte", against: str | None = None, between: str = " "
) -> Sequence[Guess | None]:
    """Ask a model with a language head, as it is, which choice is likeliest behind the text.

    What a decoder knows before it is taught, to hold a taught one against; no label is seen. For
    the ways to compare see `task.choosing.choice_scores`.

    Source: Brown et al. (2020), Language Models are Few-Shot Learners, section 2.4.

    Args:
        job: what there is.
        target: canonical tag.
        unit: by which length log p of a choice is divided.
        against: a text in whose stead the choice is told once more, to be subtracted.
        between: stands between text and choice.

    Raises:
        UsageError: a task without choices.
        ModelError: the model has no language head of its own.
    """
    need_fit("likelihood.v1", job.task.shape)
    by = By(unit=unit, against=against, between=between)
    if (model := job.means.model) is None:
        raise UsageError("there is no model to ask", remedy="give one with a language head")

    def untaught() -> Choosing:
        solver = open_chooser(model, by)
        job.ledger = timed(job.ledger, kept=solver.kept)
        return solver

    return job.tell(job.once(f"likelihood {by!r}", untaught), job.test(target))
