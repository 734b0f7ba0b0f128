"""An environment of its own for the tools that a benchmark measures beside ours."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

OPTION = "a folder to keep the environment of the other tools in; made anew each time without it"


def environment(
    folder: Path, packages: list[str], imports: str, torch: tuple[str, ...] = ()
) -> Path | None:
    """The Python of an environment with packages; None, and why, where it cannot be had.

    Args:
        folder: of the environment; where there is one, nothing is installed.
        packages: as pip takes them.
        imports: names of modules that must be there, as an import statement takes them.
        torch: what is installed first, beside the torch of the version that we run.
    """
    python = folder / "bin" / "python"
    if not python.exists():
        version = importlib.metadata.version("torch").partition("+")[0]
        for command in (
            [sys.executable, "-m", "venv", str(folder)],
            [str(python), "-m", "pip", "install", "-q", f"torch=={version}", *torch],
            [str(python), "-m", "pip", "install", "-q", *packages],
        ):
            if said := _failed(command):
                _skip(f"{', '.join(packages)} cannot be installed: {said}")
                return None
    if said := _failed([str(python), "-c", f"import {imports}"]):
        _skip(f"{imports} cannot be imported by {python}: {said}")
        return None
    return python


def _failed(command: list[str]) -> str:
    """The last line of what a command said, where it failed."""
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stderr.strip() or "no reason given").splitlines()[-1] if done.returncode else ""


def _skip(why: str) -> None:
    print(f"skipped: {why}")
    print("  make an environment that has them, and give its folder by --environment")
