"""The step that brings a task to languages without labels, by several strategies side by side."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import DirectoryPath, Field, FilePath, field_validator, model_validator

from isogloss import registry
from isogloss.errors import IsoglossError, UsageError, located
from isogloss.files import atomic_folder, fingerprint, write_json
from isogloss.language import read_language
from isogloss.recipe.factors import known_factor
from isogloss.recipe.step import FILES, Step, Workplace, named
from isogloss.recipe.transfer_scores import Outcome, Outcomes
from isogloss.registry import register
from isogloss.score import Score, Scores
from isogloss.task.needs import BROUGHT, needs_of
from isogloss.task.solver import Tuning

if TYPE_CHECKING:
    from pathlib import Path

    from isogloss.encode.folder import ModelFolder
    from isogloss.recipe.transfer_data import TransferData
    from isogloss.task.examples import Examples
    from isogloss.task.job import Job, Learner, Means, Strategy
    from isogloss.task.sealed import SealedTest
    from isogloss.task.translate.check import Check
    from isogloss.task.translate.contract import Translator

Table = dict[str, Any]


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
            others are compared with the first. `model` of `zero_shot.v1` is an earlier step.
        learner: `tune` the whole model, or fit a `probe` over its vectors.
        tuning: how a model is tuned.
        seeds: of everything random.
        select: keep the `last` weights, or the best by the labels of the sources' `dev`.
        leaks_by: an encoder, by folder or name, whose vectors find translations of training data in
            the tests; without it they are found where a suite gives them the same id.
        translator: see `read_translator`.
        translated_by: instead: an earlier step `transfer.v1` of `translate.v1` that keeps the one
            model it made.
        network: allow a translator on another machine.
        lexicons: dictionaries from the first source language, by target.
        parallel: n-way text with the source, see the strategies that read it.
        folders: other models of the same shape, by target.
        made: earlier steps that made such models, by target.
        acts: what is done with the words of each class: `letters:FILE`, `lexicon:FILE`,
            `translate:LANGUAGE`, `maltese_to_arabic` or `leave`.
        word_classes: words with their classes, a tab between them.
        proposer: folder of a model of source and target that proposes spans to `projected.v1`, or
            is to be taught to.
        proposed_by: instead: an earlier step that made such a model.
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
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=(0, 1, 2), min_length=1)
    select: Literal["last", "source-dev"] = "last"
    leaks_by: str = ""
    translator: str | None = None
    translated_by: str = ""
    network: bool = False
    lexicons: dict[str, FilePath] = Field(default_factory=dict)
    parallel: str | None = None
    folders: dict[str, DirectoryPath] = Field(default_factory=dict)
    made: dict[str, str] = Field(default_factory=dict)
    acts: dict[str, str] = Field(default_factory=dict)
    word_classes: FilePath | None = None
    proposer: DirectoryPath | None = None
    proposed_by: str = ""
    keep: bool = False

    @field_validator("strategies")
    @classmethod
    def _known(cls, value: tuple[Table, ...]) -> tuple[Table, ...]:
        read = tuple(known_factor("strategy", one, beside=("name",)) for one in value)
        names = [name_of(one) for one in read]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"strategies of the same name: {', '.join(sorted(twice))}")
        if odd := [name for name in names if not name.strip(".") or {"/", "\\"} & set(name)]:
            raise ValueError(f"a folder cannot have the name {odd[0]!r}")
        return read

    @field_validator("seeds")
    @classmethod
    def _each_once(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a seed twice tells nothing new")
        return value

    @model_validator(mode="after")
    def _has_means(self) -> Transfer:
        """What strategies need is told before hours of training, not after those before them."""
        brought = {"translator": self.translator or self.translated_by, "lexicons": self.lexicons,
                   "parallel": self.parallel, "folders": self.folders or self.made,
                   "source": self.source[1:], "acts": self.acts,
                   "proposer": self.proposer or self.proposed_by}  # fmt: skip
        for table in self.strategies:
            for need in needs_of(registry.get("strategy", table["use"]), table):
                if not brought[need]:
                    what, option = BROUGHT[need]
                    raise ValueError(f"{name_of(table)} needs {what}: give {option}, or set {need}")
        return self

    @model_validator(mode="after")
    def _can_rewrite(self) -> Transfer:
        """What words are rewritten by is read before hours of training."""
        rewriting = [one for one in self.strategies if one["use"] == "rewritten.v1"]
        if not (rewriting or self.acts):
            return self
        from isogloss.task.projection.acts import parse_act, read_acts
        from isogloss.task.strategies.rewritten import check_classes

        try:
            for table in rewriting:
                check_classes(
                    self.acts, self.word_classes, table.get("only"), table.get("every", "")
                )
            read_acts(self.acts, lambda words, into: [])
        except IsoglossError as error:
            raise ValueError(str(error).replace("\n  ", "; ")) from None
        asking = [text for text in self.acts.values() if parse_act(text)[0] == "translate"]
        if asking and not (self.translator or self.translated_by):
            raise ValueError(f"{asking[0]} needs a translator: give --translator")
        return self

    @model_validator(mode="after")
    def _can_choose(self) -> Transfer:
        if self.learner == "probe" and self.select != "last":
            raise ValueError("select: a probe has no steps to choose from; leave it out, or tune")
        if both := sorted(self.folders.keys() & self.made.keys()):
            raise ValueError(f"made: {both[0]} has one of the folders already")
        if self.translator and self.translated_by:
            raise ValueError("translated_by: there is a translator already; name one of both")
        if self.proposer and self.proposed_by:
            raise ValueError("proposed_by: there is a proposer already")
        return self

    def needs(self) -> dict[str, str]:
        """The model, the parallel text, and the steps that made other models."""
        made = {f"made.{tag}": step for tag, step in self.made.items()}
        made |= {f"strategies.{at}.model": table["model"]
                 for at, table in enumerate(self.strategies) if table.get("model")}  # fmt: skip
        beside = {name: value for name in ("parallel", "translated_by", "proposed_by")
                  if (value := getattr(self, name))}  # fmt: skip
        return {"model": self.model} | beside | made

    def check(self, earlier: Mapping[str, Step]) -> list[str]:
        """`translated_by` must be a transfer that keeps its model."""
        step = earlier.get(self.translated_by)
        if step is None or (isinstance(step, Transfer) and step.keep):
            return []
        return [f"translated_by: {step.name!r} is no transfer.v1 with keep = true"]

    def key_settings(self) -> dict[str, Any]:
        """With the content of the suites, their data and all files, and the translator's print."""
        from isogloss.files import sha256_file
        from isogloss.task.projection.acts import act_files

        beside = {f"act {kind}": file for kind, file in act_files(self.acts).items()}
        if self.word_classes:
            beside["word classes"] = self.word_classes
        folders = self.folders | ({"proposer": self.proposer} if self.proposer else {})
        files = {
            **{tag: sha256_file(file) for tag, file in (self.lexicons | beside).items()},
            **{f"{tag}/{file.relative_to(folder)}": sha256_file(file)
               for tag, folder in folders.items() for file in sorted(folder.rglob("*"))
               if file.is_file()},
        }  # fmt: skip
        read = {split: [one.fingerprint for one in every]
                for split, every in self._data.splits().items()}  # fmt: skip
        sides = [self._data.learned.about(), self._data.asked.about()]
        own = {**super().key_settings(), "files": files, "suites": sides, "examples": read}
        own.pop("network")  # it changes what may be read, and not what is told
        return own | ({"translator": self._translator.fingerprint} if self._translator else {})

    @cached_property
    def _translator(self) -> Translator | None:
        from isogloss.task.translate.read import read_translator

        return read_translator(self.translator, network=self.network) if self.translator else None

    @cached_property
    def _data(self) -> TransferData:
        from isogloss.recipe.transfer_data import TransferData

        return TransferData(
            self.suite, self.tests, self.source, self.targets, self.data, self.network
        )

    def run(self, place: Workplace) -> None:
        """Every strategy, every target, every seed; then what that says.

        Raises:
            UsageError: a strategy needs what was not given, or a test has a single example.
        """
        from isogloss.memory import memory_told
        from isogloss.task.sealed import SealedTest

        data, targets = self._data, self._data.targets
        tested = [tag for tag in (data.sources[0], *targets) if data.has(tag, "test")]
        if few := [tag for tag in dict.fromkeys(tested) if len(data.read(tag, "test")) < 2]:
            raise UsageError(
                f"{self.name}: the test of {', '.join(few)} has a single example, of which there "
                "is no interval", remedy="leave the language out, or give it more",
            )  # fmt: skip
        self._check_data(place)
        tests = {tag: SealedTest(data.read(tag, "test"), data.task) for tag in tested}
        every = [*product(self.seeds, self.strategies, targets)]
        advance = place.start(f"{self.name}: attempts", len(every))
        if before := sum(self._file(*one, place).is_file() for one in every):
            place.notes.append(
                f"{self.name}: {before} of {len(every)} attempts were made before, by a run of the "
                "same model, data and settings; their times and memory are of then"
            )
        found: dict[tuple[str, str], list[Outcome]] = {}
        means, peaks = self._means(place), {}
        for seed in self.seeds:
            job = self._job(seed, tests, means, peaks, place)
            for table in self.strategies:
                name, job.kept = name_of(table), ""
                for target in targets:
                    with located(f"{self.name}: {name} for {target}, seed {seed}"):
                        outcome = self._outcome(job, table, target, tests, place)
                    found.setdefault((name, target), []).append(outcome)
                    advance(1, f"{name} {target}")
        if self.keep:
            self._keep(place)
        place.notes.append(f"{self.name}: peak memory is {memory_told()}")
        rows, items = self._rows(found, place)
        self._write_told(found, place)
        place.write(Scores(rows), items)

    def _write_told(
        self, found: Mapping[tuple[str, str], Sequence[Outcome]], place: Workplace
    ) -> None:
        from isogloss.recipe.told import Told, write_told

        def attempts() -> Iterator[Told]:
            for (name, target), outcomes in found.items():
                test = self._data.read(target, "test")
                for seed, one in zip(self.seeds, outcomes, strict=True):
                    yield Told(self._data.asked.suite.name, self._data.asked.part.name, target,
                               name, seed, test.fingerprint, test.ids, one.values)  # fmt: skip

        write_told(place.folder, attempts())

    def _job(
        self, seed: int, tests: Mapping[str, SealedTest], means: Means,
        peaks: dict[str, int | None], place: Workplace,
    ) -> Job:  # fmt: skip
        from isogloss.task.job import Job

        def load(tag: str, split: str) -> Examples:
            return tests[tag].examples if split == "test" else self._data.read(tag, split)

        return Job(
            self._data.task, self._data.sources, load, self._learner(place), seed,
            means, place.scratch / "solvers",
            watched=self._data.learned.measures[0] if self.select == "source-dev" else "",
            measure=self._data.asked.measures[0], start=place.start, peaks=peaks,
        )  # fmt: skip

    def _learner(self, place: Workplace) -> Learner:
        from isogloss.task.learners import ProbeVectors, TuneModel

        if self.learner == "probe":
            return ProbeVectors(place.encoder(self.model))
        return TuneModel(place.model_folder(self.model), self.tuning, place.scratch)

    def _means(self, place: Workplace) -> Means:
        from isogloss.task.job import Means
        from isogloss.task.translate.cached import cached

        used = self._made_here(place) if self.translated_by else self._translator
        translator = cached(used, check=self._check(used)) if used else None
        folders = {tag: place.model_folder(step).path for tag, step in self.made.items()}
        folders |= self.folders
        tags = {tag: str(read_language(tag)) for tag in (*self.lexicons, *folders)}
        return Means(
            translator,
            lexicons={tags[tag]: file for tag, file in self.lexicons.items()},
            parallel=place.texts[self.parallel] if self.parallel else None,
            folders={tags[tag]: folder for tag, folder in folders.items()},
            encoder=place.encoder(self.model),
            model=place.model_folder(self.model),
            models={step: place.model_folder(step).path for step in self._models.values()},
            acts=self.acts,
            word_classes=self.word_classes,
            proposer=self._proposer(place),
        )

    def _check(self, translator: Translator) -> Check:
        """What is looked at in translations: their language too, as the suites' texts tell it."""
        from isogloss.task.leaks import texts_of
        from isogloss.task.translate.check import Check
        from isogloss.task.translate.identify import check_by

        plain = getattr(translator, "check", None) or Check()
        if self._data.directed:  # each example is of two languages
            return plain
        every = [one for some in self._data.splits().values() for one in some]
        return check_by({one.language: texts_of(one) for one in reversed(every)}, plain)

    @property
    def _models(self) -> dict[str, str]:
        """By strategy, the step that made the model it begins from; others begin from `model`."""
        return {name_of(one): one["model"] for one in self.strategies if one.get("model")}

    def _made_here(self, place: Workplace) -> Translator:
        """The model that an earlier step was taught and kept.

        Raises:
            UsageError: it kept several, or none that translates.
        """
        from isogloss.task.finished import knows
        from isogloss.task.translate.local import LocalTranslator

        files = place.done[self.translated_by] / FILES
        there = [folder for folder in sorted(files.rglob("*")) if knows(folder)]
        if len(there) != 1:
            raise UsageError(
                f"{self.translated_by} kept {len(there)} models, and one is to translate",
                remedy="give that step one strategy, which makes one model for all its targets",
            )
        made = LocalTranslator(there[0])
        made.name = self.translated_by
        return made

    def _proposer(self, place: Workplace) -> ModelFolder | None:
        from isogloss.encode.folder import open_folder

        if self.proposed_by:
            return place.model_folder(self.proposed_by)
        return open_folder(self.proposer, str(self.proposer)) if self.proposer else None

    def _outcome(
        self, job: Job, table: Table, target: str, tests: Mapping[str, SealedTest],
        place: Workplace,
    ) -> Outcome:  # fmt: skip
        """What an attempt brought, from the last time if it was made before."""
        file = self._file(job.seed, table, target, place)
        if not file.is_file():
            said = self._attempt(job, strategy_of(table), target)
            if self._leaves(job.seed):
                said["model"] = self._set_aside(job, name_of(table), target, place)
            write_json(file, said)
        said, key = json.loads(file.read_text(encoding="utf-8")), file.stem
        job.kept = said.get("model", "")
        place.notes += map(partial(named, self.name), said["notes"])
        source = tests[job.source[0]].score(key, said["source"]) if said["source"] else {}
        values = said["values"]
        return Outcome(tests[target].score(key, values), source, values, said["about"])

    def _leaves(self, seed: int) -> bool:
        """Whether models of this seed are kept."""
        return self.keep and seed == self.seeds[0]

    def _file(self, seed: int, table: Table, target: str, place: Workplace) -> Path:
        """Where an attempt lies: for every run that makes it too, or beside the model it leaves."""
        from isogloss.encode.cache import cache_root

        root = place.scratch if self._leaves(seed) else cache_root()
        begun = {field: print_ for field, print_ in place.inputs.items()
                 if not field.startswith("strategies.")}  # fmt: skip
        own = place.inputs.get(f"strategies.{self.strategies.index(table)}.model", "")
        seen = [self._prints[tag] for tag in (*self._data.sources, target)]
        key = fingerprint(self.use, self._alike, begun, table, own, seen, target, seed)
        return root / "attempts" / f"{key}.json"

    @cached_property
    def _prints(self) -> dict[str, dict[str, str]]:
        """Fingerprints of the examples of each source and target, by split."""
        made: dict[str, dict[str, str]]
        made = {tag: {} for tag in (*self._data.sources, *self._data.targets)}
        for split, every in self._data.splits().items():
            for one in every:
                made[one.tag][split] = one.fingerprint
        return made

    @cached_property
    def _alike(self) -> dict[str, Any]:
        """The settings that all attempts of a run share, and those of no other kind of run."""
        of_all = ("strategies", "seeds", "targets", "keep", "leaks_by", "examples")
        return {key: value for key, value in self.key_settings().items() if key not in of_all}

    def _attempt(self, job: Job, strategy: Strategy, target: str) -> dict[str, Any]:
        from isogloss.task.job import attempt

        values = [guess and guess.value for guess in attempt(job, strategy, target)]
        about = {
            "settings": job.ledger.settings(), "truncated": job.truncated,
            "dropped": dict(job.dropped),
        }  # fmt: skip
        back = None
        if job.last and not self._data.directed and self._data.has(job.source[0], "test"):
            back = job.last.tell(job.test(job.source[0])).values
        return {"values": values, "source": back, "about": about, "notes": job.notes}

    def _set_aside(self, job: Job, name: str, target: str, place: Workplace) -> str:
        """Save the solver that told a target, unless it told the last one of this strategy.

        Gives what names it, as a run that was stopped is gone on with by another process.
        """
        folder = place.scratch / "kept" / name
        if job.last is None:
            job.notes.append(f"{name} has no one model to keep for {target}")
            return ""
        key = job.name_of(job.last)
        if not key or key != job.kept:
            shutil.rmtree(folder / target, ignore_errors=True)
            with atomic_folder(folder / target) as made:
                job.last.save(made)
        return key

    def _keep(self, place: Workplace) -> None:
        """Leave what was set aside for people: a folder, or one for each target."""
        for folder in sorted((place.scratch / "kept").glob("*")):
            models = sorted(folder.iterdir())
            into = place.folder / FILES / folder.name
            shutil.copytree(models[0] if len(models) == 1 else folder, into)

    def _check_data(self, place: Workplace) -> None:
        """Tell what readers told, and of examples of the tests that are in training data."""
        from isogloss.task.leaks import find_leaks

        data, clean, unsought, passed, vectors = self._data, 0, 0, 0, self._vectors()
        place.notes += [f"{self.name}: {note}" for note in data.notes]
        place.notes += [named(self.name, told) for told in data.unequal()]
        place.notes += [f"WARNING: {self.name}, {told}" for told in data.new_labels()]
        if not data.has(data.sources[0], "test"):
            place.notes.append(
                f"{self.name}: {data.sources[0]} has no test, so what became of it is not told"
            )
        suites = [data.learned.suite, data.asked.suite]
        place.notes += dict.fromkeys(f"{one.name}: {note}" for one in suites for note in one.notes)
        every = {id(one): one for some in data.splits().values() for one in some}
        for one in every.values():
            lost = [f"{n} left out: {reason}" for reason, n in one.dropped.items() if n]
            where = f"{one.name}, {one.tag} {one.split}"
            place.notes += [f"{where}: {told}" for told in (*one.notes, *lost)]
        pairs = [(tag, "train", other) for tag in data.sources for other in (tag, *data.targets)]
        pairs += [(tag, "train", other) for tag in data.targets if data.has(tag, "train")
                  for other in (tag, data.sources[0])]  # fmt: skip
        if self.select == "source-dev":
            pairs += [(tag, "dev", other) for tag, _, other in pairs
                      if tag in data.sources and data.has(tag, "dev")]  # fmt: skip
        read = [(tag, split, data.read(tag, split), other, data.together)
                for tag, split, other in dict.fromkeys(pairs)
                if data.has(other, "test") and data.alike(tag, other)]  # fmt: skip
        read += [(one.name, "train", one, one.tag, False) for one in self._beside(place)]
        for name, split, seen, target, parallel in read:
            test = data.read(target, "test")
            leaks = find_leaks(seen, test, parallel=parallel, vectors=vectors(seen, test))
            clean += not leaks.found
            passed += leaks.settings["near"]["left_out"]
            unsought += seen.language != test.language and not (
                {"same id", "translation"} & leaks.settings.keys()
            )
            if leaks.found:
                who = "training" if split == "train" else "the choice of weights"
                told = leaks.told(who).removeprefix("WARNING: ")
                place.notes.append(f"WARNING: {self.name}, {name} and {target}: {told}")
        what = "training data" if self.select == "last" else "training data, or dev,"
        place.notes.append(f"{self.name}: no leak in {clean} pairs of {what} and test")
        if passed:
            place.notes.append(
                f"{self.name}: {passed} pairs that may be near duplicates were not compared, as "
                "too many texts are alike"
            )
        if unsought:
            place.notes.append(
                f"{self.name}: in {unsought} of all pairs no translations were looked for, as no "
                "ids tell them: an encoder finds them, --leaks-by"
            )

    def _vectors(self) -> Callable[[Examples, Examples], tuple[np.ndarray, np.ndarray] | None]:
        """Of training data and of a test in another language, by the encoder for leaks."""
        if not self.leaks_by:
            return lambda train, test: None
        from isogloss.encode import load_encoder
        from isogloss.task.leaks import texts_of
        from isogloss.task.vectors import unit_vectors

        encoder = load_encoder(self.leaks_by, network=self.network)

        def vectors(train: Examples, test: Examples) -> tuple[np.ndarray, np.ndarray] | None:
            if train.language == test.language:
                return None
            left, right = (unit_vectors(encoder, texts_of(one), one.language)[0]
                           for one in (train, test))  # fmt: skip
            return left, right

        return vectors

    def _beside(self, place: Workplace) -> Iterator[Examples]:
        """The parallel text in each target, which strategies may train on."""
        from isogloss.task.examples import TEXT, make_examples

        if not self.parallel:
            return
        corpus = place.texts[self.parallel]
        for tag in self._data.targets:
            known = tag in map(str, corpus.languages)
            if there := [text for text in corpus.texts(tag) if text] if known else []:
                yield make_examples(corpus.name, tag, TEXT, {"text": there})

    def _rows(
        self, found: Mapping[tuple[str, str], Sequence[Outcome]], place: Workplace
    ) -> tuple[list[Score], dict[str, np.ndarray]]:
        """Scores of the attempts, each of the model that its strategy began from."""
        about = {
            "pivot": self._data.sources[0], "dataset": self._data.asked.suite.name,
            "task": self._data.asked.part.name, "system": place.encoder(self.model).name,
        }  # fmt: skip
        plain = sorted(self.strategies, key=lambda table: table["use"] != "zero_shot.v1")
        outcomes = Outcomes(
            found, self._data, self.seeds, [name_of(table) for table in plain], place.seed, about
        )
        rows, items = outcomes.scores(notes := [])
        place.notes += [named(self.name, note) for note in notes]
        own = {name: place.encoder(step).name for name, step in self._models.items()}
        return [replace(row, system=own.get(row.strategy, row.system)) for row in rows], items


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
