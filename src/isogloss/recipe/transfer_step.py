"""The step that brings a task to languages without labels, by several strategies side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import Field, FilePath, field_validator

from isogloss import registry
from isogloss.errors import located
from isogloss.files import fingerprint, write_json
from isogloss.language import read_language
from isogloss.recipe.factors import known_factor
from isogloss.recipe.step import FILES, Step, Workplace
from isogloss.registry import register
from isogloss.score import Score, Scores
from isogloss.task.solver import Tuning

if TYPE_CHECKING:
    from isogloss.recipe.transfer_data import TransferData
    from isogloss.task.compare import Seeds
    from isogloss.task.contracts import Tally
    from isogloss.task.job import Job, Learner, Means, Strategy
    from isogloss.task.translate.contract import Translator

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
        suite: with the labels: its name or its file, and `:task` behind it where it has several.
        tests: the suite with the targets, by default the same.
        data: the folder of the suites' data; the environment variable ISOGLOSS_DATA by default.
        source: languages with labels, the first one first.
        targets: by default all that the test has.
        strategies: `use` and settings of registered strategies, and a `name` if they need one; all
            others are compared with the first.
        learner: `tune` the whole model, or fit a `probe` over its vectors.
        tuning: how a model is tuned.
        seeds: of everything random.
        select: keep the `last` weights, or the best by the labels of the sources' `dev`.
        translator: see `read_translator`.
        network: allow a translator on another machine.
        lexicons: dictionaries from the first source language, by target.
        parallel: n-way text with the source, see the strategies that read it.
        folders: other models of the same shape, by target.
        keep: whether models are left in the run's `files/<step>`: those of the first seed.
    """

    alone: ClassVar[bool] = True
    model: str = "teacher"
    suite: str
    tests: str = ""
    data: str | None = None
    source: tuple[str, ...] = Field(min_length=1)
    targets: tuple[str, ...] = ()
    strategies: tuple[Table, ...] = Field(default=({"use": "zero_shot.v1"},), min_length=1)
    learner: Literal["tune", "probe"] = "tune"
    tuning: Tuning = Tuning()
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1)
    select: Literal["last", "source-dev"] = "last"
    translator: str | None = None
    network: bool = False
    lexicons: dict[str, FilePath] = Field(default_factory=dict)
    parallel: str | None = None
    folders: dict[str, Path] = Field(default_factory=dict)
    keep: bool = False

    @field_validator("strategies")
    @classmethod
    def _known(cls, value: tuple[Table, ...]) -> tuple[Table, ...]:
        read = tuple(known_factor("strategy", one, beside=("name",)) for one in value)
        names = [name_of(one) for one in read]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"strategies of the same name: {', '.join(sorted(twice))}")
        return read

    def needs(self) -> dict[str, str]:
        """The model, and the parallel text."""
        return {"model": self.model} | ({"parallel": self.parallel} if self.parallel else {})

    def key_settings(self) -> dict[str, Any]:
        """With the content of the suites, their data and all files, and the translator's print."""
        from isogloss.files import sha256_file

        files = {
            **{tag: sha256_file(file) for tag, file in self.lexicons.items()},
            **{str(file.relative_to(folder.parent)): sha256_file(file)
               for folder in self.folders.values() for file in sorted(folder.rglob("*"))
               if file.is_file()},
        }  # fmt: skip
        read = {split: [one.fingerprint for one in every]
                for split, every in self._data.splits().items()}  # fmt: skip
        sides = [self._data.learned.about(), self._data.asked.about()]
        own = {**super().key_settings(), "files": files, "suites": sides, "examples": read}
        return own | ({"translator": self._translator.fingerprint} if self._translator else {})

    @cached_property
    def _translator(self) -> Translator | None:
        from isogloss.task.translate.read import read_translator

        return read_translator(self.translator, network=self.network) if self.translator else None

    @cached_property
    def _data(self) -> TransferData:
        from isogloss.recipe.transfer_data import TransferData

        return TransferData(self.suite, self.tests, self.source, self.targets, self.data)

    def run(self, place: Workplace) -> None:
        """Every strategy, every target, every seed; then what that says.

        Raises:
            UsageError: a strategy needs what was not given.
        """
        sources, targets = self._data.sources, self._data.targets
        self._check_leaks(place)
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
            self._data.task, sources, self._data.read, self._learner(place), seed,
            self._means(place), place.scratch / "solvers",
            watched=self.select == "source-dev", start=place.start,
        )  # fmt: skip

    def _learner(self, place: Workplace) -> Learner:
        from isogloss.task.learners import ProbeVectors, TuneModel

        if self.learner == "probe":
            return ProbeVectors(place.encoder(self.model))
        return TuneModel(place.model_folder(self.model), self.tuning, place.scratch)

    def _means(self, place: Workplace) -> Means:
        from isogloss.task.job import Means
        from isogloss.task.translate.cached import cached

        translator = cached(self._translator) if self._translator else None
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

        def worth(tag: str, values: Sequence[Any]) -> dict[str, Tally]:
            return SealedTest(self._data.read(tag, "test"), self._data.task).score(key, values)

        source = worth(job.source[0], said["source"]) if said["source"] else {}
        return Outcome(worth(target, said["values"]), source, said["about"])

    def _attempt(self, job: Job, strategy: Strategy, target: str) -> dict[str, Any]:
        from isogloss.task.job import attempt

        values = [guess and guess.value for guess in attempt(job, strategy, target)]
        about = {
            "settings": job.ledger.settings(), "truncated": job.truncated,
            "dropped": dict(job.dropped),
        }  # fmt: skip
        back = None
        if job.last and self._data.has(job.source[0], "test"):
            back = job.last.tell(job.test(job.source[0])).values
        return {"values": values, "source": back, "about": about}

    def _keep(self, job: Job, name: str, place: Workplace) -> None:
        """The last solver of a strategy, for people to use."""
        folder = place.folder / FILES / name
        folder.mkdir(parents=True)
        if job.last:
            job.last.save(folder)

    def _check_leaks(self, place: Workplace) -> None:
        """Tell of examples of the tests that are in the training data of a source."""
        from isogloss.task.leaks import find_leaks

        data, clean = self._data, 0
        for source in data.sources:
            for target in [source, *data.targets]:
                if not data.has(target, "test"):
                    continue
                train, test = data.read(source, "train"), data.read(target, "test")
                leaks = find_leaks(train, test, parallel=data.together)
                clean += not leaks.found
                if leaks.found:
                    told = leaks.told().removeprefix("WARNING: ")
                    place.notes.append(f"WARNING: {self.name}, {source} and {target}: {told}")
        place.notes.append(f"{self.name}: no leak from training into {clean} of the tests")

    def _rows(
        self, found: Mapping[tuple[str, str], Sequence[Outcome]], source: str, place: Workplace
    ) -> tuple[list[Score], dict[str, np.ndarray]]:
        """Scores by seed and over seeds, and what each strategy has over the first."""
        about = {
            "pivot": source, "dataset": self._data.asked.suite.name,
            "task": self._data.asked.part.name, "system": place.encoder(self.model).name,
        }  # fmt: skip
        rows: list[Score] = []
        items: dict[str, np.ndarray] = {}
        for (name, target), outcomes in found.items():
            here = {**about, "strategy": name, "language": target}
            for seed, outcome in zip(self.seeds, outcomes, strict=True):
                for measure, tally in outcome.tallies.items():
                    rows.append(_row(measure, tally, outcome, seed, place.seed, here))
                    items[f"{measure}|{target}|{name}|{seed}"] = tally.columns
        for measure in self._data.task.measures:
            rows += self._over_seeds(found, measure, place.seed, about)
        rows += self._changes(found, place.seed, about)
        return rows + self._forgotten(found, source, about), items

    def _over_seeds(
        self, found: Mapping[tuple[str, str], Sequence[Outcome]], measure: str, seed: int,
        about: Mapping[str, Any],
    ) -> list[Score]:  # fmt: skip
        """Means over seeds of each language, and of all of them."""
        from isogloss.task.compare import over_seeds, over_values, together

        parallel, rows = self._data.parallel, []
        for name in dict.fromkeys(name for name, _ in found):
            own = {target: outcomes for (n, target), outcomes in found.items() if n == name}
            every: list[list[Tally]] = []
            for target, outcomes in own.items():
                every.append([outcome.tallies[measure] for outcome in outcomes])
                made, n = over_seeds(every[-1], seed=seed), len(every[-1][0].columns)
                rows.append(_mean_row(measure, made, n, target, name, self.seeds, outcomes, about))
            by_seed = list(zip(*every, strict=True))
            if parallel:
                mean = over_seeds([together(tallies) for tallies in by_seed], seed=seed)
            else:
                values = [np.mean([float(t.statistic(t.columns.sum(0))) for t in tallies])
                          for tallies in by_seed]  # fmt: skip
                mean = over_values([float(value) for value in values])
            n = sum(len(tallies[0].columns) for tallies in every)
            every_one = [outcome for outcomes in own.values() for outcome in outcomes]
            rows.append(_mean_row(measure, mean, n, None, name, self.seeds, every_one, about))
        return rows

    def _changes(
        self, found: Mapping[tuple[str, str], Sequence[Outcome]], seed: int,
        about: Mapping[str, Any],
    ) -> list[Score]:  # fmt: skip
        """What each strategy has over the first by the main measure, language by language."""
        from isogloss.task.compare import change_rows, compare_languages, together

        measure, whole = self._data.task.measures[0], {}
        for (name, target), outcomes in found.items():
            tallies = [outcome.tallies[measure] for outcome in outcomes]
            whole.setdefault(name, {})[target] = together(tallies)
        first, *others = whole
        rows: list[Score] = []
        for name in others:
            by_language, mean = compare_languages(
                whole[first], whole[name], parallel=self._data.parallel, seed=seed
            )
            told = {"measure": measure, "strategy": name, "against": first, **about}
            rows += change_rows(by_language, **told)
            rows += change_rows({"": mean}, **told).having(language=None)
        return rows

    def _forgotten(
        self, found: Mapping[tuple[str, str], Sequence[Outcome]], source: str,
        about: Mapping[str, Any],
    ) -> list[Score]:  # fmt: skip
        """What the models of each strategy do in the source, beside those of the first."""
        from isogloss.task.compare import together
        from isogloss.task.forgetting import forgetting

        measure, rows = self._data.task.measures[0], []
        first = name_of(self.strategies[0])
        for (name, target), outcomes in found.items():
            sides = [[one.source.get(measure) for one in side]
                     for side in (found[first, target], outcomes)]  # fmt: skip
            if name == first or not all(tally for side in sides for tally in side):
                continue
            before, after = (together([tally for tally in side if tally]) for side in sides)
            rows += forgetting(before, after, measure=measure, language=source, target=target,
                               strategy=name, **about)  # fmt: skip
        return rows


