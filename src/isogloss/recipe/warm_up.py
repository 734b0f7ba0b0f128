"""Training that begins with a warm-up toward rows that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from isogloss.recipe.step import Workplace
    from isogloss.train.contracts import Lesson, Mixture, Parameters
    from isogloss.train.loop import Trained


def train_warmed_up(
    step: Any,
    place: Workplace,
    parameters: Parameters,
    known: Callable[[], Mixture],
    lessons: Sequence[Lesson],
    **more: Any,
) -> Trained:
    """Train, after `step.warm_up` steps on rows alone, which the body has no part in.

    Args:
        step: has `warm_up`, `steps`, and the settings of the loop that the two share.
        place: where checkpoints are, and the progress.
        parameters: what may change.
        known: makes the mixture of the warm-up, if there is one.
        lessons: of the training itself.
        more: settings of its loop.
    """
    from isogloss.train.contracts import Lesson
    from isogloss.train.loop import LoopSettings, train
    from isogloss.train.objectives.lexical import Lexical

    advance = place.start(f"{step.name}: train", step.warm_up + step.steps)
    phases: list[tuple[str, int, Sequence[Lesson], dict[str, Any]]] = []
    if step.warm_up:
        phases.append(("warm-up", step.warm_up, [Lesson(known(), [(1.0, Lexical())])], {}))
    phases.append(("checkpoint", step.steps, lessons, more))
    for folder, steps, taught, own in phases:
        settings = LoopSettings(
            steps=steps, learning_rate=step.learning_rate, clip=step.clip, seed=place.seed,
            threads=step.threads, checkpoint_every=step.checkpoint_every, **own,
        )  # fmt: skip
        trained = train(
            parameters, taught, settings, checkpoint=place.scratch / folder,
            advance=advance,
        )  # fmt: skip
        place.keep_log(step.name, trained)  # that of the last is left
    return trained
