"""Progress on long work: silent by default, bars where a person is looking."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

Advance = Callable[[int], None]
Start = Callable[[str, int], Advance]
"""Called with a description and a total; gives back what to call with each amount done."""


def silent(description: str, total: int) -> Advance:
    """Show nothing."""
    return lambda amount: None


@contextmanager
def bars() -> Generator[Start]:
    """Progress bars on standard error, or nothing where that is not a terminal."""
    if not sys.stderr.isatty():
        yield _line
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def start(description: str, total: int) -> Advance:
            task = progress.add_task(description, total=total)
            return lambda amount: progress.advance(task, amount)

        yield start


def _line(description: str, total: int) -> Advance:
    """One line a task where bars would only fill a log."""
    print(f"{description} ({total:,})", file=sys.stderr, flush=True)
    return lambda amount: None
