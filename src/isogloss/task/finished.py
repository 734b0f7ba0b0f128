"""Models that know a task, opened again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss.encode.folder import open_folder
from isogloss.errors import ModelError
from isogloss.task.probe import open_probe
from isogloss.task.solver import TASK, Solver, open_tuned, read_task

if TYPE_CHECKING:
    from isogloss.encode.protocol import Encoder


def knows(folder: Path) -> bool:
    """Whether a folder was left by a solver that was taught."""
    return (folder / TASK / "task.json").is_file()


def is_probe(folder: Path) -> bool:
    """Whether what was taught there reads the vectors of an encoder that lies elsewhere."""
    return bool(read_task(folder).get("encoder"))


def open_solver(folder: Path, task: Any, encoder: Encoder | None) -> Solver:
    """What a job left with `keep`: a tuned model, or a probe over the vectors of its encoder.

    Raises:
        ModelError: it knows no task, or the encoder is not the one of the probe.
        UsageError: the head is of another task.
    """
    if not knows(folder):
        raise ModelError(
            "knows no task", file=folder, remedy="teach it one: isogloss transfer --keep"
        )
    if not is_probe(folder):
        opened = open_folder(folder, str(folder))
        return task.open(opened) if hasattr(task, "open") else open_tuned(opened, task)
    if encoder is None:
        raise ModelError("is a probe without its encoder", file=folder, remedy="name the encoder")
    return open_probe(folder, task, encoder)
