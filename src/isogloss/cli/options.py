"""What several commands share: options, lists of tags, notes on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from isogloss.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 240  # columns of a table that goes to a file or a pipe

Model = Annotated[
    str,
    typer.Argument(help="A local folder, a hub name, or all-MiniLM-L6-v2 (demonstration model)."),
]
Pooling = Annotated[
    str | None, typer.Option(help="mean, cls, last or weighted; the model's own by default.")
]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Network = Annotated[bool, typer.Option("--network", help="Allow fetching models and data sets.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def listed(text: str) -> list[str]:
    """What commas separate."""
    return [part.strip() for part in text.split(",") if part.strip()]


def named_paths(
    given: Iterable[str], option: str = "--text", such_as: str = "train=bible"
) -> dict[str, str]:
    """`NAME=PATH` of each time that an option is given.

    Raises:
        UsageError: an option without a name or a path.
    """
    found = {}
    for text in given:
        name, _, path = text.partition("=")
        if not (name and path):
            raise UsageError(
                f"{option} {text}: not NAME=PATH", remedy=f"such as {option} {such_as}"
            )
        found[name] = path
    return found


def tell(notes: Iterable[str]) -> None:
    """Notes to standard error, a line each."""
    for note in notes:
        print(f"isogloss: {note}", file=sys.stderr)


def plain_console() -> Console:
    """Where tables go: as wide as the terminal, and as they need where there is none."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else WIDE)
