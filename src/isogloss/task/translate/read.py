"""From what the user calls a translator to one."""

from __future__ import annotations

import shlex
from typing import Any

from isogloss import registry
from isogloss.corpus.spec import parse, split_query
from isogloss.errors import UsageError
from isogloss.task.translate.contract import Translator

_KINDS = (
    "local:FOLDER, command:PROGRAM ARGUMENTS, openai:URL#MODEL, lexicon:FILE?eng=1&aka=2, or "
    "parallel:TEXT?languages=eng,aka"
)


def read_translator(text: str, *, network: bool = False, **options: Any) -> Translator:
    """The translator that a text names.

    `local:models/opus-mt-en-de` is a folder; `command:marian-decoder -c {source}-{target}.yml` a
    program with arguments, quoted as in a shell; `openai:http://localhost:8000/v1#qwen` a model of
    an endpoint; `lexicon:en-ak.tsv.gz?eng=1&aka=2` a dictionary with its languages by column;
    `parallel:emoji?split=train&languages=eng,deu` text that a dictionary is learned from.

    Args:
        text: the kind, a colon, and what it needs.
        network: allow another machine than this one.
        options: other settings of the registered translator of that kind.

    Raises:
        UsageError: no such kind, something is missing, or an option that the kind does not have.
        ModelError, CorpusError, NetworkRefused: as the kind raises them.
    """
    kind, mark, rest = text.strip().partition(":")
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
    try:
        return registry.get("translator", f"{kind}.v1")(*needed, **extra, **options)
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        raise UsageError(f"{kind}: {error}", remedy="leave that option out") from None


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
