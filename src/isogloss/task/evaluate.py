"""What a finished solver is worth on one test."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from isogloss.errors import UsageError
from isogloss.registry import name_of
from isogloss.score import RESAMPLES, Score, bootstrap_of_sums, defined
from isogloss.task.contracts import Tally
from isogloss.task.examples import Examples
from isogloss.task.sealed import SealedTest
from isogloss.task.vectors import VectorsSolver

if TYPE_CHECKING:
    import pyarrow as pa

    from isogloss.encode.protocol import Encoder
    from isogloss.task.solver import Solver

INTERVAL = "bootstrap over examples"


class Items(NamedTuple):
    """What was told of each example, and what it brings to each measure.

    Attributes:
        ids: of the examples.
        told: a value each, None where there is none.
        tallies: by measure, sums over the same examples, as `task.compare` takes them.
        seconds: that telling took.
    """

    ids: Sequence[str]
    told: Sequence[Any]
    tallies: Mapping[str, Tally]
    seconds: float

    def table(self) -> pa.Table:
        """A row an example: `id`, `told` as JSON, and `<measure>.<k>`, column k of its sums."""
        import pyarrow as pa

        made = {
            "id": list(self.ids),
            "told": [json.dumps(value, ensure_ascii=False) for value in self.told],
        }
        for name, tally in self.tallies.items():
            made |= {f"{name}.{k}": column for k, column in enumerate(tally.columns.T)}
        return pa.table(made)


def evaluate(
    solver: Solver | Encoder,
    task: Any,
    gold: Examples,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    **about: Any,
) -> tuple[list[Score], Items]:
    """All measures of a task on one test, each with its interval, and what they are sums of.

    The solver sees the examples without their labels. An example of which nothing is told stays in
    and counts as the measure says, mostly as wrong; `dropped` says why, beside what the reader left
    out.

    Args:
        solver: a solver, or an encoder where vectors solve the task.
        task: what is told; one that needs to know how many kinds there are asks gold for it.
        gold: the test, with labels.
        seed: of the resampling, and of what an encoder's task draws.
        resamples: bootstrap samples.
        about: more columns of the scores, such as `system` and `strategy`, or others for these.

    Raises:
        UsageError: the solver told more or fewer values than there are examples, or the task is of
            examples of another shape.
        CorpusError: an example has no label.
    """
    if gold.shape != task.shape:
        raise UsageError(
            f"the task tells {task.shape.name}, and {gold!r} has {gold.shape.name}",
            remedy="name the task of this data",
        )
    asked: Any = solver
    if not hasattr(solver, "tell"):
        task = task.counted(gold) if hasattr(task, "counted") else task
        asked = VectorsSolver(task, asked, seed)
    test = SealedTest(gold, task)
    told = asked.tell(test.examples)
    tallies = test.score("once", told.values)
    fixed = {
        "dataset": gold.name, "language": gold.tag, "task": name_of("task", task),
        "seed": seed, "corpus_fingerprint": gold.fingerprint, "truncated": told.truncated,
        "dropped": dict(Counter(gold.dropped) + Counter(told.dropped)), **about,
    }  # fmt: skip
    drawn = {"seed": seed, "resamples": resamples}
    scores = [score_of(m, tallies[m], drawn, **fixed) for m in task.measures if m in tallies]
    return scores, Items(gold.ids, told.values, tallies, told.seconds)


def score_of(measure: str, tally: Tally, drawn: Mapping[str, int], **about: Any) -> Score:
    """A measure with its value and interval; without one where it has a single example.

    Args:
        measure: its name.
        tally: its sums.
        drawn: `seed` and `resamples` of the bootstrap.
        about: more columns of the score.
    """
    n = len(tally.columns)
    if n < 2:
        return Score(
            measure=measure, value=defined(tally.value), n=n, settings=dict(tally.settings), **about
        )
    found = bootstrap_of_sums(tally.columns, tally.statistic, **drawn)
    low, high = defined(found.low), defined(found.high)
    return Score(
        measure=measure, value=defined(found.value), n=n, low=low, high=high,
        interval=None if low is None else INTERVAL, settings=dict(tally.settings), **about,
    )  # fmt: skip
