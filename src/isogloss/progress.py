"""Progress on long work: silent by default, bars where a person is looking."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol


class Advance(Protocol):
    """Called with each amount done, and what a person may want to know of it."""

    def __call__(self, amount: int, text: str = "", /) -> None:
        """Show the amount, and the text in place of the last one, if there is one."""
        ...


Start = Callable[[str, int], Advance]
"""Called with a description and a total; gives back what to call with each amount done."""
Begin = Callable[[int], Advance]
"""The same with the description said: called with the total, by whoever knows it."""


def silent(description: str, total: int) -> Advance:
    """Show nothing."""
    return _nothing


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
        TextColumn("{task.fields[text]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def start(description: str, total: int) -> Advance:
            task = progress.add_task(description, total=total, text="")

            def advance(amount: int, text: str = "", /) -> None:
                progress.update(task, advance=amount)
                if text:
                    progress.update(task, text=text)

            return advance

        yield start


def _line(description: str, total: int) -> Advance:
    """One line a task where bars would only fill a log."""
    print(f"{description} ({total:,})", file=sys.stderr, flush=True)
    return _nothing


def _nothing(amount: int, text: str = "", /) -> None:
    """Nobody is looking."""
