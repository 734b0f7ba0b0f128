"""A model of source and target that is taught translations, and translates."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.errors import ModelError, TrainingError
from isogloss.files import write_json
from isogloss.registry import name_of
from isogloss.task.contracts import Guess
from isogloss.task.cutting import Cutter
from isogloss.task.examples import Examples
from isogloss.task.ledger import LAST
from isogloss.task.solver import PLAIN, TASK, Told, Tuning, Watch, read_task
from isogloss.task.writing import end_of, learn_pairs, open_writer, search, search_settings

if TYPE_CHECKING:
    from isogloss.encode.folder import ModelFolder
    from isogloss.progress import Begin
    from isogloss.task.tasks.translate import TranslateTask
    from isogloss.train.mixtures.paired import Pair

TAG = "<2{}>"
"""The token that asks for a language."""


@dataclass
class Translating:
    """A model that translates into the languages it has tags of.

    Attributes:
        task: how it searches.
        student: the model.
        cutter: how texts become token ids; a tag that stands in a text is text.
        tags: ids of the tags by canonical tag.
        classes: the languages that can be asked for.
        languages: canonical tags of all it learned from, in the order of their numbers.
        seconds: that teaching took.
        notes: what training told.
        kept: which weights were kept where no label chose them.
    """

    task: TranslateTask
    student: Any
    cutter: Cutter
    tags: Mapping[str, int]
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
        """Bytes of the weights, shared ones once."""
        weights = {id(weight): weight for weight in self.student.module.parameters()}
        return sum(weight.numel() * weight.element_size() for weight in weights.values())

    def tell(self, examples: Examples) -> Told:
        """The translation of each text."""
        start = time.perf_counter()
        rows, sources, dropped, truncated = self._sources(examples)
        guesses: list[Guess | None] = [None] * len(examples)
        for at, (ids, whole) in self._translated(sources, examples.language).items():
            text = self.cutter.tokenizer.decode(ids, skip_special_tokens=True)
            guesses[rows[at]] = Guess(text.strip())
            truncated[rows[at]] |= not whole
        return Told(guesses, dropped, int(truncated.sum()), time.perf_counter() - start)

    def _sources(
        self, examples: Examples
    ) -> tuple[list[int], list[np.ndarray], dict[str, int], np.ndarray]:
        """Rows, their sources behind tags, examples left out by reason, and which were cut."""
        rows, sources, dropped = [], [], Counter[str]()
        truncated = np.zeros(len(examples), bool)
        room = self.cutter.longest - self.task.tagged  # beside the tag
        read = self.cutter.texts([text or "" for text in examples.column("text")])
        for row, (one, to) in enumerate(zip(read, examples.column("to"), strict=True)):
            if to not in self.classes["to"]:
                dropped[f"no training towards {to}"] += 1
            elif not len(one.ids):
                dropped["no text"] += 1
            else:
                truncated[row] = len(one.ids) > room
                rows.append(row)
                sources.append(np.append(asks(self, to), one.ids[:room]).astype(np.int64))
        return rows, sources, dict(dropped), truncated

    def _translated(
        self, sources: Sequence[np.ndarray], language: str
    ) -> dict[int, tuple[list[int], bool]]:
        """Of each source the ids that were told, and whether they came to an end."""
        found = search(self.student.module, sources, language, self._search())
        return {at: tuple(written) for at, [written] in found.items()}

    def _search(self) -> Any:
        """Settings of the search; no tag is told."""
        return search_settings(
            self.student.module, self.task.longest, self.task.beams,
            suppress_tokens=list(self.tags.values()) or None,
        )  # fmt: skip

    def save(self, folder: Path) -> None:
        """A folder that `transformers` loads and translates with, a tag before each text."""
        self.student.module.body.generation_config = self._search()
        self.student.save(folder)
        (folder / TASK).mkdir()
        about = {
            "task": name_of("task", self.task), "tagged": self.task.tagged, "classes": self.classes,
            "languages": self.languages, "seconds": self.seconds,
        }  # fmt: skip
        write_json(folder / TASK / "task.json", about)


def tune_translator(
    folder: ModelFolder,
    task: TranslateTask,
    train: Sequence[Examples],
    tuning: Tuning,
    *,
    seed: int,
    watch: Watch | None = None,
    checkpoint: Path | None = None,
    begin: Begin | None = None,
) -> Translating:
    """Teach a model of source and target translations of any directions, all mixed.

    A pair of which a side is over the model's window is not learned from, and noted.

    Args:
        folder: of the model, such as T5, mBART, M2M-100 or Marian with a fast tokenizer. One that
            translates already goes on, with tags of more languages where they are new.
        task: how it learns and searches.
        train: translations with their targets.
        tuning: how.
        seed: of batches, dropout and the first rows of new tags.
        watch: keep the weights that are best on these, one direction each; the last by default.
        checkpoint: folder for checkpoints, from which the same training goes on.
        begin: of a progress bar, told how many steps there are.

    Raises:
        ModelError: not a model of source and target with a fast tokenizer.
        TrainingError: nothing to train on.
    """
    start = time.perf_counter()
    solver = open_translator(folder, task, tuning.parameters, train, seed)
    pairs: list[Pair] = []
    languages: list[tuple[str, str]] = []
    for one in train:
        made, tags, dropped = _pairs(solver, one)
        pairs, languages = pairs + made, languages + tags
        left = ", ".join(f"{n} with {reason}" for reason, n in dropped.items())
        solver.notes += [f"{one.name} in {one.language}, not learned from: {left}"] if left else []
    if not pairs:
        raise TrainingError(
            "no pair can be trained on: " + ("; ".join(solver.notes) or "there is none"),
            remedy="give texts with their translations that fit the model's window",
        )
    solver.notes += learn_pairs(
        solver, pairs, languages, tuning, seed=seed, smoothing=task.smoothing, watch=watch,
        checkpoint=checkpoint, begin=begin,
    )  # fmt: skip
    solver.seconds += time.perf_counter() - start
    return solver


def open_translator(
    folder: ModelFolder,
    task: TranslateTask,
    parameters: Mapping[str, Any] = PLAIN,
    train: Sequence[Examples] = (),
    seed: int = 0,
) -> Translating:
    """A model with tags of the languages it was taught, and of those that are to be learned.

    Args:
        folder: of the model.
        task: how it searches.
        parameters: `use` and the settings of registered parameters: what may change.
        train: translations to be learned; none for a solver that only tells.
        seed: of the rows of new tags.

    Raises:
        ModelError: not a model of source and target with a fast tokenizer; nothing to learn, and
            it was taught nothing.
    """
    about = read_task(folder.path)
    known = about.get("classes", {}).get("to", ())
    if not (known or train):
        raise ModelError(
            "was taught no translations", file=folder.path,
            remedy="teach it some: isogloss transfer --help",
        )  # fmt: skip
    task = replace(task, tagged=about.get("tagged", task.tagged))
    to = dict.fromkeys([*known, *(tag for one in train for tag in sorted(set(one.column("to"))))])
    languages = dict.fromkeys([*about.get("languages", ()), *(one.language for one in train), *to])
    tokens = {tag: TAG.format(tag) for tag in (to if task.tagged else ())}
    opened = open_writer(folder, list(tokens.values()), list(languages), parameters, seed)
    tags = {tag: opened.ids[token] for tag, token in tokens.items()}
    return Translating(
        task, opened.student, opened.cutter, tags, {"to": list(to)}, tuple(languages),
        about.get("seconds", 0.0),
    )  # fmt: skip


def asks(solver: Translating, to: str) -> list[int]:
    """What stands before a source that is to become a language; nothing without tags."""
    return [solver.tags[to]] if solver.task.tagged else []


def _pairs(
    solver: Translating, examples: Examples
) -> tuple[list[Pair], list[tuple[str, str]], Counter[str]]:
    """Sources behind their tags and targets, their languages, and those left out by reason."""
    module, longest = solver.student.module, solver.cutter.longest
    first, end = module.ends[0], end_of(module)
    columns = [examples.column(name) for name in ("text", "translation")]
    sources, targets = (solver.cutter.texts([t or "" for t in column]) for column in columns)
    pairs, tags, dropped = [], [], Counter[str]()
    for one, other, to in zip(sources, targets, examples.column("to"), strict=True):
        if not len(one.ids) or not len(other.ids):
            dropped["no text or no translation"] += 1
        elif max(len(one.ids) + len(asks(solver, to)), len(other.ids)) > longest:
            dropped[f"more than {longest} tokens on a side"] += 1
        else:
            source = np.append(asks(solver, to), one.ids).astype(np.int64)
            pairs.append((source, np.array([*first, *other.ids, end], np.int64)))
            tags.append((examples.language, to))
    return pairs, tags, dropped
