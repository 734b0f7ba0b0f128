"""The step that brings a task to languages without labels, by several strategies side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import Field, FilePath, field_validator

from isogloss import registry
from isogloss.errors import UsageError, located
from isogloss.files import fingerprint, write_json
from isogloss.language import read_language, resolve
from isogloss.recipe.step import FILES, Step, Workplace, full_name
from isogloss.registry import register
from isogloss.score import Score, Scores, bootstrap_of_sums, defined
from isogloss.task.solver import Tuning

if TYPE_CHECKING:
    from isogloss.task.contracts import Tally, Task
    from isogloss.task.examples import Examples
    from isogloss.task.job import Job, Learner, Means, Strategy
    from isogloss.task.sealed import SealedTest
    from isogloss.task.suites.suite import Suite

Table = dict[str, Any]


class Outcome(NamedTuple):
    """What an attempt brought.

    Attributes:
        tallies: by measure, of the target's test.
        source: the same of the source's test, asked of the model that the target got; empty where
            no one model told it.
        about: of every score: what was used and what it cost, what was dropped and cut off.
    """

    tallies: Mapping[str, Tally]
    source: Mapping[str, Tally]
    about: Mapping[str, Any]


@register("step", "transfer.v1")
class Transfer(Step):
    """Bring a task from labels of source languages to others, by strategies side by side.

    Every strategy is tried for every target with every seed. What it may see and what it cost is
    written beside its scores; the labels of the tests are shut away until it has answered.

    Attributes:
        model: `teacher`, or an earlier step that made a model.
        suite: its name or its file.
        task: of the suite, where that has several.
        data: the folder of the suite's data; the environment variable ISOGLOSS_DATA by default.
        source: languages with labels, the first one first; the run's pivot by default.
        targets: by default all that the test has.
        strategies: `use` and settings of registered strategies, and a `name` if they need one; all
            others are compared with the first.
        learner: `tune` the whole model, or fit a `probe` over its vectors.
        tuning: how a model is tuned.
        seeds: of everything random.
        select: keep the `last` weights, or the best by the labels of the sources' `dev`.
        translator: see `read_translator`.
        lexicons: dictionaries from the first source language, by target.
        parallel: n-way text with the source, see the strategies that read it.
        folders: other models of the same shape, by target.
        keep: whether models are left in the run's `files/<step>`: those of the first seed.
    """

    alone: ClassVar[bool] = True
    model: str = "teacher"
    suite: str
    task: str = ""
    data: str | None = None
    source: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    strategies: tuple[Table, ...] = Field(default=({"use": "zero_shot.v1"},), min_length=1)
    learner: Literal["tune", "probe"] = "tune"
    tuning: Tuning = Tuning()
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1)
    select: Literal["last", "source-dev"] = "last"
    translator: str | None = None
    lexicons: dict[str, FilePath] = {}
    parallel: str | None = None
    folders: dict[str, Path] = {}
    keep: bool = False

    @field_validator("strategies")
    @classmethod
    def _known(cls, value: tuple[Table, ...]) -> tuple[Table, ...]:
        read = tuple({**one, "use": full_name("strategy", str(one.get("use", "")))} for one in value)
        names = [name_of(one) for one in read]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"strategies of the same name: {', '.join(sorted(twice))}")
        return read

    def needs(self) -> dict[str, str]:
        """The model, and the parallel text."""
        return {"model": self.model} | ({"parallel": self.parallel} if self.parallel else {})

    def key_settings(self) -> dict[str, Any]:
        """With the content of the suite, its data and the files."""
        from isogloss.files import sha256_file

        files = {tag: sha256_file(file) for tag, file in self.lexicons.items()}
        suite = self._suite
        tests = [self._read(str(tag), "test").fingerprint for tag in self._targets()]
        about = {"suite": suite.model_dump(mode="json"), "lexicons": files, "tests": tests}
        return {**super().key_settings(), **about}

    @cached_property
    def _suite(self) -> Suite:
        from isogloss.task.suites import read_suite

        return read_suite(self.suite)

    @cached_property
    def _task(self) -> Task:
        return registry.get("task", self._suite.part(self.task).use)()

    @cached_property
    def _read(self) -> Callable[[str, str], Examples]:
        read = partial(self._suite.examples, self.task, data=self.data)
        return lru_cache(maxsize=512)(read)

    def _targets(self) -> list[str]:
        there = list(self._suite.languages(self.task, "test", data=self.data))
        wanted = resolve(list(self.targets), there) if self.targets else there
        return [str(tag) for tag in wanted]

    def run(self, place: Workplace) -> None:
        """Every strategy, every target, every seed; then what that says.

        Raises:
            UsageError: a strategy needs what was not given.
        """
        sources = [str(read_language(tag)) for tag in self.source] or [place.pivot]
        targets = [tag for tag in self._targets() if tag not in sources]
        if not targets:
            raise UsageError("no language to transfer to", remedy="name some with --languages")
        self._check_leaks(sources, targets, place)
        advance = place.start(
            f"{self.name}: attempts", len(self.seeds) * len(self.strategies) * len(targets)
        )
        found: dict[tuple[str, str], list[Outcome]] = {}
        for seed in self.seeds:
            job = self._job(sources, seed, place)
            for table in self.strategies:
                name, strategy = name_of(table), strategy_of(table)
                for target in targets:
                    with located(f"{self.name}: {name} for {target}, seed {seed}"):
                        outcome = self._outcome(job, name, strategy, target, place)
                    found.setdefault((name, target), []).append(outcome)
                    advance(1, f"{name} {target}")
                if self.keep and seed == self.seeds[0] and job.last:
                    self._keep(job, name, place)
        rows, items = self._rows(found, sources[0], place)
        place.write(Scores(rows), items)

    def _job(self, sources: Sequence[str], seed: int, place: Workplace) -> Job:
        from isogloss.task.job import Job

        return Job(
            self._task, sources, lambda tag, split: self._read(tag, split),
            self._learner(place), seed, self._means(place), place.scratch / "solvers",
            watched=self.select == "source-dev", start=place.start,
        )  # fmt: skip

    def _learner(self, place: Workplace) -> Learner:
        from isogloss.task.learners import ProbeVectors, TuneModel

        if self.learner == "probe":
            return ProbeVectors(place.encoder(self.model))
        return TuneModel(place.model_folder(self.model), self.tuning, place.scratch)

    def _means(self, place: Workplace) -> Means:
        from isogloss.task.job import Means

        translator = None
        if self.translator:
            from isogloss.encode.cache import cache_root
            from isogloss.task.translate import cached, read_translator

            translator = cached(read_translator(self.translator), cache_root() / "translations")
        tags = {tag: str(read_language(tag)) for tag in (*self.lexicons, *self.folders)}
        return Means(
            translator,
            {tags[tag]: file for tag, file in self.lexicons.items()},
            place.texts[self.parallel] if self.parallel else None,
            {tags[tag]: folder for tag, folder in self.folders.items()},
            place.encoder(self.model),
        )

    def _outcome(
        self, job: Job, name: str, strategy: Strategy, target: str, place: Workplace
    ) -> Outcome:
        """What an attempt brought, from the last time if it was made before a crash."""
        from isogloss.task.sealed import SealedTest

        key = fingerprint(name, target, job.seed)
        file = place.scratch / "attempts" / f"{key}.json"
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            write_json(file, self._attempt(job, strategy, target))
        said = json.loads(file.read_text(encoding="utf-8"))
        tests = {tag: SealedTest(self._read(tag, "test"), self._task)
                 for tag in (target, job.source[0])}  # fmt: skip
        own = tests[target].score(key, said["values"])
        source = tests[job.source[0]].score(key, said["source"]) if said["source"] else {}
        return Outcome(own, source, said["about"])

    def _attempt(self, job: Job, strategy: Strategy, target: str) -> dict[str, Any]:
        from isogloss.task.job import attempt

        values = [guess and guess.value for guess in attempt(job, strategy, target)]
        about = {
            "settings": job.ledger.settings(), "truncated": job.truncated,
            "dropped": dict(job.dropped),
        }  # fmt: skip
        back = job.last.tell(job.test(job.source[0])).values if job.last else None
        return {"values": values, "source": back, "about": about}

    def _keep(self, job: Job, name: str, place: Workplace) -> None:
        """The last solver of a strategy, for people to use."""
        folder = place.folder / FILES / name
        folder.mkdir(parents=True)
        if job.last:
            job.last.save(folder)

    def _check_leaks(self, sources: Sequence[str], targets: Sequence[str], place: Workplace) -> None:
        """Tell of examples of the tests that are in the training data of a source."""
        from isogloss.task.leaks import check_leaks

        part = self._suite.part(self.task)
        for source in sources:
            train = self._read(source, "train")
            for target in [source, *targets]:
                test = self._read(target, "test")
                for told in check_leaks(train, test, n_way=part.n_way).told():
                    place.notes.append(f"WARNING: {self.name}: {told}")

    def _rows(
        self, found: Mapping[tuple[str, str], Sequence[Outcome]], source: str, place: Workplace
    ) -> tuple[list[Score], dict[str, np.ndarray]]:
        """Scores by seed and over seeds, and what each strategy has over the first."""
        from isogloss.task.compare import change_rows, compare_languages, over_seeds, together

        rows: list[Score] = []
        items: dict[str, np.ndarray] = {}
        whole: dict[str, dict[str, Tally]] = {}
        about = {
            "pivot": source, "dataset": self._suite.name, "task": self._suite.part(self.task).name,
            "system": self._system(place),
        }  # fmt: skip
        for (name, target), outcomes in found.items():
            here = {**about, "strategy": name, "language": target}
            for seed, outcome in zip(self.seeds, outcomes, strict=True):
                rows += [self._row(m, t, outcome, seed, place, here)
                         for m, t in outcome.tallies.items()]  # fmt: skip
                rows += [
                    self._row(m, t, outcome, seed, place, {**here, "stage": "source after",
                              "language": source, "direction": f"{source}>{target}"})
                    for m, t in outcome.source.items()
                ]  # fmt: skip
                for measure, tally in outcome.tallies.items():
                    items[f"{measure}|{target}|{name}|{seed}"] = tally.columns
            for measure in self._task.measures:
                tallies = [outcome.tallies[measure] for outcome in outcomes]
                seeds = over_seeds(tallies, seed=place.seed)
                rows.append(
                    Score(
                        measure=measure, value=seeds.mean, low=seeds.low, high=seeds.high,
                        interval=seeds.interval, n=len(tallies[0].columns), stage="over seeds",
                        settings={**_of_all(outcomes), "values": seeds.values,
                                  "spread": seeds.spread, "seeds": list(self.seeds)}, **here,
                    )
                )  # fmt: skip
            main = [outcome.tallies[self._task.measures[0]] for outcome in outcomes]
            whole.setdefault(name, {})[target] = together(main)
        first, *others = whole
        parallel = self._suite.part(self.task).n_way
        for name in others:
            by_language, mean = compare_languages(
                whole[first], whole[name], parallel=parallel, seed=place.seed
            )
            changed = {"measure": self._task.measures[0], "strategy": name, "against": first}
            rows += change_rows(by_language, **changed, **about)
            rows += change_rows({"mean": mean}, **changed, **about)
        return rows, items

    def _system(self, place: Workplace) -> str:
        return place.encoder(self.model).name

    def _row(
        self, measure: str, tally: Tally, outcome: Outcome, seed: int, place: Workplace,
        about: Mapping[str, Any],
    ) -> Score:  # fmt: skip
        found = bootstrap_of_sums(tally.columns, tally.statistic, seed=place.seed)
        return Score(
            measure=measure, value=defined(found.value), low=defined(found.low),
            high=defined(found.high), interval="bootstrap over examples", n=len(tally.columns),
            dropped=outcome.about["dropped"], truncated=outcome.about["truncated"], seed=seed,
            settings={**tally.settings, **outcome.about["settings"]}, **about,
        )  # fmt: skip


def name_of(table: Table) -> str:
    """What a strategy is called: its own name, or what it uses and with which settings."""
    if "name" in table:
        return str(table["name"])
    settings = [f"{key}={value}" for key, value in table.items() if key != "use"]
    return " ".join([str(table["use"]).rpartition(".")[0], *settings])


def strategy_of(table: Table) -> Strategy:
    """A registered strategy with its settings.

    Raises:
        UsageError: a setting that it does not have.
    """
    import inspect

    settings = {key: value for key, value in table.items() if key not in ("use", "name")}
    function = registry.get("strategy", table["use"])
    known = {name for name, p in inspect.signature(function).parameters.items()
             if p.kind is inspect.Parameter.KEYWORD_ONLY}  # fmt: skip
    if unknown := set(settings) - known:
        raise UsageError(
            f"{table['use']} has no setting {', '.join(sorted(unknown))}",
            remedy=f"it has {', '.join(sorted(known)) or 'none'}",
        )
    return partial(function, **settings)


def _of_all(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What all seeds used and cost: of numbers the mean, of what else there is the first."""
    every = [outcome.about["settings"] for outcome in outcomes]
    return {
        key: float(np.mean([one[key] for one in every]))
        if isinstance(value, float) and all(isinstance(one[key], float) for one in every)
        else value
        for key, value in every[0].items()
    }
