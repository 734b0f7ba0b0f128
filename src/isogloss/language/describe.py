"""What a tag means, for people: one record a tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from isogloss.language.tags import read_language

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def describe(tags: Sequence[str]) -> list[dict[str, Any]]:
    """One record a tag: canonical form, names, script, direction, speakers, BCP-47, notes.

    Raises:
        UnknownLanguage: a tag that does not exist.
        AmbiguousLanguage: a tag or a name that several languages share.
    """
    records = []
    for tag in tags:
        notes: list[str] = []
        language = read_language(tag, note=notes.append)
        records.append(
            {
                "asked": tag,
                "tag": str(language),
                "name": language.name,
                "autonym": language.autonym,
                "script": language.script_name,
                "direction": language.direction,
                "speakers": language.speakers,
                "writers": language.writers,
                "bcp47": language.bcp47,
                "macrolanguage": language.macrolanguage,
                "note": "; ".join(notes) or None,
            }
        )
    return records


_HEADINGS = {"bcp47": "BCP-47"}
_OMITTED = frozenset({"writers"})  # in the records and in JSON; the table would be too wide


def table(records: Sequence[dict[str, Any]]) -> Table:
    """The records as a terminal table."""
    from rich.table import Table

    names = [name for name in records[0] if name not in _OMITTED] if records else []
    made = Table(header_style="bold")
    for name in names:
        justify = "right" if name == "speakers" else "left"
        made.add_column(_HEADINGS.get(name, name), justify=justify)
    for record in records:
        cells = (record[name] for name in names)
        made.add_row(*(f"{cell:,}" if isinstance(cell, int) else cell or "" for cell in cells))
    return made


def render(records: Sequence[dict[str, Any]], console: Console) -> None:
    """Print the records on a console, whose stream and width the caller chose."""
    console.print(table(records))
