"""What each of several systems has over the first, as rows of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from isogloss.errors import TrainingError, VectorError
from isogloss.score import Score, Scores, holm
from isogloss.task.compare import change_rows, compare_languages
from isogloss.task.contracts import Tally
from isogloss.task.mixed import ENOUGH, mixed_languages

MIXED = "t test of a mixed-effects model (REML)"


def changes(
    systems: Mapping[str, Mapping[str, Tally]],
    *,
    measure: str,
    parallel: bool,
    seed: int,
    notes: list[str],
    **about: Any,
) -> Scores:
    """Rows of stage `change`: by language, their mean, and the effect over languages.

    By language and on average they are about these languages, see `compare_languages`; p-values of
    languages are adjusted by Holm. With `ENOUGH` languages a last row is about others like them,
    by `mixed_languages`, its p-value adjusted over the systems.

    Args:
        systems: by name and language; the first is what the others are compared with.
        measure: what the tallies are of.
        parallel: example i is the same in every language.
        seed: of resamples and swaps.
        notes: to which is added why a last row is missing.
        about: more columns of the rows.
    """
    first, *others = systems
    rows, effects = Scores(), []
    for name in others:
        by_language, mean = compare_languages(
            systems[first], systems[name], parallel=parallel, seed=seed
        )
        told: dict[str, Any] = {"measure": measure, "strategy": name, "against": first, **about}
        rows += change_rows(by_language, **told)
        rows += change_rows({"": mean}, **told).having(language=None)
        effects += _effect(systems[first], systems[name], notes, **told)
    return rows + _adjusted(effects)


def _effect(
    before: Mapping[str, Tally], after: Mapping[str, Tally], notes: list[str], *, measure: str,
    strategy: str, against: str, **about: Any,
) -> list[Score]:  # fmt: skip
    """The row about languages like these; none where a model of them says nothing."""
    which = f"{strategy} against {against}: no mixed-effects test over languages"
    if len(before) < ENOUGH:
        notes.append(f"{which}, as there are {len(before)}, and it takes {ENOUGH}")
        return []
    try:
        found, outcome = mixed_languages(before, after)
    except (TrainingError, VectorError) as error:
        notes.append(f"{which}: {error.message}")
        return []
    [effect] = found.effects
    return [
        Score(
            measure=measure, value=effect.difference, low=effect.low, high=effect.high,
            n=sum(len(one.columns) for one in before.values()), strategy=strategy, stage="change",
            interval="t interval of a mixed-effects model",
            settings={
                "against": against, "test": MIXED, "p": effect.p, "languages": list(before),
                "outcome": outcome, "degrees": found.degrees, "spreads": found.spreads,
                "meaning": found.meaning,
            },
            **about,
        )
    ]  # fmt: skip


def _adjusted(rows: Sequence[Score]) -> list[Score]:
    every = holm([row.settings["p"] for row in rows])
    return [replace(row, settings={**row.settings, "p_holm": p})
            for row, p in zip(rows, every, strict=True)]  # fmt: skip