def _row(
    measure: str, tally: Tally, outcome: Outcome, seed: int, drawn: int, about: Mapping[str, Any]
) -> Score:
    """A score of one seed."""
    from isogloss.task.evaluate import score_of

    made = score_of(
        measure, tally, {"seed": drawn}, dropped=outcome.about["dropped"],
        truncated=outcome.about["truncated"], seed=seed, **about,
    )  # fmt: skip
    return replace(made, settings={**tally.settings, **outcome.about["settings"]})


def _mean_row(
    measure: str, found: Seeds, n: int, target: str | None, name: str, seeds: Sequence[int],
    outcomes: Sequence[Outcome], about: Mapping[str, Any],
) -> Score:  # fmt: skip
    """A score over seeds; without a target, over languages too."""
    told = {"values": found.values, "spread": found.spread, "seeds": list(seeds)}
    return Score(
        measure=measure, value=found.mean, low=found.low, high=found.high, n=n, language=target,
        interval=found.interval, strategy=name,
        settings={**_of_all(outcomes), **told}, **about,
    )  # fmt: skip


def name_of(table: Table) -> str:
    """What a strategy is called: its own name, or what it uses and with which settings."""
    if "name" in table:
        return str(table["name"])
    settings = [f"{key}={value}" for key, value in table.items() if key != "use"]
    return " ".join([str(table["use"]).rpartition(".")[0], *settings])


def strategy_of(table: Table) -> Strategy:
    """A registered strategy with its settings."""
    settings = {key: value for key, value in table.items() if key not in ("use", "name")}
    return partial(registry.get("strategy", table["use"]), **settings)


def _of_all(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What several attempts used and cost: means of numbers, else what the first one says."""
    every = [outcome.about["settings"] for outcome in outcomes]
    return {
        key: float(np.mean([one[key] for one in every]))
        if isinstance(value, float) and all(isinstance(one[key], float) for one in every)
        else value
        for key, value in every[0].items()
    }
