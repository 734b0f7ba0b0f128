"""The step that trains a model: parameters x mixture x objectives, each by its registered name."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from isogloss.errors import ModelError, TrainingError, located
from isogloss.files import atomic_folder, sha256_file, write_json
from isogloss.language.resolve import resolve
from isogloss.recipe.factors import (
    Factor,
    LessonTable,
    columns_of,
    files_of,
    known_factor,
    mixture_of,
    objective_of,
    texts_of,
)
from isogloss.recipe.step import FILES, Step, Workplace
from isogloss.registry import register
from isogloss.score import Scores

if TYPE_CHECKING:
    from isogloss.corpus import Corpus
    from isogloss.encode.folder import ModelFolder
    from isogloss.train.contracts import Lesson
    from isogloss.train.loop import Progress, Trained
    from isogloss.train.material import Material
    from isogloss.train.student import Student

Beta = Annotated[float, Field(ge=0, lt=1)]
Held = tuple["Corpus", "Corpus"]
"""The rows of a text that are trained on, and those that are kept."""


class Taught(NamedTuple):
    """A student, what happened in training it, and the lessons it had."""

    student: Student
    trained: Trained
    lessons: list[Lesson]


@register("step", "train.v1")
class Train(Step):
    """Train a model: what may change, what is read, and what it is pulled toward.

    Attributes:
        model: `teacher`, or an earlier step that made a model.
        parameters: `use` and the settings of registered parameters: what may change.
        lessons: mixtures and their objectives; every step reads a batch of each.
        head: a step `word_head.v1` that made a language head for this body.
        targets: whose vectors of the pivot objectives of a teacher are pulled toward; a run
            without objectives that read them needs none.
        tuning_rows: the last rows of each text, kept out of training to watch it; by default a
            twentieth, at most 300.
        steps: optimiser steps.
        accumulate: parts that each batch is read in, for those that memory cannot hold.
        learning_rate: its peak.
        warmup: share of the steps over which it rises.
        schedule: how it falls after that: `linear`, `cosine`, or `constant`.
        weight_decay: of AdamW, on weights of two dimensions or more.
        betas: of AdamW.
        clip: largest gradient norm, 0 for none.
        precision: of products in training, `float32` or `bfloat16`.
        threads: CPU threads, a setting because sums depend on it.
        checkpoint_every: steps between checkpoints.
        watch_every: steps between looks at how the vectors of a batch are spread.
        collapse: where they have become alike, `warn` or `stop`.
        evaluate_every: steps between evaluations on the tuning rows, 0 for none: losses and P@1,
            see `held_out.evaluation`. They are in the log.
        stop_on: the value of these whose best weights are kept: `loss`, the name of a part of it,
            `p1` or `p1_<language>`; none by default, which keeps the last.
        patience: evaluations without a better value after which training stops, 0 for never.
        keep_checkpoints: steps after which the model is kept, for `checkpoint.v1`.
        keep: leave the whole `model`, or the `delta` alone, in the run's `files/<step>`.
    """

    together: ClassVar[bool] = True
    model: str = "teacher"
    parameters: Factor = Field(default={"use": "full.v1"})
    lessons: tuple[LessonTable, ...] = Field(min_length=1)
    head: str | None = None
    targets: str = "teacher"
    tuning_rows: int | None = Field(default=None, ge=2)
    steps: int = Field(default=200, ge=1)
    accumulate: int = Field(default=1, ge=1)
    learning_rate: float = Field(default=3e-5, gt=0)
    warmup: float = Field(default=0.1, ge=0, le=1)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: float = Field(default=0.0, ge=0)
    betas: tuple[Beta, Beta] = (0.9, 0.99)
    clip: float = Field(default=1.0, ge=0)
    precision: Literal["float32", "bfloat16"] = "float32"
    threads: int = Field(default=2, ge=1)
    checkpoint_every: int = Field(default=50, ge=1)
    watch_every: int = Field(default=10, ge=1)
    collapse: Literal["warn", "stop"] = "warn"
    evaluate_every: int = Field(default=0, ge=0)
    stop_on: str = ""
    patience: int = Field(default=0, ge=0)
    keep_checkpoints: tuple[int, ...] = ()
    keep: Literal["nothing", "model", "delta"] = "nothing"

    @field_validator("parameters")
    @classmethod
    def _known_parameters(cls, value: Factor) -> Factor:
        known = known_factor("parameters", value)
        if known["use"] == "connector.v1":
            raise ValueError("connector.v1 is between two models: use the step connect.v1")
        return known

    @model_validator(mode="after")
    def _has_what_it_stops_on(self) -> Train:
        if self.patience and not self.stop_on:
            raise ValueError("patience: set stop_on, the value to wait for")
        if self.stop_on and not self.evaluate_every:
            raise ValueError("stop_on: set evaluate_every, without which there is no value")
        return self

    @model_validator(mode="after")
    def _checkpoints_before_the_end(self) -> Train:
        if not all(0 < step < self.steps for step in self.keep_checkpoints):
            raise ValueError(f"keep_checkpoints: steps from 1 to {self.steps - 1}")
        return self

    def texts(self) -> list[str]:
        """The texts that the mixtures name."""
        return list(dict.fromkeys(n for lesson in self.lessons for n in texts_of(lesson.mixture)))

    def _objectives(self) -> list[Factor]:
        return [factor for lesson in self.lessons for factor in lesson.objectives]

    def _wanted(self) -> set[str]:
        """What the objectives need of the model."""
        from isogloss.train.contracts import wanted_of

        return {name for factor in self._objectives() for name in wanted_of(objective_of(factor))}

    def needs(self) -> dict[str, str]:
        """The model, the teacher if one is read, the head and the texts."""
        read = {name for factor in self._objectives() for name in columns_of(objective_of(factor))}
        taught = self.targets != "teacher" or any(name.startswith("teacher") for name in read)
        targets = self.targets if taught else None
        named = {"model": self.model, "targets": targets, "head": self.head}
        return {k: v for k, v in named.items() if v} | {
            f"lessons.text.{name}": name for name in self.texts()
        }

    def key_settings(self) -> dict[str, Any]:
        """All but how often a checkpoint is written, with the content of files."""
        left_out = ("checkpoint_every", "model", "targets", "head")
        kept = {k: v for k, v in super().key_settings().items() if k not in left_out}
        factors = [self.parameters, *(f for x in self.lessons for f in (x.mixture, *x.objectives))]
        files = {str(file): sha256_file(file) for factor in factors for file in files_of(factor)}
        return {**kept, "files": files} if files else kept

    def check(self, earlier: Mapping[str, Step]) -> list[str]:
        """`head` must be a step that makes one."""
        step = earlier.get(self.head or "")
        return [] if step is None or step.use == "word_head.v1" else [
            f"head: {step.name!r} is a {step.use}, not a word_head.v1"
        ]  # fmt: skip

    def run(self, place: Workplace) -> None:
        """Build the factors, train, check and save."""
        folder = place.model_folder(self.model)
        held = {name: self._held(name, place) for name in self.texts()}
        taught = self._taught(folder, self._material(folder, place, held), place)
        place.keep_log(self.name, taught.trained)
        self._save(taught, folder, place)
        place.done[self.name] = place.folder
        about = self._about(taught.trained, held, folder)
        about["tuning_p1"] = self._watched(held, place)
        write_json(place.folder / "training.json", about)
        place.write(Scores())

    def _taught(self, folder: ModelFolder, material: Material, place: Workplace) -> Taught:
        """Open the student and train it; steps that choose what trains do so here."""
        from isogloss.train.reading import text_ends

        with located(f"{self.name}.parameters ({self.parameters['use']})"):
            student = self._student(folder, material, place)
        more = len(student.module.ends[0]) - len(text_ends(material.tokenizer)[0])
        kept = material.kept
        fitting = replace(
            material, longest=material.longest - more,
            kept=kept and replace(kept, longest=kept.longest - more),
        )  # fmt: skip
        lessons = self._lessons(fitting, place.seed)
        return Taught(student, self._loop(student, lessons, fitting, place), lessons)

    def _lessons(self, material: Material, seed: int) -> list[Lesson]:
        return [self._lesson(number, material, seed) for number in range(len(self.lessons))]

    def _loop(
        self,
        student: Any,
        lessons: list[Lesson],
        material: Material,
        place: Workplace,
        *,
        steps: int | None = None,
        checkpoint: str = "checkpoint",
    ) -> Any:
        """Train, by the settings of this step; other `steps` have another checkpoint."""
        from isogloss.recipe.held_out import evaluation, is_higher_better
        from isogloss.train.loop import LoopSettings, train

        steps, evaluate = steps or self.steps, None
        if self.evaluate_every and material.kept:
            mixtures = [
                partial(mixture_of, table.mixture, seed=place.seed) for table in self.lessons
            ]
            evaluate = evaluation(student.module, material.kept, mixtures, lessons, place.seed)
        advance = place.start(f"{self.name}: train", steps)
        return train(
            student, lessons,
            LoopSettings(
                steps=steps, accumulate=self.accumulate, learning_rate=self.learning_rate,
                warmup=self.warmup, clip=self.clip, seed=place.seed, threads=self.threads,
                precision=self.precision, checkpoint_every=self.checkpoint_every,
                schedule=self.schedule, weight_decay=self.weight_decay, betas=self.betas,
                watch_every=self.watch_every, collapse=self.collapse,
                evaluate_every=self.evaluate_every, stop_on=self.stop_on,
                higher=is_higher_better(self.stop_on), patience=self.patience,
            ),
            checkpoint=place.scratch / checkpoint, progress=self._kept(student, place),
            advance=advance, evaluate=evaluate,
        )  # fmt: skip

    def _kept(self, student: Any, place: Workplace) -> Progress:
        """What is called after each step: some are kept, and outlive a crash."""

        def after(step: int, loss: float) -> None:
            if step in self.keep_checkpoints:
                with atomic_folder(place.scratch / f"model-{step}") as folder:
                    student.save(folder)

        return after

    def _held(self, name: str, place: Workplace) -> Held:
        """The rows of a text that are trained on, and those that are kept."""
        corpus = place.texts[name]
        wanted = {place.pivot, *place.languages}
        corpus = corpus.keep([tag for tag in map(str, corpus.languages) if tag in wanted])
        return corpus.split(self.tuning_rows or min(300, max(2, len(corpus) // 20)))

    def _material(
        self, folder: ModelFolder, place: Workplace, held: Mapping[str, Held]
    ) -> Material:
        """What is trained on, with the rows that are kept from training in `kept`."""
        from isogloss.encode.weights import load_tokenizer, read_window
        from isogloss.recipe.steps import pivot_vectors
        from isogloss.train.material import Material
        from isogloss.vocabulary.save import special_roles
        from isogloss.vocabulary.trim import untruncated

        kinds = ("transformer.v1", "inserted.v1")
        if folder.kind not in kinds or not (folder.body / "tokenizer.json").is_file():
            raise ModelError(
                "only a transformer with a fast tokenizer is trained so", file=folder.path,
                remedy="give a folder with tokenizer.json; distil.v1 trains other students",
            )  # fmt: skip
        wrapper = load_tokenizer(folder)
        tokenizer = untruncated(wrapper.backend_tokenizer)
        ids = tokenizer.get_vocab()
        special = {*wrapper.all_special_ids}
        special |= {i for i, t in tokenizer.get_added_tokens_decoder().items() if t.special}
        taught, kept = ({name: pair[side] for name, pair in held.items()} for side in (0, 1))
        material = Material(
            taught, tokenizer, sorted(special), wrapper.mask_token_id, place.pivot, place.languages,
            read_window(folder, wrapper) - len(tokenizer.encode("").ids), folder.lower,
            roles={role: ids[t] for role, t in special_roles(wrapper).items() if t in ids},
            steps=self.steps,
            vectors=lambda name: pivot_vectors(place.encoder(self.targets), taught[name], place),
            note=lambda told: place.notes.append(f"{self.name}: {told}"),
        )  # fmt: skip
        material.kept = replace(
            material, texts=kept,
            vectors=lambda name: pivot_vectors(place.encoder(self.targets), kept[name], place),
        )  # fmt: skip
        return material

    def _change(self, place: Workplace) -> Factor:
        """What may change, with settings that only a run knows."""
        return self.parameters

    def _student(self, folder: ModelFolder, material: Material, place: Workplace) -> Any:
        from safetensors.torch import load_file

        from isogloss.train.readers import sentences, words
        from isogloss.train.student import student_of

        reader: Any = sentences
        if self._wanted() & {"logits", "likelihoods"}:
            head = load_file(place.done[self.head] / "head.safetensors") if self.head else None
            reader = partial(words, seed=place.seed, head=head)
        parameters = self._change(place)
        settings = {k: v for k, v in parameters.items() if k != "use"}
        student = student_of(
            parameters["use"], folder.body, material.tokenizer, reader=reader,
            tags=tuple(material.numbers), **settings,
        )  # fmt: skip
        if student.module.made:
            material.note(
                "the model has no language head; one of random weights trained beside and is not "
                "saved"
            )
        return student

    def _lesson(self, number: int, material: Material, seed: int) -> Lesson:
        from isogloss.train.contracts import Lesson

        table = self.lessons[number]
        objectives = [
            (factor.get("weight", 1.0), objective_of(factor)) for factor in table.objectives
        ]
        columns = {name for _, each in objectives for name in columns_of(each)}
        told = replace(material, columns=columns, read=self._read(table, material))
        with located(f"{self.name}.lessons.{number}.mixture ({table.mixture['use']})"):
            mixture = mixture_of(table.mixture, told, seed=seed)
        return Lesson(mixture, objectives)

    def _read(self, table: LessonTable, material: Material) -> list[str] | None:
        """The canonical tags of the languages that a lesson names.

        Raises:
            UnknownLanguage: one that none of the texts has.
        """
        if table.languages is None:
            return None
        there = {str(tag): tag for text in material.texts.values() for tag in text.languages}
        return [str(tag) for tag in resolve(list(table.languages), list(there.values()))]

    def _save(self, taught: Taught, folder: ModelFolder, place: Workplace) -> None:
        """The model, what objectives learned beside it, and what of all this is to be kept."""
        from isogloss.train.label_head import HEADS

        model, files = place.folder / "model", place.folder / FILES
        model.mkdir()
        taught.student.save(model)
        for lesson in taught.lessons:
            for _, objective in lesson.objectives:
                if save := getattr(objective, "save", None):
                    save(model, getattr(lesson.mixture, "names", ()))
        if (model / HEADS).is_dir():
            (files / HEADS).symlink_to(Path("..") / "model" / HEADS)
        for step in self.keep_checkpoints:
            if step > taught.trained.steps:
                raise TrainingError(
                    f"{self.name}.keep_checkpoints: training stopped after step "
                    f"{taught.trained.steps}, before step {step}",
                    remedy="keep earlier steps, or train without patience",
                )
            shutil.copytree(place.scratch / f"model-{step}", checkpoint_folder(place.folder, step))
        if self.keep == "model":
            place.keep_model()
        elif self.keep == "delta":
            taught.student.save_delta(files / "delta", folder.fingerprint, self.parameters)

    def _watched(self, held: Mapping[str, Held], place: Workplace) -> dict[str, float]:
        """Retrieval on the rows that were kept from training, where they have translations."""
        from isogloss.recipe.steps import watch

        # Vectors of a model that learned words, or one language, may well lie in a cone.
        several = any(one.languages is None or len(one.languages) > 1 for one in self.lessons)
        pulled = several and not self._wanted().isdisjoint(("vectors", "layer_vectors"))
        watched: dict[str, float] = {}
        for name, (_, tuning) in held.items():
            if place.pivot in map(str, tuning.languages) and len(tuning.languages) > 1:
                found = watch(place.encoder(self.name), tuning, place, refuse=pulled)
                watched |= {t if len(held) == 1 else f"{name}: {t}": p for t, p in found.items()}
        place.encoders.pop(self.name, None)
        return watched

    def _about(
        self, trained: Trained, held: Mapping[str, Held], folder: ModelFolder
    ) -> dict[str, Any]:
        """What the results tell of the training."""
        from isogloss.recipe.held_out import evaluations

        return {
            "parameters": self.parameters["use"],
            "objectives": {f["use"]: f.get("weight", 1.0) for f in self._objectives()},
            "on": "text of " + ", ".join(held),
            "lessons": [lesson.model_dump(mode="json") for lesson in self.lessons],
            "steps": trained.steps,
            "sentences": max(len(train_text) for train_text, _ in held.values()),
            "evaluations": evaluations(trained.rows),
            "best_step": trained.best or trained.steps,
            "final_loss": trained.final_loss,
            "tokens_by_language": trained.read,
            "log": trained.log,
            "teacher": folder.name if self.model == "teacher" else self.model,
            "teacher_fingerprint": folder.fingerprint,
        }


def checkpoint_folder(step: Path, number: int) -> Path:
    """Where a step leaves the model that it had after some of its own."""
    return step / "checkpoints" / str(number)
