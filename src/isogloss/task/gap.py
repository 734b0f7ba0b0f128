"""How far a model falls from the language that it was taught in to another."""

from __future__ import annotations

from typing import Any

from isogloss.score import Score, defined
from isogloss.task.compare import over_languages
from isogloss.task.contracts import Tally

MEASURE = "transfer_gap"


def transfer_gap(
    source: Tally, target: Tally, *, of: str, parallel: bool, seed: int = 0, **about: Any
) -> Score:
    """What a model scores in the source language beyond what it scores in the target.

    gap = score(source) - score(target)

    Both tests have errors in what they ask, and one may be harder; of translations of one test
    only the latter cannot be.

    Args:
        source: of the source's test, told by the model that told the target.
        target: of the target's test.
        of: the measure that both are of; `settings` has it beside the two scores.
        parallel: row i is the same example in both, and is drawn in both at once.
        seed: of the resampling.
        about: columns of the score.

    Source: Hu et al. (2020), XTREME: the cross-lingual transfer gap of its results.
    """
    less = target._replace(statistic=lambda sums: -target.statistic(sums))
    half = over_languages({"source": source, "target": less}, parallel=parallel, seed=seed)
    return Score(
        measure=MEASURE, value=defined(2 * half.value), low=defined(2 * half.low),
        high=defined(2 * half.high),
        n=len(target.columns),
        settings={"of": of, "source": defined(source.value), "target": defined(target.value)},
        interval=f"bootstrap over examples{', paired' if parallel else ' of both tests'}", **about,
    )  # fmt: skip
