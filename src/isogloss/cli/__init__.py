"""The command line."""

from __future__ import annotations


def main() -> None:
    """The `isogloss` command."""
    from isogloss.cli.main import main as run

    run()
