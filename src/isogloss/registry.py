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
import sys
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
_places: dict[tuple[str, str], str] = {}


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a registered thing lives.

    Attributes:
        kind: what it is: measure, format ...
        name: its versioned name.
        module: what has to be imported.
        file: the file that registers it, or the entry point.
        line: the line there, 0 for an entry point.
        attribute: the object in the module, for an entry point.
    """

    kind: str
    name: str
    module: str
    file: str
    line: int
    attribute: str = ""


def register(kind: str, name: str) -> Callable[[T], T]:
    """Give the decorated object a versioned name, such as `register("measure", "mexa.v1")`.

    Raises:
        UsageError: the name has no version, or two places claim it; both are named.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a versioned name",
            remedy="use lower-case words and a version, such as 'mexa.v1'",
        )

    caller = sys._getframe(1)
    place = f"{caller.f_code.co_filename}:{caller.f_lineno}"

    def keep(thing: T) -> T:
        other = _objects.get((kind, name))
        if other is not None and _origin(other) != _origin(thing):
            raise UsageError(
                f"{kind} {name!r} is registered twice: {_origin(other)} at {_places[kind, name]} "
                f"and {_origin(thing)} at {place}",
                remedy="give one of them another name, or the next version",
            )
        _objects[kind, name], _places[kind, name] = thing, place
        return thing

    return keep


def get(kind: str, name: str) -> Any:
    """The object registered under `name`; a bare `mexa` means the newest `mexa.vN`.

    Raises:
        UnknownName: nothing of that kind has the name; the message lists the nearest ones.
    """
    full = full_name(kind, name)
    key = (kind, full)
    if key not in _objects:
        entry = _entries()[key]
        thing: Any = importlib.import_module(entry.module)
        if entry.attribute:  # another package's; whether it also decorates is its own affair
            for part in entry.attribute.split("."):
                thing = getattr(thing, part)
            _objects[key], _places[key] = thing, entry.file
    return _objects[key]


def name_of(kind: str, thing: Any) -> str:
    """The registered name of a thing or of its class; else what Python calls it."""
    for sought in (thing, type(thing)):
        for (of, name), known in _objects.items():
            if of == kind and known is sought:
                return name
    return getattr(thing, "__name__", type(thing).__name__)


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
            _add(found, entry)
    for point in _entry_points():
        kind, _, name = point.name.partition(":")
        where = f"entry point {point.name} = {point.value}"
        if not _NAME.fullmatch(name):
            raise UsageError(f"{where}: the name must be like 'measure:mine.v1'")
        _add(found, Entry(kind, name, point.module, where, 0, point.attr))
    return found


def _add(found: dict[tuple[str, str], Entry], entry: Entry) -> None:
    other = found.setdefault((entry.kind, entry.name), entry)
    if other is not entry:
        places = " and ".join(f"{e.file}:{e.line}" if e.line else e.file for e in (other, entry))
        raise UsageError(
            f"{entry.kind} {entry.name!r} is registered twice: {places}",
            remedy="give one of them another name, or the next version",
        )


def _entry_points() -> list[Any]:
    from importlib.metadata import entry_points

    return list(entry_points(group="isogloss"))
