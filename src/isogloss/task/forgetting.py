"""What adapting a model cost it in the language that it came from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from isogloss.score import Score, Scores
from isogloss.task.compare import TEST, Difference, compare
from isogloss.task.contracts import Tally


def forgetting(before: Tally, after: Tally, *, measure: str, language: str, **about: Any) -> Scores:
    """Three rows of the source language: before and after adaptation, and the paired change.

    `settings` has `forgetting: true`, which tells them from rows of target languages.

    Args:
        before: of the model as it came out of training on the source, on its test.
        after: of the adapted model on the same examples.
        measure: its name.
        language: the source's canonical tag.
        about: other columns, such as `strategy`, `task`, `dataset` and `seed`.

    Raises:
        VectorError: see `compare`.
    """
    found = compare(before, after)
    return Scores([
        *(_row(measure, language, found, stage, about) for stage in ("before", "after")),
        Score(
            measure=measure, language=language, stage="change", value=found.difference, n=found.n,
            low=found.low, high=found.high, interval="paired bootstrap over examples",
            settings={"forgetting": True, "test": TEST, "p": found.p}, **about,
        ),
    ])  # fmt: skip


def _row(measure: str, language: str, found: Difference, stage: str, about: Any) -> Score:
    return Score(measure=measure, language=language, stage=stage, value=asdict(found)[stage],
                 n=found.n, settings={"forgetting": True}, **about)  # fmt: skip
