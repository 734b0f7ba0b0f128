"""What a strategy needs of the user beside labels: each says it where it is registered."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from isogloss.errors import UsageError

T = TypeVar("T", bound=Callable[..., Any])


class Need(NamedTuple):
    """Something that a user brings: what it is, in words, and the option that gives it."""

    what: str
    option: str


BROUGHT = {
    "translator": Need("a translator", "--translator"),
    "lexicons": Need("dictionaries", "--lexicon hin=en-hi.tsv.gz"),
    "parallel": Need("parallel text", "--parallel"),
    "folders": Need("other models", "--folder hin=FOLDER"),
    "acts": Need("what is done with the words of a class", "--act arabic=maltese_to_arabic"),
    "proposer": Need("a model that proposes spans", "--proposer"),
    "source": Need("several source languages", "--train sib200/eng,spa"),
}
"""By name of the setting of `transfer.v1`; all but `source` are fields of `Means` too."""


def needs(*always: str, **by_setting: Mapping[Any, str]) -> Callable[[T], T]:
    """Say what the decorated strategy needs, so that it is asked for before anything is trained.

        @register("strategy", "mine.v1")
        @needs("parallel", through={"translation": "translator"})

    Args:
        always: names of `BROUGHT`.
        by_setting: what values of a setting need, each a name of `BROUGHT`.

    Raises:
        UsageError: a need of another name.
    """
    named = [*always, *(name for values in by_setting.values() for name in values.values())]
    if unknown := [name for name in named if name not in BROUGHT]:
        raise UsageError(
            f"nobody brings {unknown[0]!r}", remedy=f"a strategy needs {', '.join(BROUGHT)}"
        )

    def keep(strategy: T) -> T:
        strategy.needs = (always, by_setting)  # ty: ignore
        return strategy

    return keep


def needs_of(strategy: Callable[..., Any], settings: Mapping[str, Any]) -> list[str]:
    """Names of what a strategy needs with these settings, defaults where they say nothing."""
    always, by_setting = getattr(strategy, "needs", ((), {}))
    own = inspect.signature(strategy).parameters
    chosen = {name: settings.get(name, own[name].default) for name in by_setting}
    return [*always, *(by_setting[name][value] for name, value in chosen.items()
                       if value in by_setting[name])]  # fmt: skip
