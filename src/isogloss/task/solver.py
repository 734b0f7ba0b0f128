"""A model that was taught a task: how it is taught, asked, saved and read again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
from pydantic import Field

from isogloss.encode.folder import read_object
from isogloss.errors import ModelError, TrainingError, UsageError
from isogloss.files import write_json
from isogloss.registry import name_of
from isogloss.settings import Settings
from isogloss.task.contracts import Cut, Guess, HeadTask
from isogloss.task.cutting import Cutter, cutter_of
from isogloss.task.examples import Examples
from isogloss.task.ledger import LAST

if TYPE_CHECKING:
    from isogloss.encode.folder import ModelFolder
    from isogloss.progress import Begin
    from isogloss.train.contracts import Lesson
    from isogloss.train.evaluation import Evaluate

TASK = "task"
"""Where what was learned beside a model lies in its folder."""
PLAIN: dict[str, Any] = {"use": "full.v1", "fast": 1.0}
"""All weights, the token table as fast as the rest."""
_TOKENS = 4096  # of a batch that is told of, padding included


class Told(NamedTuple):
    """What a solver says of examples.

    Attributes:
        guesses: one an example, None where it cannot say anything.
        dropped: examples without a guess, by reason.
        truncated: examples of which something was cut off.
        seconds: that it took.
    """

    guesses: list[Guess | None]
    dropped: Mapping[str, int]
    truncated: int
    seconds: float

    @property
    def values(self) -> list[Any]:
        """As a task scores them."""
        return [None if guess is None else guess.value for guess in self.guesses]


class Solver(Protocol):
    """What knows a task; it may also have `size`, see `size_of`.

    Attributes:
        seconds: that teaching it took, what it began as included.
        classes: the names of what it tells, by part.
        kept: which weights were kept where no label chose them.
    """

    seconds: float
    classes: Mapping[str, Sequence[str]]
    kept: str

    def tell(self, examples: Examples) -> Told:
        """What it says of examples, whose labels it does not look at."""
        ...

    def save(self, folder: Path) -> None:
        """Write it into an empty folder."""
        ...


def size_of(solver: Solver) -> int:
    """Bytes of all weights that telling needs; 0 where the solver does not know it."""
    return int(getattr(solver, "size", 0))


class Tuning(Settings):
    """How a model is tuned to a task.

    Attributes:
        epochs: how often each piece is read.
        batch: pieces a step.
        parameters: `use` and the settings of registered parameters: what may change.
        learning_rate: its peak.
        warmup: share of the steps over which it rises.
        schedule: how it falls after that.
        weight_decay: of AdamW.
        clip: largest gradient norm, 0 for none.
        precision: of products in training.
        threads: CPU threads.
        checkpoint_every: steps between checkpoints.
        order: another seed of batches and dropout; the head begins as it does without.
    """

    epochs: float = Field(default=5, gt=0)
    batch: int = Field(default=32, ge=1)
    parameters: dict[str, Any] = PLAIN
    learning_rate: float = Field(default=1e-4, gt=0)
    warmup: float = Field(default=0.1, ge=0, le=1)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=1.0, ge=0)
    precision: Literal["float32", "bfloat16"] = "float32"
    threads: int = Field(default=2, ge=1)
    checkpoint_every: int = Field(default=100, ge=1)
    order: int | None = Field(default=None, ge=0)

    def steps(self, pieces: int) -> int:
        """Steps in which so many pieces are read `epochs` times."""
        return max(1, round(self.epochs * pieces / min(self.batch, pieces)))


class Watch(NamedTuple):
    """Examples by which the best weights of a training are kept.

    Attributes:
        examples: with labels; never those of a test.
        every: steps between looks.
        measure: that says what is best; the task's first by default.
    """

    examples: Sequence[Examples]
    every: int = 50
    measure: str = ""


@dataclass
class Tuned:
    """A model and a head that were tuned together.

    Attributes:
        task: with a head.
        student: the model.
        head: of the task.
        cutter: how texts become token ids.
        classes: the names of what the head tells, by part.
        languages: canonical tags of those it learned from, in the order of their numbers.
        seconds: that teaching took.
        notes: what training told.
        kept: which weights were kept where no label chose them.
    """

    task: HeadTask
    student: Any  # a Student; the loop's protocol knows of a plain module only
    head: Any
    cutter: Cutter
    classes: Mapping[str, Sequence[str]]
    languages: Sequence[str] = ()
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    kept: str = LAST

    @property
    def numbers(self) -> dict[str, int]:
        """Of the languages, for the column `language`."""
        return {tag: number for number, tag in enumerate(self.languages)}

    @property
    def size(self) -> int:
        """Bytes of the weights of model and head, shared ones once."""
        parts = (*self.student.module.parameters(), *self.head.parameters())
        weights = {id(weight): weight for weight in parts}
        return sum(weight.numel() * weight.element_size() for weight in weights.values())

    def tell(self, examples: Examples) -> Told:
        """What it says of examples."""
        start = time.perf_counter()
        sealed = examples.sealed()
        cut = self.task.cut(sealed, self.cutter, self.classes)
        found = self._found(cut, examples.language)
        guesses = self.task.join(sealed, cut.pieces, found, self.classes)
        dropped = {reason: n for reason, n in cut.dropped.items() if n}
        return Told(guesses, dropped, cut.truncated, time.perf_counter() - start)

    def _found(self, cut: Cut, language: str) -> list[Any]:
        import torch

        from isogloss.encode.batches import pack
        from isogloss.task.pieces import together
        from isogloss.train.contracts import wanted_of

        module, found = self.student.module, [None] * len(cut.pieces)
        device = next(module.parameters()).device
        module.eval()
        self.head.eval()
        # A language that nothing was learned in may have modules of its own in the body.
        module.now.languages = tuple(dict.fromkeys([*self.languages, language]))
        numbers = {tag: number for number, tag in enumerate(module.now.languages)}
        lengths = [sum(map(len, (piece.ids, *piece.more))) for piece in cut.pieces]
        with torch.no_grad():
            for at in pack(np.array(lengths, np.int64), _TOKENS):
                batch = together([cut.pieces[i] for i in at], [language] * len(at), numbers)
                batch = batch.to(device)
                made = self.head.tell(module(batch, wanted_of(self.head)), batch)
                for place, one in zip(at, made, strict=True):
                    found[place] = _numpy(one)
        return found

    def save(self, folder: Path) -> None:
        """A folder that `transformers` loads, with the head in `task/`."""
        from safetensors.torch import save_file

        self.student.save(folder)
        (folder / TASK).mkdir()
        weights = {k: v.detach().contiguous() for k, v in self.head.state_dict().items()}
        save_file(weights, folder / TASK / "head.safetensors")
        about = {
            "task": name_of("task", self.task), "classes": self.classes,
            "languages": self.languages, "seconds": self.seconds,
        }  # fmt: skip
        write_json(folder / TASK / "task.json", about)


def _numpy(value: Any) -> Any:
    """Tensors, alone or by name, as arrays."""
    if isinstance(value, Mapping):
        return {name: _numpy(one) for name, one in value.items()}
    return value.float().cpu().numpy() if hasattr(value, "cpu") else value


def tune(
    folder: ModelFolder,
    task: HeadTask,
    train: Sequence[Examples],
    tuning: Tuning,
    *,
    seed: int,
    watch: Watch | None = None,
    checkpoint: Path | None = None,
    begin: Begin | None = None,
) -> Tuned:
    """Tune a model and the head of a task on labelled examples.

    Args:
        folder: of the model. One that knows the task goes on with its head and its classes.
        task: with a head.
        train: examples with labels.
        tuning: how.
        seed: of batches, dropout and the head's first weights; see `Tuning.order`.
        watch: keep the weights that are best on these, the last by default.
        checkpoint: folder for checkpoints, from which the same training goes on.
        begin: of a progress bar, told how many steps there are.

    Raises:
        ModelError: not a transformer with a fast tokenizer.
        TrainingError: nothing to train on.
    """
    from isogloss.task.pieces import Pieces
    from isogloss.train.contracts import Lesson

    start = time.perf_counter()
    solver = open_tuned(folder, task, tuning.parameters, train, seed)
    cuts = [_labelled(task, one, solver) for one in train]
    pieces = [piece for cut in cuts for piece in cut.pieces]
    tags = [one.language for one, cut in zip(train, cuts, strict=True) for _ in cut.pieces]
    if not pieces:
        raise TrainingError(
            "no example can be trained on", remedy="check that they have labels and text"
        )
    mixture = Pieces(pieces, tags, min(tuning.batch, len(pieces)), solver.numbers)
    solver.notes += learn(
        solver, Lesson(mixture, [(1.0, solver.head)]), tuning.steps(len(pieces)), tuning, seed=seed,
        watch=watch, checkpoint=checkpoint, begin=begin,
    )  # fmt: skip
    solver.seconds += time.perf_counter() - start
    solver.notes += [
        note for one, cut in zip(train, cuts, strict=True) for note in _read_of(one, cut)
    ]
    return solver


def _labelled(task: HeadTask, examples: Examples, solver: Tuned) -> Cut:
    """Pieces of the examples that have a label; a batch of others alone would have no loss."""
    columns = [examples.column(name) for name in examples.shape.labels]
    rows = [
        row for row, values in enumerate(zip(*columns, strict=True))
        if any(value is not None for value in values)
    ]  # fmt: skip
    without = {"no label": len(examples) - len(rows)}
    if not rows:
        return Cut([], without)
    cut = task.cut(examples.take(rows), solver.cutter, solver.classes)
    return cut._replace(dropped={**cut.dropped, **without})


def learn(
    solver: Any,
    lesson: Lesson,
    steps: int,
    tuning: Tuning,
    *,
    seed: int,
    watch: Watch | None = None,
    checkpoint: Path | None = None,
    begin: Begin | None = None,
) -> list[str]:
    """Train the student of a solver in place; what training told.

    Args:
        solver: with a task and a student.
        lesson: what is read and what it is pulled toward.
        steps: of the optimiser.
        tuning: how.
        seed: of batches and dropout, where `tuning.order` says no other.
        watch: keep the weights that are best on these, the last by default.
        checkpoint: folder for checkpoints.
        begin: of a progress bar, told how many steps there are.
    """
    from isogloss.train.loop import LoopSettings, train

    best = (watch.measure or solver.task.measures[0]) if watch else ""
    return train(
        solver.student, [lesson],
        LoopSettings(
            steps=steps, seed=seed if tuning.order is None else tuning.order,
            evaluate_every=min(watch.every, steps) if watch else 0,
            stop_on=best, higher=True,
            **tuning.model_dump(exclude={"epochs", "batch", "parameters", "order"}),
        ),
        checkpoint=checkpoint, advance=begin(steps) if begin else None,
        evaluate=_watched(solver, watch.examples, best) if watch else None,
    ).notes  # fmt: skip


def _read_of(examples: Examples, cut: Cut) -> list[str]:
    """What happened to examples on their way into training."""
    left_out = {f"left out: {reason}": n for reason, n in cut.dropped.items()}
    every = {**left_out, "cut off": cut.truncated, **cut.counted}
    return [
        f"of {len(examples)} examples of {examples.language} to train on {n} were {what}"
        for what, n in every.items()
        if n
    ]


def open_tuned(
    folder: ModelFolder,
    task: HeadTask,
    parameters: Mapping[str, Any] = PLAIN,
    train: Sequence[Examples] = (),
    seed: int = 0,
) -> Tuned:
    """A model with the head that lies in its folder, or a new one for some examples.

    Args:
        folder: of the model.
        task: with a head.
        parameters: `use` and the settings of registered parameters: what may change.
        train: examples that are to be learned; none for a solver that only tells.
        seed: of the first weights.

    Raises:
        ModelError: not a transformer with a fast tokenizer, or nothing to learn and no head.
        UsageError: the head is of another task.
    """
    from isogloss.train.student import student_of

    if folder.kind not in ("transformer.v1", "inserted.v1"):
        raise ModelError(
            "only a transformer is tuned", file=folder.path,
            remedy="teach a probe over its vectors: --learner probe",
        )  # fmt: skip
    about = read_task(folder.path)
    if not (about or train):
        raise ModelError(
            "knows no task", file=folder.path, remedy="teach it one: isogloss transfer --help"
        )
    own = name_of("task", task)
    if (taught := about.get("task", own)) != own:
        raise UsageError(
            f"{folder.path} was taught {taught}, and is to tell {own}",
            remedy="name that task, or a model that was taught none",
        )
    classes = about["classes"] if about else task.classes(train)
    tags = tuple(dict.fromkeys([*about.get("languages", ()), *(one.language for one in train)]))
    cutter = cutter_of(folder)
    settings = {key: value for key, value in parameters.items() if key != "use"}
    student = student_of(parameters["use"], folder.body, cutter.tokenizer, tags=tags, **settings)
    head = task.head(classes, seed)
    head.begin(student.module)
    if about:
        _bring_back(head, folder)
    return Tuned(task, student, head, cutter, classes, tags, about.get("seconds", 0.0))


def read_task(folder: Path) -> dict[str, Any]:
    """What a folder says of the task that it knows; empty where it knows none.

    Raises:
        ModelError: its `task.json` is no JSON.
    """
    file = folder / TASK / "task.json"
    return read_object(file) if file.is_file() else {}


def _bring_back(head: Any, folder: ModelFolder) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = folder.path / TASK / "head.safetensors"
    try:
        head.load_state_dict(load_file(file))
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"the head cannot be read: {error}", file=file, remedy="transfer again with --keep"
        ) from None
    except RuntimeError:
        raise UsageError(
            f"the head in {folder.path} is not one of this task",
            remedy="name the task that it was taught",
        ) from None


def _watched(solver: Any, examples: Sequence[Examples], measure: str) -> Evaluate:
    def evaluate() -> dict[str, float]:
        found = []
        for one in examples:
            found.append(solver.task.score(one, solver.tell(one).values)[measure].value)
        return {measure: sum(found) / len(found)}

    return evaluate
