"""One registry for every kind of thing a recipe can name.

A method is one file that decorates one object:

    @register("measure", "mexa.v1")
    def mexa(...): ...

Nothing else has to be edited. The registry finds such lines by reading the source of the package
(a text scan, so nothing is imported), and imports the one module that is asked for. A name carries
a version: a change in behaviour is a new version, so that an old recipe keeps its meaning. Other
packages add theirs through the entry-point group `isogloss`, `"measure:mine.v1" = "pkg.mod:obj"`.
"""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from isogloss.errors import UnknownName, UsageError

T = TypeVar("T")

_DECORATOR = re.compile(r'^@register\(\s*"([a-z_]+)",\s*"([a-z0-9_.-]+\.v\d+)"', re.MULTILINE)
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.v\d+")
_objects: dict[tuple[str, str], Any] = {}


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a registered thing lives: its kind, versioned name, module, file and line."""

    kind: str
    name: str
    module: str
    file: str
    line: int


def register(kind: str, name: str) -> Callable[[T], T]:
    """Give the decorated object a versioned name, such as `register("measure", "mexa.v1")`.

    Raises:
        UsageError: the name has no version, or two different objects claim it.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a versioned name",
            remedy="use lower-case words and a version, such as 'mexa.v1'",
        )

    def keep(thing: T) -> T:
        other = _objects.get((kind, name))
        if other is not None and _origin(other) != _origin(thing):
            raise UsageError(f"{kind} {name!r} is taken: {_origin(other)} and {_origin(thing)}")
        _objects[kind, name] = thing
        return thing

    return keep


def get(kind: str, name: str) -> Any:
    """The object registered under `name`; a bare `mexa` means the newest `mexa.vN`.

    Raises:
        UnknownName: nothing of that kind has the name; the message lists the nearest ones.
    """
    full = full_name(kind, name)
    if (kind, full) not in _objects:
        importlib.import_module(_entries()[kind, full].module)
    return _objects[kind, full]


def full_name(kind: str, name: str) -> str:
    """The versioned spelling of `name`, without importing what it stands for."""
    known = names(kind)
    if name in known:
        return name
    versions = [k for k in known if k.rpartition(".v")[0] == name]
    if versions:
        return max(versions, key=lambda k: int(k.rpartition(".v")[2]))
    near = difflib.get_close_matches(name, [*known, *(k.rpartition(".v")[0] for k in known)], n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known) or 'none'}"
    raise UnknownName(f"there is no {kind} called {name!r}", remedy=hint)


def names(kind: str) -> list[str]:
    """All registered names of a kind, sorted; imports nothing."""
    found = {n for k, n in _entries() if k == kind} | {n for k, n in _objects if k == kind}
    return sorted(found)


def entries() -> list[Entry]:
    """Every registered name of this package with the file and line that registers it."""
    return sorted(_entries().values(), key=lambda e: (e.kind, e.name))


def _origin(thing: Any) -> str:
    return f"{getattr(thing, '__module__', '?')}.{getattr(thing, '__qualname__', thing)}"


@cache
def _entries() -> dict[tuple[str, str], Entry]:
    found: dict[tuple[str, str], Entry] = {}
    root = Path(__file__).parent
    for file in sorted(root.rglob("*.py")):
        source = file.read_text(encoding="utf-8")
        for match in _DECORATOR.finditer(source):
            parts = ("isogloss", *file.relative_to(root).with_suffix("").parts)
            module = ".".join(parts).removesuffix(".__init__")
            line = source.count("\n", 0, match.start()) + 1
            entry = Entry(match[1], match[2], module, str(file), line)
            other = found.get((entry.kind, entry.name))
            if other is not None:
                raise UsageError(
                    f"{entry.kind} {entry.name!r} is registered twice: "
                    f"{other.file}:{other.line} and {file}:{line}"
                )
            found[entry.kind, entry.name] = entry
    for point in _entry_points():
        kind, _, name = point.name.partition(":")
        found.setdefault((kind, name), Entry(kind, name, point.module, point.value, 0))
    return found


def _entry_points() -> list[Any]:
    from importlib.metadata import entry_points

    return list(entry_points(group="isogloss"))
