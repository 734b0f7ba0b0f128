"""What a task owes a strategy, and a strategy the people who read its scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from isogloss.task.examples import Examples, Shape

if TYPE_CHECKING:
    from isogloss.task.cutting import Cutter


class Tally(NamedTuple):
    """A measure as sums over examples, so that it can be resampled.

    Attributes:
        columns: `[n, k]` what an example brings, such as true positives and errors.
        statistic: from sums, or means, `[k]` or `[k, resamples]` to the value; it must not change
            when all sums are multiplied by one number.
        settings: how it was counted, such as the signature of sacrebleu.
    """

    columns: np.ndarray
    statistic: Callable[[np.ndarray], Any]
    settings: Mapping[str, Any] = {}

    @property
    def value(self) -> float:
        """Of all examples; not a number where it is not defined."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(self.statistic(self.columns.sum(0)))


class Piece(NamedTuple):
    """A stretch of an example that fits the model's window.

    Attributes:
        example: its row.
        ids: `[t]` token ids, without what stands around a text.
        tokens: columns `[t]`, `UNKNOWN` where a token has no value.
        row: values of the piece as a whole, the same keys in every piece.
        more: ids of further texts that are read beside it, each a view; without `tokens`.
    """

    example: int
    ids: np.ndarray
    tokens: Mapping[str, np.ndarray] = {}
    row: Mapping[str, Any] = {}
    more: Sequence[np.ndarray] = ()


class Guess(NamedTuple):
    """What is told of one example.

    Attributes:
        value: as the label of its shape is written; of several labels, each by its name.
        shares: how sure: `[classes]` of a text, `[words, classes]` of words, `[labels, 2]` of
            labels that are absent or there, or a number.
    """

    value: Any
    shares: Any = None


class Cut(NamedTuple):
    """Examples as a model reads them.

    Attributes:
        pieces: one or more an example; none of those that are left out.
        dropped: examples that are left out, by reason.
        truncated: examples of which something was cut off.
        counted: what else happened to examples, as `read in several stretches`.
    """

    pieces: Sequence[Piece]
    dropped: Mapping[str, int] = {}
    truncated: int = 0
    counted: Mapping[str, int] = {}


class Task(Protocol):
    """Data format, head and metric; registered as `task`.

    It may also have `check(gold)`, which refuses labels of a test that cannot be scored, before
    anything is taught.

    Attributes:
        shape: of its examples.
        measures: those that it scores, the main one first, of which more is better.
    """

    shape: Shape
    measures: tuple[str, ...]

    def score(self, gold: Examples, told: Sequence[Any]) -> dict[str, Tally]:
        """What values told of examples, None where nothing is, are worth."""
        ...


class HeadTask(Task, Protocol):
    """A task that a head on a body of states solves."""

    def classes(self, examples: Sequence[Examples]) -> Mapping[str, Sequence[str]]:
        """The names of what a head tells, by part of the head, in order; of training data alone."""
        ...

    def cut(self, examples: Examples, cutter: Cutter, classes: Mapping[str, Sequence[str]]) -> Cut:
        """Pieces of examples, with labels where they are known.

        Raises:
            CorpusError: a label that training has not seen, in examples to train on.
        """
        ...

    def head(self, classes: Mapping[str, Sequence[str]], seed: int) -> Any:
        """An objective that is an `nn.Module`, with `tell(outputs, batch)`: a finding a row.

        Its `begin` makes weights only where there are none, as a head may go on learning.
        """
        ...

    def join(
        self,
        examples: Examples,
        pieces: Sequence[Piece],
        found: Sequence[Any],
        classes: Mapping[str, Sequence[str]],
    ) -> list[Guess | None]:
        """What is told of each example by what the head found in its pieces; None without one."""
        ...
