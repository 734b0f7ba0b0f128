"""What a tag means, for people: one record a tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from isogloss.language.tags import read_language

if TYPE_CHECKING:
    from rich.table import Table


def describe(tags: Sequence[str]) -> list[dict[str, Any]]:
    """One record a tag: canonical form, names, script, direction, speakers, BCP-47, notes.

    Raises:
        UnknownLanguage: a tag that does not exist.
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
                "bcp47": language.bcp47,
                "macrolanguage": language.macrolanguage,
                "note": "; ".join(notes) or None,
            }
        )
    return records


def table(records: Sequence[dict[str, Any]]) -> Table:
    """The records as a terminal table."""
    from rich.table import Table

    made = Table(header_style="bold")
    for name in records[0] if records else ():
        made.add_column(name, justify="right" if name == "speakers" else "left")
    for record in records:
        cells = (f"{v:,}" if isinstance(v, int) else v or "" for v in record.values())
        made.add_row(*cells)
    return made
