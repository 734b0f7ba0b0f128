"""What text stands behind a model, as its own run tells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from isogloss.task.suites import Suite, list_suites

_MEASURING = re.compile(r"(measure|pivot|compare|evaluate)\b")


def trained_on(model: str | Path) -> set[str]:
    """Paths of texts that a model's run read to train it, and those behind the model it began as.

    A model is in `RUN/model`, `RUN/files/STEP/NAME` or `RUN/files/STEP/NAME/LANGUAGE`, and the
    run's `provenance.json` names what its steps read. Nothing is known of a model that lies
    elsewhere, which is no sign that it read nothing.
    """
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [str(model)]
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        for run in _runs(Path(here)):
            found |= set(_texts(run))
            if begun := run.get("model"):
                waiting.append(begun)
    return found


def has_read(suite: Suite, texts: set[str]) -> list[str]:
    """Those of some texts that the examples of a suite are made of, by their names."""
    names = {suite.name}
    if suite.name in list_suites():  # folders of other suites may have any name, such as `data`
        names |= {part.path.partition("/")[0].lower() for part in suite.tasks}
    if any("flores" in line.lower() for line in (suite.title, *suite.notes)):
        names |= {"flores", "flores200", "sib200"}
    return sorted(text for text in texts if names & set(re.split(r"[^a-z0-9_]+", text.lower())))


def _runs(model: Path) -> Iterator[dict[str, Any]]:
    """The recipe of the run that a model lies in."""
    for folder in list(model.expanduser().absolute().parents)[:4]:
        file = folder / "provenance.json"
        if file.is_file():
            try:
                yield json.loads(file.read_text(encoding="utf-8")).get("recipe", {})
            except ValueError:
                continue
            return


def _texts(recipe: dict[str, Any]) -> Iterator[str]:
    texts = {name: one.get("path", "") for name, one in recipe.get("text", {}).items()}
    for step in recipe.get("steps", ()):
        if not _MEASURING.match(step.get("use", "")):
            yield from (texts[name] for name in _strings(step) if name in texts)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _strings(one)
