"""The folder of a mining: what has been made in it, of what, and whether it is still that.

`manifest.json` names the model, the texts and the settings, and every file with its sha256. A file
is entered when it is whole, so that a run that was stopped goes on after the last one entered.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from isogloss.errors import OutputError
from isogloss.files import atomic_write, refuse_file, sha256_file, write_json

MANIFEST = "manifest.json"


class MiningFolder:
    """What has been made so far.

    Attributes:
        path: the folder.
        state: the manifest: `inputs`, `files`, `seconds`, `finished`, and what the job adds.
    """

    def __init__(self, path: Path, state: dict[str, Any]) -> None:
        self.path, self.state = path, state

    def save(self) -> None:
        """Write the manifest."""
        write_json(self.path / MANIFEST, self.state)

    def has(self, name: str) -> bool:
        """Whether the file has been made."""
        return name in self.state["files"]

    def facts(self, name: str) -> dict[str, Any]:
        """What was entered with the file."""
        return self.state["files"][name]

    @contextmanager
    def writing(self, name: str) -> Generator[IO[bytes]]:
        """Open a file that appears whole or not at all; `enter` it when it is."""
        with atomic_write(self.path / name, "wb") as file:
            yield file

    def enter(self, *names: str, **facts: Any) -> None:
        """Remember files that are whole, with their sums and something about them."""
        for name in names:
            self.state["files"][name] = {"sha256": sha256_file(self.path / name), **facts}
        self.save()

    def checked(self, name: str) -> Path:
        """A file that has been made, as it was made.

        Raises:
            OutputError: it vanished or changed.
        """
        file = self.path / name
        if not file.is_file():
            raise OutputError("has vanished since it was made", file=file, remedy=self._remedy)
        if sha256_file(file) != self.facts(name)["sha256"]:
            raise OutputError("has changed since it was made", file=file, remedy=self._remedy)
        return file

    @property
    def _remedy(self) -> str:
        return (
            f"put it back as it was; or delete {self.path}, or choose another --out, to begin anew"
        )

    @contextmanager
    def timed(self, stage: str) -> Generator[None]:
        """Add the time of the block to that of a stage; it is saved with the next file."""
        began = time.monotonic()
        try:
            yield
        finally:
            seconds = self.state["seconds"]
            seconds[stage] = round(seconds.get(stage, 0) + time.monotonic() - began, 2)


def open_mining(path: str | Path, inputs: Mapping[str, Any]) -> MiningFolder:
    """A folder that is new, empty, or of a mining of these very inputs.

    Args:
        path: the folder.
        inputs: what vectors and neighbours depend on, by what a person calls it; JSON.

    Raises:
        UsageError: a file.
        OutputError: it holds something else; the message says which input differs.
    """
    path = Path(path)
    refuse_file(path)
    manifest = path / MANIFEST
    state: dict[str, Any] = {"inputs": dict(inputs), "files": {}, "seconds": {}, "finished": None}
    if manifest.is_file():
        try:
            found = json.loads(manifest.read_text(encoding="utf-8"))
            was, files = found["inputs"], found["files"]
        except (ValueError, KeyError, TypeError):
            raise OutputError(
                "is damaged", file=manifest, remedy=f"delete {path}, or choose another --out"
            ) from None
        if files:  # else it stopped before anything was made, and nothing is lost
            _check_inputs(manifest, was, inputs)
            state = found
    elif path.is_dir() and any(not e.name.startswith(f".{MANIFEST}.") for e in path.iterdir()):
        raise OutputError(
            "is not empty and holds no mining", file=path, remedy="choose another --out"
        )
    made = MiningFolder(path, state)
    if not state["files"]:
        made.save()
    return made


def _check_inputs(manifest: Path, was: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    for name, value in inputs.items():
        if was.get(name) != value:
            raise OutputError(
                f"was begun with another {name}: {_short(was.get(name))}, not {_short(value)}",
                file=manifest,
                remedy=f"choose another --out; or delete {manifest.parent} to begin anew there",
            )


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]} ..."
