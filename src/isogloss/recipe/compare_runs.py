"""The step that pairs two finished runs by example: what the second has over the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from pydantic import DirectoryPath, model_validator

from isogloss.errors import CorpusError, UsageError
from isogloss.files import sha256_file
from isogloss.recipe.runs import Run, open_run
from isogloss.recipe.step import Step, Workplace
from isogloss.recipe.told import Told, read_told, told_files
from isogloss.recipe.transfer_data import suite_and_task
from isogloss.recipe.transfer_scores import Outcome, over_seeds_rows
from isogloss.registry import register
from isogloss.score import Score, Scores
from isogloss.task.examples import Examples
from isogloss.task.suites import Suite, read_suite
from isogloss.task.suites.loading import spoken


class Test(NamedTuple):
    """A task of a suite, and where its examples lie."""

    suite: Suite
    task: str
    data: str | None
    split: str


Attempts = dict[str, list[Told]]
"""What one system told of one task, by language; one a seed."""


@register("step", "compare_runs.v1")
class CompareRuns(Step):
    """A run of `evaluate.v1` or `transfer.v1` against another, on the same examples.

    What both told is scored again, means over seeds; differences are tested as those of strategies
    are: paired by example in each language, with Holm's correction over languages, and over
    languages by a mixed-effects model.

    Attributes:
        before: the folder of the first run, such as that of the plain model.
        after: the folder of the second.
        strategies: those of both that are compared, all that both have by default; where each has
            one alone, these two.
        data: the folder of the suites' data; by default that of the second run, or ISOGLOSS_DATA.
    """

    alone: ClassVar[bool] = True
    before: DirectoryPath
    after: DirectoryPath
    strategies: tuple[str, ...] = ()
    data: str | None = None

    @model_validator(mode="after")
    def _two(self) -> CompareRuns:
        if self.before.resolve() == self.after.resolve():
            raise ValueError("after: the same run as before has nothing over it")
        return self

    def key_settings(self) -> dict[str, Any]:
        """With what was told, of which models, and how the suites score it."""
        files = [sha256_file(file) for run in (self.before, self.after)
                 for file in (*told_files(run), run / "results.json")]  # fmt: skip
        suites = [test.suite.model_dump(mode="json") for test in _tests(self._runs[1]).values()]
        return {**super().key_settings(), "files": files, "suites": suites}

    @cached_property
    def _runs(self) -> tuple[Run, Run]:
        return open_run(self.before), open_run(self.after)

    def run(self, place: Workplace) -> None:
        """Every task that both told, in the languages of both.

        Raises:
            UsageError: no task, language or strategy that both have.
            CorpusError: the examples are not the same, or are no longer there.
        """
        sides = [_by_task(read_told(run.folder)) for run in self._runs]
        shared = [key for key in sides[1] if key in sides[0]]
        if not shared:
            every = [", ".join(f"{task} of {name}" for name, task in side) for side in sides]
            raise UsageError(
                f"the runs have no task in common: {every[0]}; {every[1]}",
                remedy="evaluate both models on the same suite",
            )
        tests = _tests(self._runs[1])
        rows = Scores()
        for dataset, task in shared:
            if dataset not in tests:
                raise CorpusError(f"does not name the suite {dataset}", file=self.after)
            test = tests[dataset]._replace(task=task)
            first, second = (side[dataset, task] for side in sides)
            for a, b in self._pairs(first, second):
                names = self._names(a, b, several=len(second) > 1)
                rows += self._compared(dict(zip(names, (first[a], second[b]), strict=True)),
                                       test, place)  # fmt: skip
        place.write(rows)

    def _pairs(self, first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Which strategy is compared with which.

        Raises:
            UsageError: none can be.
        """
        both = [name for name in second if name in first]
        wanted = [name for name in both if not self.strategies or name in self.strategies]
        if wanted:
            return [(name, name) for name in wanted]
        if len(first) == len(second) == 1 and not self.strategies:
            return [(next(iter(first)), next(iter(second)))]
        there = "; ".join(", ".join(name or "a finished model" for name in side)
                          for side in (first, second))  # fmt: skip
        raise UsageError(f"the runs have no strategy in common to compare: {there}")

    def _names(self, first: str, second: str, *, several: bool) -> list[str]:
        """What the two systems are called: their model, and the strategy where it says more."""
        systems = [next((row.system for row in run.scores if row.system), "") or ""
                   for run in self._runs]  # fmt: skip
        if systems[0] == systems[1]:
            systems = [run.folder.absolute().name for run in self._runs]
        if systems[0] == systems[1]:
            systems = [str(run.folder) for run in self._runs]
        told = several or first != second
        return [f"{system}, {name}" if told and name else system
                for system, name in zip(systems, (first, second), strict=True)]  # fmt: skip

    def _compared(self, sides: Mapping[str, Attempts], test: Test, place: Workplace) -> list[Score]:
        """Scores of both in the languages of both, and their differences."""
        from isogloss.task.changes import changes
        from isogloss.task.compare import together

        (before, first), (after, second) = sides.items()
        tags = [tag for tag in second if tag in first]
        if lost := [tag for tag in dict.fromkeys([*first, *second]) if tag not in tags]:
            place.notes.append(
                f"{test.suite.name} {test.task}: not in both {before} and {after}: "
                f"{', '.join(lost)}"
            )
        if not tags:
            raise UsageError(f"{before} and {after} have no language of {test.suite.name} together")
        first, second = ({tag: side[tag] for tag in tags} for side in (first, second))
        if lost := _same_seeds(first, second):
            place.notes.append(f"{test.suite.name} {test.task}: {lost}")
        part = test.suite.part(test.task)
        gold = {tag: self._gold(test, tag, [*first[tag], *second[tag]]) for tag in tags}
        task = self._task(test, list(gold.values()))
        parallel = part.n_way and all(one.ids == gold[tags[0]].ids for one in gold.values())
        pivots = [row.pivot for row in self._runs[1].scores if row.dataset == test.suite.name]
        about = {"dataset": test.suite.name, "task": test.task, "pivot": (pivots or [None])[0]}
        rows: list[Score] = []
        found: dict[tuple[str, str], list[Outcome]] = {}
        for name, attempts in ((before, first), (after, second)):
            own = {(name, tag): [_scored(task, gold[tag], one) for one in attempts[tag]]
                   for tag in tags}  # fmt: skip
            seeds = [one.seed for one in attempts[tags[0]]]
            every = [one.tallies for outcomes in own.values() for one in outcomes]
            for measure in (one for one in part.measures if all(one in told for told in every)):
                rows += over_seeds_rows(own, measure, seeds, about, parallel=parallel,
                                        drawn=place.seed)  # fmt: skip
            found |= own
        whole: dict[str, dict[str, Any]] = {name: {} for name in sides}
        for (name, tag), outcomes in found.items():
            whole[name][tag] = together([one.tallies[part.measures[0]] for one in outcomes])
        return rows + list(changes(
            whole, measure=part.measures[0], parallel=parallel, seed=place.seed, notes=place.notes,
            **about,
        ))  # fmt: skip

    def _task(self, test: Test, tests: Sequence[Examples]) -> Any:
        """What scores it, with the suite's settings and, where it tells languages apart, these."""
        part = test.suite.part(test.task)
        if not hasattr(part.task, "informed"):
            return part.task
        data = self.data or test.data
        return part.task.informed(spoken(test.suite, part, tests, data=data))

    def _gold(self, test: Test, tag: str, told: Sequence[Told]) -> Examples:
        """The examples with their labels.

        Raises:
            CorpusError: they are not those of which something was told.
        """
        data = self.data or test.data
        found = test.suite.examples(test.task, tag, test.split, data=data)
        if any(one.test != found.fingerprint or list(one.ids) != found.ids for one in told):
            raise CorpusError(
                f"{test.suite.name} {test.task} of {tag}: these are not the examples that both "
                "runs were asked", file=found.source or None,
                remedy="run both again on the same data and split",
            )  # fmt: skip
        return found


