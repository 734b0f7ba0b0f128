"""Typed settings from TOML or keywords.

A settings class is a frozen pydantic model. Unknown keys are refused with the nearest known one,
every problem is reported at once with its path, and what is written out reads back equal.
"""

from __future__ import annotations

import difflib
import inspect
import re
import reprlib
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from isogloss.errors import SettingsError


class Settings(BaseModel):
    """Base of every settings class: frozen, and strict about unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class _Keywords(Settings):
    """Of a function, which may also take what no settings file can say, such as an array."""

    model_config = ConfigDict(arbitrary_types_allowed=True)


S = TypeVar("S", bound=BaseModel)
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Fraction = Annotated[float, Field(gt=0, le=1)]
"""A share that is not nothing."""
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


def read_settings(kind: type[S], values: Mapping[str, Any], *, file: Path | None = None) -> S:
    """The settings that `values` describe.

    Raises:
        SettingsError: every problem at once, each with its path (`steps.0.batch: ...`).
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        problems = _problems(kind, error.errors(include_url=False))
        raise SettingsError(problems, file=file) from None


def read_keywords(function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings for a function's keyword-only parameters, of the types that it says.

    Raises:
        SettingsError: every problem at once; a parameter without a default is required.
    """
    own = {
        p.name: p
        for p in inspect.signature(function).parameters.values()
        if p.kind == p.KEYWORD_ONLY
    }
    hints = type("Hints", (), {"__annotations__": {n: p.annotation for n, p in own.items()}})
    home = vars(sys.modules[function.__module__])
    kinds = get_type_hints(hints, globalns=home, include_extras=True)
    fields: dict[str, Any] = {
        name: (kinds[name], ... if p.default is p.empty else p.default) for name, p in own.items()
    }
    made = read_settings(create_model("Keywords", __base__=_Keywords, **fields), values)
    return {name: getattr(made, name) for name in values}


def read_toml(path: str | Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        SettingsError: the file cannot be read, or is not UTF-8 or not TOML, with the line.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError([f"cannot be read: {error.strerror}"], file=path) from None
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = f"byte 0x{data[error.start]:02x}"
        raise SettingsError([f"not UTF-8: {byte}"], file=path, line=line) from None
    except tomllib.TOMLDecodeError as error:
        line = int(found[1]) if (found := re.search(r"at line (\d+)", str(error))) else None
        raise SettingsError([f"not TOML: {error}"], file=path, line=line) from None


def _problems(kind: type[BaseModel], errors: Iterable[Any]) -> list[str]:
    """One line a path; what each branch of a union wants is joined by `or`."""
    wanted: dict[str, list[str]] = {}
    got: dict[str, str] = {}
    for error in errors:
        if error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]:
            continue  # it is long enough: what is in it is wrong, and told beside
        # pydantic names the branches of a union in the path: `layers`, `tuple[int, ...]`
        where = [part for part in error["loc"] if not _is_branch(part)]
        path = ".".join(map(str, where)) or "(all)"
        if error["type"] == "extra_forbidden":
            text = _unknown(str(where[-1]), _fields(kind, where[:-1]))
        elif error["type"] == "missing":
            text = "required"
        else:
            text = error["msg"].removeprefix("Value error, ")
            text = text[:1].lower() + text[1:]
            got[path] = f" (got {reprlib.repr(error['input'])})"
        wanted.setdefault(path, []).append(text)
    return [f"{path}: {', or '.join(texts)}{got.get(path, '')}" for path, texts in wanted.items()]


def _is_branch(part: Any) -> bool:
    return isinstance(part, str) and ("[" in part or part.startswith("constrained-"))


def _unknown(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    if near:
        return f"unknown key; did you mean {near[0]!r}?"
    return f"unknown key; known: {', '.join(known)}" if known else "unknown key"


def _fields(kind: type[BaseModel] | None, path: Iterable[Any]) -> list[str]:
    """The keys that the settings class at `path` has."""
    for part in path:
        if kind and part in kind.model_fields:
            kind = _inner(kind.model_fields[part].annotation)
    return list(kind.model_fields) if kind else []


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The settings class in an annotation such as `dict[str, Text]` or `Text | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_inner, get_args(annotation))), None)
