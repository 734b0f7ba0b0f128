"""A test whose labels stay shut: it gives out texts and takes back predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn

from isogloss.errors import CorpusError, UsageError
from isogloss.task.contracts import Tally, Task
from isogloss.task.examples import Examples


class SealedTest:
    """Examples whose labels only the scoring sees, once an attempt.

    The labels are no attribute of it, and it cannot be pickled. That keeps a strategy from using
    them by accident; a strategy that reads the file again is beyond it.

    Args:
        gold: with labels.
        task: what scores them.

    Raises:
        CorpusError: an example has no label at all, or one that the task cannot score.
    """

    __slots__ = ("__weakref__", "_examples", "_opened", "_score")

    def __init__(self, gold: Examples, task: Task) -> None:
        columns = [gold.column(name) for name in gold.shape.labels]
        blank = [
            one for one, *values in zip(gold.ids, *columns, strict=True)
            if all(value is None for value in values)
        ]  # fmt: skip
        if blank:
            raise CorpusError(
                f"{len(blank)} of {len(gold)} examples to test on have no label, such as "
                f"{blank[0]!r}",
                file=gold.source or None, remedy="leave them out, or read a labelled file",
            )  # fmt: skip
        if check := getattr(task, "check", None):
            check(gold)
        self._examples = gold.sealed()
        self._opened: dict[str, int] = {}
        self._score = _scoring(gold, task)

    @property
    def examples(self) -> Examples:
        """What a strategy may see: all but the labels."""
        return self._examples

    @property
    def opened(self) -> Mapping[str, int]:
        """How often each attempt asked to be scored, refused or not."""
        return MappingProxyType(self._opened)

    def score(self, attempt: str, told: Sequence[Any]) -> dict[str, Tally]:
        """What the predictions of an attempt are worth; an attempt is scored once.

        Args:
            attempt: a name of its own, such as `few-shot seed 1`.
            told: one an example in the order of `examples`, None where there is none.

        Raises:
            UsageError: the attempt was scored before, or not one prediction an example.
        """
        if len(told) != len(self._examples):
            raise UsageError(
                f"{attempt!r} tells {len(told)} predictions of {len(self._examples)} examples",
                remedy="tell one an example, None where there is none",
            )
        self._opened[attempt] = self._opened.get(attempt, 0) + 1
        if self._opened[attempt] > 1:
            raise UsageError(
                f"{attempt!r} has been scored on the test of {self._examples.language} already",
                remedy="choose on a development set; give another attempt another name",
            )
        return self._score(told)

    def __len__(self) -> int:
        return len(self._examples)

    def __repr__(self) -> str:
        count = sum(self._opened.values())
        return f"SealedTest({self._examples!r}, opened {count} time{'' if count == 1 else 's'})"

    def __reduce__(self) -> NoReturn:
        raise UsageError("a sealed test is not copied: the copy would forget who opened it")


def _scoring(gold: Examples, task: Task) -> Callable[[Sequence[Any]], dict[str, Tally]]:
    return lambda told: task.score(gold, told)