def _by_task(attempts: Sequence[Told]) -> dict[tuple[str, str], dict[str, Attempts]]:
    """By data set and task, strategy and language."""
    made: dict[tuple[str, str], dict[str, Attempts]] = {}
    for one in attempts:
        own = made.setdefault((one.dataset, one.task), {}).setdefault(one.strategy, {})
        own.setdefault(one.language, []).append(one)
    return made


def _tests(run: Run) -> dict[str, Test]:
    """The suites that the steps of a run asked, by name."""
    found = {}
    for step in run.provenance["recipe"]["steps"]:
        named = step.get("suites") or [step.get("tests") or step.get("suite")]
        for one in filter(None, named):
            suite = read_suite(suite_and_task(one)[0])
            found[suite.name] = Test(suite, "", step.get("data"), step.get("split", "test"))
    return found


def _same_seeds(first: Attempts, second: Attempts) -> str:
    """Leave the seeds that both have, where one has more; gives a sentence about it.

    Raises:
        UsageError: there are none.
    """
    counts = [{len(own) for own in side.values()} for side in (first, second)]
    if counts[0] == counts[1] and len(counts[0]) == 1:
        return ""
    seeds = [[one.seed for one in own] for side in (first, second) for own in side.values()]
    shared = set(seeds[0]).intersection(*seeds[1:])
    if not shared:
        raise UsageError("the runs have unequal numbers of seeds, and none of them is the same",
                         remedy="run one of them again with --seeds of the other")  # fmt: skip
    for side in (first, second):
        for tag, own in side.items():
            side[tag] = [one for one in own if one.seed in shared]
    return f"compared by the seeds that both runs have: {', '.join(map(str, sorted(shared)))}"


def _scored(task: Any, gold: Examples, told: Told) -> Outcome:
    task = task.counted(gold) if hasattr(task, "counted") else task
    return Outcome(task.score(gold, told.values), {}, told.values, {"settings": {}})
