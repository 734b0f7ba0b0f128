"""The step that asks a finished model a test as people translated it, and as a machine did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import DirectoryPath, Field, model_validator

from isogloss.errors import ModelError, UsageError, located
from isogloss.files import sha256_file
from isogloss.recipe.step import FILES, Step, Workplace
from isogloss.registry import register
from isogloss.score import Scores

if TYPE_CHECKING:
    from isogloss.recipe.transfer_data import Side
    from isogloss.task.artifacts import Versions
    from isogloss.task.evaluate import Items
    from isogloss.task.examples import Examples
    from isogloss.task.translate.contract import Translator

PLANTED = "planted_gap"


@register("step", "translation_gap.v1")
class TranslationGap(Step):
    """How much better a model does on a machine's version of a test than on people's.

    The test of the language that it was translated from is translated by a machine, and the model
    is asked both versions of the same examples, and scored by the suite's first measure, which may
    be a mean or a ratio of sums, as F1 is; see `task.artifacts.translation_gaps`. Of tests of
    two texts it tells, too, how many more words they share in the machine's version. What the
    model gets right in which version lies in the run's `files/<step>/<language>.tsv`; those of
    `machine only` are to be looked at first.

    Attributes:
        model: `teacher`, or an earlier step that made a model; of a probe, its encoder.
        solver: the folder that `transfer` left with `keep`.
        taught_by: instead: an earlier step `transfer.v1` with `keep`.
        strategy: whose model of that step is asked.
        suite: an n-way suite, its name or its file, and `:task` behind it where it has several.
        data: the folder of its data; the environment variable ISOGLOSS_DATA by default.
        origin: the language that the tests were translated from.
        targets: by default all others that the suite has.
        split: which part of the data.
        translator: see `read_translator`.
        network: allow a translator on another machine.
        planted: share of people's translations that are exchanged with those of other examples, as
            a control; the gap must grow. None without it.
    """

    alone: ClassVar[bool] = True
    model: str = "teacher"
    solver: DirectoryPath | None = None
    taught_by: str = ""
    strategy: str = "zero_shot"
    suite: str
    data: str | None = None
    origin: str = "eng"
    targets: tuple[str, ...] = ()
    split: str = "test"
    translator: str
    network: bool = False
    planted: float | None = Field(default=None, gt=0, le=1)

    @model_validator(mode="after")
    def _one_solver(self) -> TranslationGap:
        if bool(self.solver) == bool(self.taught_by):
            raise ValueError("give either solver or taught_by: the model that is asked")
        return self

    def needs(self) -> dict[str, str]:
        """The model, and the step that taught it."""
        return {"model": self.model} | ({"taught_by": self.taught_by} if self.taught_by else {})

    def check(self, earlier: Mapping[str, Step]) -> list[str]:
        """`taught_by` must be a transfer that keeps its models."""
        step = earlier.get(self.taught_by)
        if step is None or (step.use == "transfer.v1" and getattr(step, "keep", False)):
            return []
        return [f"taught_by: {step.name!r} is no transfer.v1 with keep = true"]

    def key_settings(self) -> dict[str, Any]:
        """With the content of the suite and its data, of what was taught, and of the translator."""
        files = sorted((self.solver / "task").iterdir()) if self.solver else []
        tags = [self._origin, *self._targets]
        own = {**super().key_settings(), "solver": [sha256_file(file) for file in files]}
        own.pop("network")  # it changes what may be read, and not what is told
        return own | {
            "suite": self._side.about(),
            "examples": [self._side.read(tag, self.split).fingerprint for tag in tags],
            "translator": self._translator.fingerprint,
        }

    @cached_property
    def _side(self) -> Side:
        from isogloss.recipe.transfer_data import Side

        return Side(self.suite, self.data, self.network)

    @cached_property
    def _origin(self) -> str:
        return self._side.tags([self.origin], self.split)[0]

    @cached_property
    def _targets(self) -> list[str]:
        found = [tag for tag in self._side.tags(self.targets, self.split) if tag != self._origin]
        if not found:
            raise UsageError(
                f"{self.suite} has nothing that was translated from {self._origin}",
                remedy="name its other languages, or another origin",
            )
        return found

    @cached_property
    def _translator(self) -> Translator:
        from isogloss.task.translate.read import read_translator

        return read_translator(self.translator, network=self.network)

    def run(self, place: Workplace) -> None:
        """Both versions in every language.

        Raises:
            UsageError: the suite is not n-way, or its labels move when a text is translated.
        """
        from isogloss.task.artifacts import overlap_changes, translation_gaps
        from isogloss.task.retext import translated
        from isogloss.task.translate.cached import cached

        if not self._side.part.n_way:
            raise UsageError(
                f"{self.suite} does not say that its languages are translations of each other",
                remedy="give its task n_way = true, if they are",
            )
        translate, measures = cached(self._translator).translate, self._side.measures
        origin = self._side.read(self._origin, self.split)
        advance = place.start(f"{self.name}: languages", len(self._targets))
        versions: dict[str, Versions] = {}
        planted: dict[str, Versions] = {}
        pairs = []
        for tag in self._targets:
            with located(f"{self.name}: {tag}"):
                human = self._side.read(tag, self.split)
                machine = translated(origin, translate, tag)
                sides = [self._asked(one, place) for one in (human, machine)]
                versions[tag] = _versions(sides, measures[0])
                both = [_versions(sides, one) for one in measures if one in sides[0].tallies]
                _write_changed(both, human, machine, place.folder / FILES)
                if self.planted:
                    wrong = with_errors(human, self.planted, place.seed)
                    planted[tag] = _versions([self._asked(wrong, place), sides[1]], measures[0])
                if "second" in human.shape.columns and all(human.column("second")):
                    pairs.append((human, machine))
            advance(1, tag)
        rows = [*translation_gaps(versions, seed=place.seed, of=measures[0])]
        if planted:
            rows += translation_gaps(planted, measure=PLANTED, seed=place.seed, of=measures[0])
        rows += overlap_changes(pairs, seed=place.seed) if pairs else []
        place.write(
            Scores(rows).having(
                dataset=self._side.suite.name, task=self._side.part.name, pivot=self._origin,
                system=str(self.solver or self.strategy), seed=place.seed,
                model_fingerprint=place.encoder(self.model).fingerprint,
            )
        )  # fmt: skip

    def _asked(self, asked: Examples, place: Workplace) -> Items:
        """What the model tells of a version, and what it is worth."""
        from isogloss.task.evaluate import evaluate

        task = self._side.part.task
        return evaluate(self._opened(place, asked.language), task, asked, resamples=1)[1]

    def _opened(self, place: Workplace, language: str) -> Any:
        from isogloss.task.finished import open_solver

        if language not in self._solvers:
            folder = self.solver or self._kept(place, language)
            task = self._side.part.task
            self._solvers[language] = open_solver(folder, task, place.encoder(self.model))
        return self._solvers[language]

    def _kept(self, place: Workplace, language: str) -> Path:
        """The folder of the strategy's model, or of that for one language."""
        from isogloss.task.finished import knows

        folder = place.done[self.taught_by] / FILES / self.strategy
        found = next((one for one in (folder, folder / language) if knows(one)), None)
        if found is None:
            there = sorted(one.name for one in (place.done[self.taught_by] / FILES).glob("*"))
            raise ModelError(
                f"{self.taught_by} kept no model of {self.strategy} for {language}",
                remedy=f"name a strategy that it kept: {', '.join(there)}",
            )
        return found

    @cached_property
    def _solvers(self) -> dict[str, Any]:
        """Those that are open, by language."""
        return {}


