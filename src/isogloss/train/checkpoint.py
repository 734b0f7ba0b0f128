"""Checkpoints: the last two are kept, each whole or absent, and only one that is whole is read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss.files import atomic_folder, fingerprint, sha256_file, write_json

if TYPE_CHECKING:
    import torch

KEPT = 2
_STATE = "state.json"


@dataclass(frozen=True)
class Checkpoint:
    """What was saved.

    Attributes:
        tensors: by name of the file, by name.
        about: what was saved as JSON.
    """

    tensors: dict[str, dict[str, torch.Tensor]]
    about: dict[str, Any]


def save_checkpoint(
    folder: Path,
    step: int,
    tensors: Mapping[str, Mapping[str, torch.Tensor]],
    about: Mapping[str, Any],
) -> None:
    """Write a checkpoint beside the one before, and delete all others.

    Args:
        folder: of all checkpoints of a training.
        step: that is done.
        tensors: by name of the file, by name.
        about: what else is needed, as JSON.

    Raises:
        OutputError: no space left; the checkpoints that are there stay.
    """
    from safetensors.torch import save_file

    with atomic_folder(folder / _name(step)) as temporary:
        sums = {}
        for name, values in tensors.items():
            file = temporary / f"{name}.safetensors"
            save_file({key: value.contiguous() for key, value in values.items()}, file)
            sums[name] = sha256_file(file)
        state = {"about": dict(about), "sha256": sums}
        # As others read it back: numbers may be spelled in other ways before than after.
        state = json.loads(json.dumps(state, allow_nan=False))
        write_json(temporary / _STATE, {**state, "fingerprint": fingerprint(state)})
    made = _name(step)
    there = _there(folder)
    beyond = [path for path in there if path.name > made]  # of other settings, or damaged
    for old in [*beyond, *there[len(beyond) + KEPT :]]:
        shutil.rmtree(old, ignore_errors=True)


def read_checkpoint(folder: Path, key: str) -> tuple[Checkpoint | None, list[str]]:
    """The newest whole checkpoint of a training, and what is to be said of those that are not.

    Args:
        folder: of all checkpoints of a training.
        key: that `about` must have; others are of other settings.
    """
    from safetensors import SafetensorError

    damaged: list[str] = []
    for path in _there(folder):
        try:
            found = _read(path, key)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            damaged.append(f"the checkpoint {path.name} cannot be read ({reason})")
            continue
        if found is not None:
            return found, _said(damaged, f"training went on from {path.name}")
    return None, _said(damaged, "training began anew")


def clear_leftovers(folder: Path) -> None:
    """Delete what a kill in the middle of saving left behind."""
    for path in folder.glob(".step-*"):
        shutil.rmtree(path, ignore_errors=True)


def _name(step: int) -> str:
    return f"step-{step:09}"


def _there(folder: Path) -> list[Path]:
    """All checkpoints, the newest first."""
    return sorted(folder.glob("step-*"), reverse=True)


def _read(path: Path, key: str) -> Checkpoint | None:
    """A whole checkpoint, or None where it is of other settings."""
    from safetensors.torch import load_file

    state = json.loads((path / _STATE).read_text(encoding="utf-8"))
    if state.pop("fingerprint") != fingerprint(state):
        raise ValueError(f"{_STATE} is not as it was written")
    if state["about"]["key"] != key:
        return None
    for name, wanted in state["sha256"].items():
        if sha256_file(path / f"{name}.safetensors") != wanted:
            raise ValueError(f"{name}.safetensors is not as it was written")
    tensors = {name: load_file(path / f"{name}.safetensors") for name in state["sha256"]}
    return Checkpoint(tensors, state["about"])


def _said(damaged: list[str], then: str) -> list[str]:
    return [f"{'; '.join(damaged)}; {then}"] if damaged else []
