"""Typed settings from TOML or keywords.

A settings class is a frozen pydantic model. Unknown keys are refused with the nearest known one,
every problem is reported at once with its path, and what is written out reads back equal.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from isogloss.errors import SettingsError


class Settings(BaseModel):
    """Base of every settings class: frozen, and strict about unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


S = TypeVar("S", bound=BaseModel)


def read_settings(kind: type[S], values: Mapping[str, Any], *, file: Path | None = None) -> S:
    """The settings that `values` describe.

    Raises:
        SettingsError: every problem at once, each with its path (`steps.0.batch: ...`).
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        problems = [_problem(kind, e) for e in error.errors(include_url=False)]
        raise SettingsError(problems, file=file) from None


def read_toml(path: str | Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        SettingsError: the file is absent, not UTF-8 or not TOML; the parser's line is in the text.
    """
    path = Path(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(["no such file"], file=path) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"not a TOML file: {error}"], file=path) from None


def _problem(kind: type[BaseModel], error: Any) -> str:
    path = ".".join(str(part) for part in error["loc"]) or "(all)"
    if error["type"] == "extra_forbidden":
        known = list(kind.model_fields) if len(error["loc"]) == 1 else []
        near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        known_text = f"; known: {', '.join(known)}" if known and not near else ""
        return f"{path}: unknown key{hint}{known_text}"
    if error["type"] == "missing":
        return f"{path}: required"
    return f"{path}: {error['msg'][0].lower()}{error['msg'][1:]} (got {error['input']!r})"
