"""From what the user calls a translator to one."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from isogloss import registry
from isogloss.corpus.spec import parse, split_query
from isogloss.errors import SettingsError, UsageError
from isogloss.settings import Share, read_keywords
from isogloss.task.translate.check import Check
from isogloss.task.translate.contract import Translator

_KINDS = (
    "local:FOLDER, command:PROGRAM ARGUMENTS, openai:URL#MODEL, lexicon:FILE?eng=1&aka=2, or "
    "parallel:TEXT?languages=eng,aka"
)
_NOT_ASKED = ("network", "sleep")
"""Settings that are not for the text to decide."""


def _checks(*, wrong: Share | None = None, copied: Share | None = None) -> None:
    """What of `Check` a text may say, of these types."""


def read_translator(text: str, *, network: bool = False, **options: Any) -> Translator:
    """The translator that a text names.

    `local:models/opus-mt-en-de` is a folder; `command:marian-decoder -c {source}-{target}.yml` a
    program with arguments, quoted as in a shell; `openai:http://localhost:8000/v1#qwen` a model of
    an endpoint; `lexicon:en-ak.tsv.gz?eng=1&aka=2` a dictionary with its languages by column;
    `parallel:emoji?split=train&languages=eng,deu` text that a dictionary is learned from.

    Settings of the registered translator of that kind stand behind the kind, and so do `wrong` and
    `copied` of `Check`, how many of its translations may be no use:
    `command?timeout=3600&batch=100:marian-decoder -c en-de.yml`. A colon in one is written %3A.

    Args:
        text: the kind, a colon, and what it needs.
        network: allow another machine than this one.
        options: the same settings as Python has them.

    Raises:
        UsageError: no such kind, something is missing, or an option that the kind does not have.
        SettingsError: a setting behind the kind that it does not have, or of another type.
        ModelError, CorpusError, NetworkRefused: as the kind raises them.
    """
    head, mark, rest = text.strip().partition(":")
    kind, asked = split_query(head)
    readers = {
        "local": _local,
        "command": _command,
        "openai": _openai,
        "lexicon": _lexicon,
        "parallel": _parallel,
    }
    if not mark or kind not in readers:
        raise UsageError(f"{text!r} names no translator", remedy=f"give {_KINDS}")
    if not rest.strip():
        raise UsageError(f"{text!r} does not say which", remedy=f"give {_KINDS}")
    needed, extra = readers[kind](rest.strip(), network)
    maker = registry.get("translator", f"{kind}.v1")
    own, shares = _settings(kind, maker, asked)
    try:
        made = maker(*needed, **extra, **own, **options)
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        raise UsageError(f"{kind}: {error}", remedy="leave that option out") from None
    if shares:
        made.check = replace(getattr(made, "check", None) or Check(), **shares)
    return made


def _settings(
    kind: str, maker: Any, asked: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, float]]:
    """What a text says of a translator, and of the check of its work."""
    checks = inspect.signature(_checks).parameters
    shares = {name: value for name, value in asked.items() if name in checks}
    own = {name: value for name, value in asked.items() if name not in checks}
    if wrong := [name for name in own if name in _NOT_ASKED]:
        raise UsageError(f"{kind}?{wrong[0]}= is not to be set here", remedy="leave it out")
    try:
        return read_keywords(maker, own), read_keywords(_checks, shares)
    except SettingsError as error:
        raise SettingsError([f"{kind}?{problem}" for problem in error.problems]) from None


def _local(rest: str, network: bool) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (rest,), {}


def _command(rest: str, network: bool) -> tuple[tuple[Any, ...], dict[str, Any]]:
    try:
        return (shlex.split(rest),), {}
    except ValueError as error:
        raise UsageError(
            f"the command {rest!r} cannot be taken apart: {error}",
            remedy="close every quotation mark",
        ) from None


def _openai(rest: str, network: bool) -> tuple[tuple[Any, ...], dict[str, Any]]:
    url, _, model = rest.rpartition("#")
    if not url or not model:
        raise UsageError(
            f"openai:{rest} does not name a model",
            remedy="put it behind the address: openai:http://localhost:8000/v1#MODEL",
        )
    return (url, model), {"network": network}


def _lexicon(rest: str, network: bool) -> tuple[tuple[Any, ...], dict[str, Any]]:
    spec = parse(rest)
    columns = sorted((number, tag) for tag, number in spec.options.items())
    if [number for number, _ in columns] != ["1", "2"]:
        raise UsageError(
            f"lexicon:{rest} does not name the languages of both columns",
            remedy="such as lexicon:en-ak.tsv.gz?eng=1&aka=2",
        )
    (_, source), (_, target) = columns
    return ({(source, target): spec.path},), {}


def _parallel(rest: str, network: bool) -> tuple[tuple[Any, ...], dict[str, Any]]:
    text, options = split_query(rest)
    languages = [tag for tag in options.pop("languages", "").split(",") if tag]
    query = "&".join(f"{key}={value}" for key, value in options.items())
    return (f"{text}?{query}" if query else text, languages), {"network": network}