def with_errors(examples: Examples, share: float, seed: int) -> Examples:
    """Examples of which a share have the texts of one another, drawn at random, never their own."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(examples))[: max(2, round(share * len(examples)))]
    order = np.arange(len(examples))
    order[chosen] = np.roll(chosen, 1)
    names = [name for name in ("text", "second") if name in examples.shape.columns]
    columns = {name: examples.column(name) for name in names}
    return examples.having({name: [one[row] for row in order] for name, one in columns.items()})


def _versions(sides: Sequence[Items], measure: str) -> Versions:
    """People's version and the machine's, by one measure."""
    from isogloss.task.artifacts import Answers, Versions

    return Versions(*(Answers(one.ids, one.tallies[measure]) for one in sides))


def _write_changed(
    every: Sequence[Versions], human: Examples, machine: Examples, folder: Path
) -> None:
    """The examples by what was right in which version, with both texts.

    What is right says the first measure by which each example alone is right or wrong; where there
    is none, nothing is written.
    """
    from isogloss.files import atomic_write
    from isogloss.task.artifacts import changed_examples

    both = next((one for one in every if _right_or_wrong(one)), None)
    if both is None:
        return
    texts = [dict(zip(one.ids, _texts(one), strict=True)) for one in (human, machine)]
    folder.mkdir(exist_ok=True)
    with atomic_write(folder / f"{human.language}.tsv") as file:
        file.write("right\tid\thuman\tmachine\n")
        for name, ids in changed_examples(both).items():
            file.writelines("\t".join((name, one, *(side[one] for side in texts))) + "\n"
                            for one in ids)  # fmt: skip


def _right_or_wrong(both: Versions) -> bool:
    return all(value in (0, 1) for side in both for value in side.each().values())


def _texts(examples: Examples) -> Iterator[str]:
    names = [name for name in ("text", "second") if name in examples.shape.columns]
    sides: Sequence[Sequence[str | None]] = [examples.column(name) for name in names]
    for row in zip(*sides, strict=True):
        yield " ||| ".join(" ".join(text.split()) for text in row if text)
