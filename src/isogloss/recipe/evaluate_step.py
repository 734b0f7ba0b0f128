"""The step that says what a finished model is worth on the tests of suites."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from pydantic import Field

from isogloss import registry
from isogloss.errors import ModelError, UnknownLanguage, UsageError, located
from isogloss.files import sha256_file
from isogloss.recipe.step import FILES, Step, Workplace
from isogloss.recipe.told import NAME, Told, read_attempts, write_told
from isogloss.registry import register
from isogloss.score import Score, Scores, defined
from isogloss.task.choosing import By
from isogloss.task.retrieve.solver import Finding
from isogloss.task.suites.directions import choose
from isogloss.task.suites.loading import spoken

if TYPE_CHECKING:
    from isogloss.corpus.records import Corpus
    from isogloss.task.contracts import Tally
    from isogloss.task.evaluate import Items
    from isogloss.task.examples import Examples
    from isogloss.task.suites.directions import Asked
    from isogloss.task.suites.suite import Part, Suite

RETRIEVE, CHOOSE, LINK = "retrieve.v1", "choices.v1", "links.v1"


class Group(NamedTuple):
    """A task of a suite and the tests that it is evaluated on."""

    suite: Suite
    part: Part
    tests: list[Examples]


@register("step", "evaluate.v1")
class Evaluate(Step):
    """What a finished model is worth: scores by language, and means over languages.

    A model that `transfer` kept tells the task that it was taught. An encoder tells what vectors
    solve without training: similarity, clusters, retrieval, links between words. A model with a
    language head of its own, such as a decoder, tells choices by how likely it finds them.

    Attributes:
        model: `teacher`, or an earlier step that made a model; of a probe, its encoder.
        solver: the folder that `transfer` left with `keep`; none for an encoder as it is.
        suites: their names or files.
        tasks: of the suites; by default all that the model can tell.
        data: the folder of the suites' data; the environment variable ISOGLOSS_DATA by default.
        targets: languages; by default all that the suites have.
        split: which part of the data.
        network: whether sets of the hub may be fetched.
        behind: paths of texts that the model was trained on. Of a suite of such text no score of
            retrieval is given.
        choices: how choices are compared by their likelihood.
        links: how words are linked: a registered extraction, or a statistical model such as
            `eflomal`, which reads the words alone.
        layer: whose vectors of words are linked; two thirds up by default.
        find: how passages are found: by the vectors of texts, or by a head that was trained beside
            the model.
        against: earlier steps of the same kind and suites, whose answers these are compared
            with, paired by example.
    """

    alone: ClassVar[bool] = True
    model: str = "teacher"
    solver: Path | None = None
    suites: tuple[str, ...] = Field(min_length=1)
    tasks: tuple[str, ...] = ()
    data: str | None = None
    targets: tuple[str, ...] = ()
    split: str = "test"
    network: bool = False
    behind: tuple[str, ...] = ()
    choices: By = By()
    links: str = "itermax"
    layer: int | None = None
    find: Finding = Finding()
    against: tuple[str, ...] = ()

    def needs(self) -> dict[str, str]:
        """The model, and the steps that it is compared with."""
        others = {f"against.{at}": name for at, name in enumerate(self.against)}
        return {"model": self.model} | others

    def check(self, earlier: Mapping[str, Step]) -> list[str]:
        """`against` must be steps of this kind."""
        others = [earlier[name] for name in self.against if name in earlier]
        return [
            f"against: {step.name!r} is a {step.use}, not a {self.use}"
            for step in others if step.use != self.use
        ]  # fmt: skip

    def key_settings(self) -> dict[str, Any]:
        """With the content of the suites, of their data and of what was taught."""
        files = sorted((self.solver / "task").iterdir()) if self.solver else []
        own = super().key_settings()
        own.pop("network")  # it changes what may be read, and not what is told
        own.pop("against")  # steps are known by what they did, not by their names
        return {
            **own,
            "solver": [sha256_file(file) for file in files],
            "suites": [suite.model_dump(mode="json") for suite in self._suites],
            "data": [one.fingerprint for group in self._groups for one in group.tests],
            "collections": [
                self._collection(group, one.language).fingerprint
                for group in self._groups if group.part.use == RETRIEVE for one in group.tests
            ],
        }  # fmt: skip

    @cached_property
    def _suites(self) -> list[Suite]:
        from isogloss.task.suites import read_suite

        return [read_suite(name) for name in self.suites]

    @cached_property
    def _groups(self) -> list[Group]:
        return list(self._read())

    @cached_property
    def _told(self) -> list[str]:
        """Notes of the reading, which `_read` fills."""
        return []

    def _read(self) -> Iterator[Group]:
        from isogloss.task.suites import load

        chosen = [(suite, part) for suite, parts in self._chosen() for part in parts]
        there = {
            (suite.name, part.name): suite.languages(part.name, self.split, data=self.data)
            for suite, part in chosen
        } if self.targets else {}  # fmt: skip
        choose([tag for tag in self.targets if not any(_has(one, tag) for one in there.values())],
               dict.fromkeys(tag for one in there.values() for tag in one))  # fmt: skip
        for suite, part in chosen:
            wanted = self._wanted(suite, part, list(there.get((suite.name, part.name), ())))
            if wanted == []:
                self._told.append(f"WARNING: {suite.name} has no {part.name} of any")
                continue
            read = load(suite, languages=wanted, splits=(self.split,), tasks=[part.name],
                        data=self.data, network=self.network)  # fmt: skip
            self._told.extend(read.notes)
            yield Group(suite, part, [one.examples for one in read.parts])

    def _chosen(self) -> list[tuple[Suite, list[Part]]]:
        """The tasks of each suite that are evaluated.

        Raises:
            UsageError: none can be.
        """
        every = [(one, [part for part in one.tasks if self._takes(part)]) for one in self._suites]
        if chosen := [(suite, parts) for suite, parts in every if parts]:
            return chosen
        raise self._refused()

    def _refused(self) -> UsageError:
        """Why there is nothing to evaluate."""
        every = [(suite, part) for suite in self._suites for part in suite.tasks]
        named = [one for one in every if not self.tasks or one[1].name in self.tasks]
        there = ", ".join(f"{s.name} {part.name} ({part.use})" for s, part in named or every)
        if not named:
            return UsageError(
                f"no task is called {' or '.join(self.tasks)}", remedy=f"there are {there}"
            )
        if not any(self.split in part.splits for _, part in named):
            splits = dict.fromkeys(split for _, part in named for split in part.splits)
            return UsageError(
                f"there is no {self.split} of {there}", remedy=f"there is {', '.join(splits)}"
            )
        if self.solver:
            return UsageError(
                f"the model was taught {self._taught}, and there is {there}",
                remedy="name a suite of that task",
            )
        return UsageError(
            f"an encoder alone does not tell {there}",
            remedy="teach it the task: isogloss transfer --keep",
        )

    def _takes(self, part: Part) -> bool:
        if self.split not in part.splits or part.use not in registry.names("task"):
            return False
        if self.tasks and part.name not in self.tasks:
            return False
        if self.solver:
            return part.use == self._taught
        alone = part.use in (RETRIEVE, CHOOSE, LINK)
        return alone or hasattr(registry.get("task", part.use), "from_vectors")

    @cached_property
    def _taught(self) -> str:
        from isogloss.task.solver import read_task

        about = read_task(self.solver) if self.solver else {}
        if "task" not in about:
            raise ModelError(
                "does not say which task it was taught", file=self.solver,
                remedy="name the folder that isogloss transfer --keep left, or transfer again",
            )  # fmt: skip
        return about["task"]

    def _wanted(self, suite: Suite, part: Part, there: Sequence[Asked]) -> list[str] | None:
        """The wanted languages that a task has, None for all."""
        if not self.targets:
            return None
        own = [tag for tag in self.targets if _has(there, tag)]
        self._told.extend(
            f"{suite.name} has no {part.name} of {tag}" for tag in self.targets if tag not in own
        )
        return list(map(str, choose(own, list(there)))) if own else []

    def run(self, place: Workplace) -> None:
        """Every task in every language.

        Raises:
            UsageError: nothing is left to evaluate.
        """
        if self.find != Finding() and not any(g.part.use == RETRIEVE for g in self._groups):
            raise UsageError(f"find: nothing is found in {', '.join(self.suites)}",
                             remedy="name a suite of retrieve.v1, or leave it out")  # fmt: skip
        groups = [group for group in self._groups
                  if not self._spoilt(group, place) and self._can_tell(group, place)]  # fmt: skip
        place.notes.extend(dict.fromkeys(self._told))
        if not groups:
            raise UsageError(
                "no score is left to give: the model was trained on the text of these suites, "
                "or they have none of the languages",
                remedy="evaluate retrieval on text that it has not read, in languages that it has",
            )
        advance = place.start(f"{self.name}: tests", sum(len(group.tests) for group in groups))
        rows: list[Score] = []
        items: dict[str, np.ndarray] = {}
        tallies: list[dict[str, Mapping[str, Tally]]] = []
        said: list[Told] = []
        for group in groups:
            own: dict[str, Mapping[str, Tally]] = {}
            for gold in group.tests:
                with located(f"{self.name}: {group.part.name} of {gold.tag}"):
                    scores, told = self._evaluated(group, gold, place)
                rows += scores
                own[gold.tag] = told.tallies
                said.append(Told(group.suite.name, group.part.name, gold.tag, "", place.seed,
                                 gold.fingerprint, told.ids, told.told))  # fmt: skip
                name = f"{group.suite.name}|{group.part.name}|{gold.tag}"
                items |= {f"{name}|{m}": one.columns for m, one in own[gold.tag].items()}
                advance(1, f"{group.part.name} {gold.tag}")
            tallies.append(own)
        rows += self._means(groups, tallies, place)
        for before in self.against:
            rows += self._changes(before, groups, tallies, place)
        write_told(place.folder, said)
        place.write(Scores(rows), items)

    def _evaluated(
        self, group: Group, gold: Examples, place: Workplace
    ) -> tuple[list[Score], Items]:
        from isogloss.task.evaluate import evaluate

        solver, task = self._opened(group, gold, place)
        _warn_of_new_labels(solver, gold, place)
        scores, items = evaluate(
            solver, task, gold, seed=place.seed, dataset=group.suite.name,
            system=self._system(place, group.part), pivot=group.part.other or None,
            model_fingerprint=place.encoder(self.model).fingerprint,
        )  # fmt: skip
        about = {"split": self.split, "predict_seconds": items.seconds, **self._how(group.part)}
        if costs := getattr(solver, "costs", None):
            about["costs"] = dict(costs)
        by_measure = {one.measure: one for one in scores}
        told = [
            replace(one, task=group.part.name, settings={**one.settings, **about})
            for measure in group.part.measures if (one := by_measure.get(measure))
        ]  # fmt: skip
        return told, items

    def _system(self, place: Workplace, part: Part) -> str:
        name = str(self.solver) if self.solver else place.encoder(self.model).name
        how = self.find.told if part.use == RETRIEVE else ""
        return f"{name} {how}" if how else name

    def _how(self, part: Part) -> dict[str, Any]:
        """How passages were found, for the settings of a score."""
        return {"find": self.find.model_dump()} if part.use == RETRIEVE else {}

    def _opened(self, group: Group, gold: Examples, place: Workplace) -> tuple[Any, Any]:
        """What is asked, and the task that scores it."""
        from isogloss.task.finished import open_solver

        task = self._task(group)
        if self.solver:
            name = f"{group.suite.name}:{group.part.name}"  # each has settings of its own
            if name not in self._opened_for:
                opened = open_solver(self.solver, task, place.encoder(self.model))
                self._opened_for.clear()
                self._opened_for[name] = opened
            return self._opened_for[name], task
        if group.part.use == CHOOSE:
            return self._chooser(place), task
        if group.part.use == LINK:
            from isogloss.task.tasks.links import LinkWords

            return LinkWords(place.encoder(self.model), self.links, self.layer, place.seed), task
        if group.part.use != RETRIEVE:
            return place.encoder(self.model), task
        from isogloss.task.retrieve.solver import open_finder
        from isogloss.task.retrieve.task import check_relevant, collection_of

        found = collection_of(
            self._collection(group, gold.language), group.part.other or gold.language
        )
        if missing := check_relevant(gold, found.ids):
            place.notes.append(f"{group.part.name} of {gold.language}: {missing} relevant passages "
                               "are not in the collection")  # fmt: skip
        index = place.scratch / "-".join((group.suite.name, group.part.name, gold.language))
        model = place.model_folder(self.model).path
        return open_finder(place.encoder(self.model), found, self.find, model, index), task

    def _task(self, group: Group) -> Any:
        """What scores it; one that tells languages apart learns them from what there is."""
        task = group.part.task
        if not hasattr(task, "informed"):
            return task
        place = (group.suite.name, group.part.name)
        if place not in self._informed:
            texts = spoken(group.suite, group.part, group.tests, data=self.data,
                           network=self.network)  # fmt: skip
            self._informed[place] = task.informed(texts)
        return self._informed[place]

    @cached_property
    def _informed(self) -> dict[tuple[str, str], Any]:
        """Tasks that know the languages of their part, by suite and part."""
        return {}

    @cached_property
    def _opened_for(self) -> dict[str, Any]:
        """The solver, by the part that it was opened for last."""
        return {}

    def _collection(self, group: Group, language: str) -> Corpus:
        """What is searched in a language."""
        key = (group.suite.name, group.part.name, language)
        if key not in self._collections:
            self._collections[key] = group.suite.collection(
                group.part.name, language, self.split, data=self.data, network=self.network
            )
        return self._collections[key]

    @cached_property
    def _collections(self) -> dict[tuple[str, str, str], Corpus]:
        """Those that were read."""
        return {}

    def _chooser(self, place: Workplace) -> Any:
        """The model by its own language head."""
        from isogloss.task.choosing import open_chooser

        if not self._solvers:
            self._solvers.append(open_chooser(place.model_folder(self.model), self.choices))
        return self._solvers[0]

    def _can_tell(self, group: Group, place: Workplace) -> bool:
        """Whether the model tells the task; one that lacks a head is told of, and left out.

        Raises:
            ModelError: nothing else was asked of a model that cannot tell choices.
        """
        if self.solver or group.part.use != CHOOSE:
            return True
        try:
            return bool(self._chooser(place))
        except ModelError as error:
            if self.tasks or all(one.part.use == CHOOSE for one in self._groups):
                raise
            place.notes.append(f"WARNING: {group.suite.name} {group.part.name}: {error.message}")
            return False

    @cached_property
    def _solvers(self) -> list[Any]:
        """The chooser, once it is open."""
        return []

    def _spoilt(self, group: Group, place: Workplace) -> bool:
        """Whether the model has read the text; of retrieval no score is given then."""
        from isogloss.recipe.trained_on import has_read

        texts = has_read(group.suite, set(self.behind))
        if not texts:
            return False
        refused = group.part.use == RETRIEVE
        place.notes.append(
            f"WARNING: {self.name}: the model was trained on {', '.join(texts)}, the text of "
            f"{group.suite.name}: "
            + (f"no score of {group.part.name} is given" if refused
               else f"it has seen the texts of {group.part.name}, though perhaps not the labels")
        )  # fmt: skip
        return refused

    def _means(
        self,
        groups: Sequence[Group],
        tallies: Sequence[Mapping[str, Mapping[str, Tally]]],
        place: Workplace,
    ) -> list[Score]:
        """Means over the languages of each task, and over those that all tasks have."""
        shared = [tag for tag in tallies[0] if all(tag in own for own in tallies)]
        rows: list[Score] = []
        for group, own in zip(groups, tallies, strict=True):
            sets = [list(own)] + ([shared] if 0 < len(shared) < len(own) else [])
            for tags in sets:
                if len(tags) > 1:
                    rows += self._mean(group, {tag: own[tag] for tag in tags}, place)
        return rows

    def _mean(
        self, group: Group, own: Mapping[str, Mapping[str, Tally]], place: Workplace
    ) -> list[Score]:
        from isogloss.task.compare import over_languages

        tests = [one for one in group.tests if one.tag in own]
        parallel = group.part.n_way and all(one.ids == tests[0].ids for one in tests)
        rows = []
        for measure in group.part.measures:
            if not all(measure in found for found in own.values()):
                continue
            by_language = {tag: found[measure] for tag, found in own.items()}
            mean = over_languages(by_language, parallel=parallel, seed=place.seed)
            low, high = defined(mean.low), defined(mean.high)
            rows.append(
                Score(
                    measure=measure, value=defined(mean.value), low=low, high=high,
                    interval=None if low is None else "bootstrap over examples of these languages",
                    n=sum(map(len, tests)), dataset=group.suite.name, task=group.part.name,
                    system=self._system(place, group.part), pivot=group.part.other or None,
                    seed=place.seed,
                    model_fingerprint=place.encoder(self.model).fingerprint,
                    settings={"split": self.split, "languages": list(own),
                              **self._how(group.part)},
                )
            )  # fmt: skip
        return rows

    def _changes(
        self,
        before: str,
        groups: Sequence[Group],
        tallies: Sequence[Mapping[str, Mapping[str, Tally]]],
        place: Workplace,
    ) -> list[Score]:
        """What this model has over that of an earlier step, by the main measure of each task.

        Raises:
            UsageError: that one was asked other examples, or the same of the same model.
        """
        from isogloss.task.changes import changes

        told = {(one.dataset, one.task, one.language): one
                for one in read_attempts(place.done[before] / FILES / NAME)}  # fmt: skip
        systems = {(row.dataset, row.task): row.system for row in place.scores_of(before)
                   if row.stage is None}  # fmt: skip
        rows: list[Score] = []
        for group, own in zip(groups, tallies, strict=True):
            where, part = (group.suite.name, group.part.name), group.part
            task = self._task(group)
            found = {gold.tag: _tally(task, part, gold, told.get((*where, gold.tag)))
                     for gold in group.tests}  # fmt: skip
            theirs = {tag: one for tag, one in found.items() if one is not None}
            if lacking := [tag for tag in found if tag not in theirs]:
                raise UsageError(
                    f"{before} was not asked these examples of {part.name} in "
                    f"{', '.join(lacking)}", remedy="give both steps the same suites and languages",
                )  # fmt: skip
            system = self._system(place, part)
            if systems[where] == system:
                raise UsageError(f"{self.name} and {before} ask {system} the same way")
            mine = {tag: every[part.measures[0]] for tag, every in own.items()}
            made = changes(
                {str(systems[where]): theirs, system: mine}, measure=part.measures[0],
                parallel=part.n_way and all(one.ids == group.tests[0].ids for one in group.tests),
                seed=place.seed, notes=place.notes, dataset=where[0], task=part.name,
                pivot=part.other or None,
            )  # fmt: skip
            rows += made.having(strategy=None, system=system)
        return rows


def _tally(task: Any, part: Part, gold: Examples, told: Told | None) -> Tally | None:
    """What was told of these examples by the task's main measure; None where of others."""
    if told is None or told.test != gold.fingerprint:
        return None
    task = task.counted(gold) if hasattr(task, "counted") else task
    return task.score(gold, told.values)[part.measures[0]]


def _has(there: Iterable[Asked], tag: str) -> bool:
    try:
        return bool(choose([tag], list(there)))
    except UnknownLanguage:
        return False


def _warn_of_new_labels(solver: Any, gold: Examples, place: Workplace) -> None:
    """Labels that the model has never seen can only be told wrong."""
    known = {name for names in getattr(solver, "classes", {}).values() for name in names}
    columns = [name for name in ("label", "labels", "tags") if name in gold.shape.labels]
    for name in columns if known else ():
        values = [one for one in gold.column(name) if one is not None]
        found = set(values) if name == "label" else {tag for row in values for tag in row}
        if new := sorted(map(str, found - known - {"_"})):
            place.notes.append(
                f"WARNING: {gold.language}: the model knows no {', '.join(new)}, so examples "
                "of these are told wrong"
            )
