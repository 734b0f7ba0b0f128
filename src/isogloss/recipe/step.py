"""What every step of a recipe is: settings, the names it needs, and a function of a workplace."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from isogloss import registry
from isogloss.errors import UnknownName
from isogloss.files import fingerprint
from isogloss.progress import Start, silent
from isogloss.score import Scores
from isogloss.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from isogloss.corpus.records import Corpus
    from isogloss.encode.folder import ModelFolder
    from isogloss.encode.protocol import Encoder
    from isogloss.train.loop import Trained

FILES = "files"
"""A step's folder of this name is copied to the run's, `files/<step>`, for people to use."""


LOG = "train_log.parquet"
"""The log of a training, among these files."""


class Step(Settings):
    """Base of every step; a step's fields that name inputs are listed by `needs`."""

    alone: ClassVar[bool] = False  # whether it can do with texts of the pivot alone
    together: ClassVar[bool] = False  # whether several processes share its work, as training does
    name: str
    use: str

    def needs(self) -> dict[str, str]:
        """Field to name of each input: a text, the teacher, or an earlier step."""
        return {}

    def check(self, earlier: Mapping[str, Step]) -> list[str]:
        """Problems with the steps before it, each with the name of the setting."""
        return []

    def run(self, place: Workplace) -> None:
        """Do the work and leave the results in `place.folder`."""
        raise TypeError(f"{type(self).__name__} does not say what it does")

    def key_settings(self) -> dict[str, Any]:
        """The settings that can change the answer."""
        return self.model_dump(mode="json", exclude={"name", *self.needs()})


class DoneHere(Exception):
    """A process that only trains has trained."""


@dataclass
class Workplace:
    """Where one step works: its inputs, its own folder, and how to tell people about progress.

    Attributes:
        folder: empty folder for the results; it appears in the cache when the step is done.
        scratch: folder that outlives a crash, for checkpoints.
        pivot: canonical tag.
        languages: canonical tags, the pivot not among them.
        seed: of everything random.
        strict: refuse truncation.
        texts: corpora by name.
        encoders: `teacher` and the models of earlier steps, by name.
        done: folders of earlier steps, by name.
        inputs: fingerprints of what the step needs, by its fields.
        start: starts a progress bar.
        notes: sentences for the report.
        first: whether this is the process that does more than train.
    """

    folder: Path
    scratch: Path
    pivot: str
    languages: list[str]
    seed: int
    strict: bool
    texts: dict[str, Corpus]
    encoders: dict[str, Encoder]
    done: dict[str, Path]
    inputs: Mapping[str, str] = field(default_factory=dict)
    start: Start = silent
    notes: list[str] = field(default_factory=list)
    first: bool = True

    def encoder(self, name: str) -> Encoder:
        """The teacher, or the model that an earlier step made."""
        if name not in self.encoders:
            from isogloss.encode import load_encoder

            self.encoders[name] = load_encoder(str(self.done[name] / "model"))
            self.encoders[name].name = name  # scores should not name a folder of the cache
        return self.encoders[name]

    def model_folder(self, name: str) -> ModelFolder:
        """The folder of the teacher, or of the model that an earlier step made."""
        from isogloss.encode.resolve import find_model

        made = self.done[name] / "model" if name in self.done else self.encoder(name).name
        return find_model(str(made))

    def keep_model(self) -> None:
        """Leave the model of this step in the run's `files/<step>/model` too."""
        (self.folder / FILES).mkdir(exist_ok=True)
        (self.folder / FILES / "model").symlink_to(Path("..") / "model")

    def keep_log(self, name: str, trained: Trained) -> None:
        """Leave the log of a training in the run's `files/<step>`, and what is to be told of it.

        Raises:
            DoneHere: this process only trains.
        """
        if not self.first:
            raise DoneHere
        from isogloss.train.log import write_log

        (self.folder / FILES).mkdir(exist_ok=True)
        write_log(self.folder / FILES / LOG, trained.rows, trained.times)
        self.notes += [named(name, note) for note in trained.notes]

    def write(self, scores: Scores, items: dict[str, np.ndarray] | None = None) -> None:
        """Leave scores, the per-item outcomes behind them, and the notes."""
        import numpy as np

        from isogloss.files import write_json

        scores.to_json(self.folder / "scores.json")
        write_json(self.folder / "notes.json", self.notes)
        np.savez_compressed(self.folder / "items.npz", **dict(items or {}))  # ty: ignore[invalid-argument-type]

    def scores_of(self, name: str) -> Scores:
        """The scores of an earlier step."""
        return Scores.read(self.done[name] / "scores.json")

    def items_of(self, name: str) -> dict[str, np.ndarray]:
        """The per-item outcomes of an earlier step."""
        import numpy as np

        with np.load(self.done[name] / "items.npz", allow_pickle=False) as stored:
            return dict(stored)


def named(name: str, note: str) -> str:
    """A note with the step it is of; a warning stays one."""
    warning = "WARNING: " if note.startswith("WARNING: ") else ""
    return f"{warning}{name}: {note.removeprefix('WARNING: ')}"


def step_key(step: Step, shared: dict[str, Any], inputs: dict[str, str]) -> str:
    """The cache key of a step: its name and version, its settings, and its inputs' fingerprints."""
    return fingerprint(step.use, step.key_settings(), shared, needed(step, inputs))


def needed(step: Step, inputs: Mapping[str, str]) -> dict[str, str]:
    """The fingerprints of what a step needs, by its fields."""
    return {field: inputs[name] for field, name in step.needs().items()}


def full_name(kind: str, name: str) -> str:
    """The versioned name; pydantic wants a ValueError to say which setting is wrong."""
    try:
        return registry.full_name(kind, name)
    except UnknownName as error:
        raise ValueError(f"{error.message}; {error.remedy}") from None


def read_notes(folder: Path) -> list[str]:
    """The notes that a finished step left."""
    file = folder / "notes.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
