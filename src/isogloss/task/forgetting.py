"""What adapting a model cost it in the language that it came from."""

from __future__ import annotations

from typing import Any

from isogloss.score import Score, Scores
from isogloss.task.compare import TEST, compare
from isogloss.task.contracts import Tally


def forgetting(
    before: Tally,
    after: Tally,
    *,
    measure: str,
    language: str,
    target: str | None = None,
    base: str = "",
    **about: Any,
) -> Scores:
    """Three rows of the source language: before and after adaptation, and the paired change.

    `settings` has `forgetting: true`, which tells them from rows of target languages.

    Args:
        before: of the model as it came out of training on the source, on its test; or of `base`.
        after: of the adapted model on the same examples.
        measure: its name.
        language: the source's canonical tag.
        target: canonical tag of the language that it was adapted to; None for several at once.
        base: strategy that `before` is of, where it has a name.
        about: other columns, such as `strategy`, `task`, `dataset` and `seed`.

    Raises:
        VectorError: see `compare`.
    """
    found = compare(before, after)
    named = {name: one for name, one in (("target", target), ("base", base)) if one}
    settings: dict[str, Any] = {"forgetting": True, **named}
    columns: dict[str, Any] = {"measure": measure, "language": language, "n": found.n, **about}
    return Scores([
        *(Score(stage=stage, value=value, settings=settings, **columns)
          for stage, value in (("before", found.before), ("after", found.after))),
        Score(
            stage="change", value=found.difference, low=found.low, high=found.high,
            interval="paired bootstrap over examples",
            settings={**settings, "test": TEST, "p": found.p}, **columns,
        ),
    ])  # fmt: skip
