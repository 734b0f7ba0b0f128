"""A model's own surest guesses of the target as labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isogloss.errors import TrainingError, UsageError
from isogloss.registry import register
from isogloss.settings import Count, Fraction
from isogloss.task.contracts import Guess
from isogloss.task.job import Job


@register("strategy", "self_training.v1")
def self_training(
    job: Job, target: str, *, share: Fraction = 0.5, rounds: Count = 1
) -> Sequence[Guess | None]:
    """Train on the source, guess the target's unlabelled text, train on both; and again.

    Of the guesses the surest are kept, the same share of each label, or the commonest label would
    be all of them. It helps where the first model is right more often than not, and makes worse
    what is bad. It reads the target's `train` without labels.

    Source: Dong and de Melo (2019), A Robust Self-Learning Framework for Cross-Lingual Text
    Classification, section 2; the classes are balanced as there.

    Args:
        job: what there is.
        target: canonical tag.
        share: of the guesses of each label that are kept, in each round.
        rounds: of guessing and training.

    Raises:
        TrainingError: nothing was told of any text.
        UsageError: a share or rounds that keep nothing; no text of the target; guesses that do not
            say how sure they are.
    """
    if not 0 < share <= 1 or rounds < 1:
        raise UsageError(
            f"a share of {share} and {rounds} rounds", remedy="a share above 0, at most 1; 1 round"
        )
    source, text = job.sources(), job.unlabelled(target)
    solver = job.train(source)
    for _ in range(rounds):
        guesses = job.tell(solver, text)
        kept = surest(guesses, share)
        if not kept:
            raise TrainingError(
                f"nothing could be told of any of {len(text)} texts of {target}",
                remedy="check that they have text, or take another strategy",
            )
        values = [None if guess is None else guess.value for guess in guesses]
        solver = job.train([*source, text.told(values).take(kept)])
    return job.tell(solver, job.test(target))


def surest(guesses: Sequence[Guess | None], share: float) -> list[int]:
    """Rows of the surest guesses, the same share of each label or intent; at least one.

    How sure a guess of words is, is the mean of the largest shares of its words.
    """
    sure: dict[object, list[tuple[float, int]]] = {}
    for row, guess in enumerate(guesses):
        if guess is None:
            continue
        if guess.shares is None:
            raise UsageError(
                "these guesses do not say how sure they are, so none is the surest",
                remedy="take another strategy, such as translate_train",
            )
        value = guess.value
        label = value.get("label", "") if isinstance(value, dict) else value
        shares = np.asarray(guess.shares)  # of a tree or an answer one number
        degree = float(shares.max(-1).mean() if shares.ndim else shares)
        sure.setdefault(label if isinstance(label, str) else "", []).append((degree, row))
    kept = []
    for rows in sure.values():
        rows.sort(reverse=True)
        kept += [row for _, row in rows[: max(1, round(share * len(rows)))]]
    return sorted(kept)
