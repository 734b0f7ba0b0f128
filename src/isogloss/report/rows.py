"""How the report reads rows of scores: which layer stands for a model, how a language is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from itertools import takewhile
from typing import Any, NamedTuple

from isogloss.errors import IsoglossError
from isogloss.language import read_language
from isogloss.score import Score, Scores


class Shown(NamedTuple):
    """A language as people read it; `autonym` is empty where it is not known or says the same."""

    tag: str
    name: str
    autonym: str
    bcp47: str
    direction: str

    @property
    def label(self) -> str:
        """`Māori (mri_Latn)`, the spelling of every axis and table."""
        return self.tag if self.name == self.tag else f"{self.name} ({self.tag})"


@cache
def shown(tag: str) -> Shown:
    """Names of a tag, or of both sides of a direction such as `deu_Latn-spa_Latn`.

    A report is drawn whatever the rows say, so an unknown tag is kept as is.
    """
    sides = re.split(r"-(?=[a-z]{3}_)", tag)
    if len(sides) == 2:
        names = [shown(side).name for side in sides]
        return Shown(tag, " to ".join(names), "", "und", "auto")
    try:
        language = read_language(tag)
    except IsoglossError:
        return Shown(tag, tag, "", "und", "auto")
    own = "" if language.autonym == language.name else language.autonym
    return Shown(tag, language.name, own, language.bcp47, language.direction)


def outward(rows: Iterable[Score]) -> Scores:
    """The rows whose direction goes from the language to the pivot."""
    return Scores(r for r in rows if str(r.direction).startswith(f"{r.language}>"))


def last_layers(rows: Iterable[Score]) -> Scores:
    """Of each system, stage and language, the rows of the last layer only."""
    kept = list(rows)
    top: dict[tuple[str | None, ...], int] = {}
    for row in kept:
        key = (row.system, row.stage, row.language)
        top[key] = max(top.get(key, -1), _layer(row))
    return Scores(r for r in kept if _layer(r) == top[r.system, r.stage, r.language])


def main_rows(scores: Scores, measure: str) -> Scores:
    """The rows with a value that stand for a measure: last layer, from language to pivot."""
    rows = scores.where(measure=measure)
    if any(r.direction for r in rows):
        rows = outward(rows)
    return Scores(r for r in last_layers(rows) if r.value is not None)


def stages(rows: Iterable[Score]) -> list[str | None]:
    """Which of before and after (or neither: a measure run) the rows hold, in that order."""
    present = {row.stage for row in rows}
    return [stage for stage in ("before", "after", None) if stage in present]


def final(scores: Scores, measure: str) -> Scores:
    """The rows of a measure that say how things are now: after, else measured, else before."""
    rows = main_rows(scores, measure)
    for stage in ("after", None, "before"):
        if any(row.stage == stage for row in rows):
            return rows.where(stage=stage)
    return Scores()


def compared(scores: Scores, change: Score) -> tuple[Score, Score]:
    """The rows before and after that a row of change compares."""
    at: dict[str, Any] = {
        name: getattr(change, name) for name in ("measure", "language", "direction", "dataset")
    }
    at |= {
        name: value for name in ("layer", "task") if (value := getattr(change, name)) is not None
    }
    against = change.settings.get("against")
    before = scores.where(**at, **({"system": against} if against else {"stage": "before"}))
    after = scores.where(system=change.system, **at)
    found = ([r for r in rows if r.stage != "change"] for rows in (before, after))
    start, end = (Scores(rows) for rows in found)
    return start[-1], (end.where(stage="after") or end)[-1]


def variants(scores: Scores) -> dict[str, Scores]:
    """Each system that was compared, with what it was compared with and what all share.

    A run may try several things, and compare them with the start or with each other. Where it
    compared one with the start, or none, all rows come back under no name.
    """
    pairs = comparisons(scores)
    if not pairs or list(pairs) == [(next(iter(pairs))[0], None)]:
        return {"": scores}
    parts = {name: _of_comparison(scores, *pair) for pair, name in pairs.items()}
    return parts if len(parts) > 1 else {"": next(iter(parts.values()))}


def comparisons(scores: Scores) -> dict[tuple[str, str | None], str]:
    """Systems and what each was compared with, None for the start, with a name for the pair.

    Those of retrieval where it was measured, and none of strategies, which are no systems.
    """
    changes = scores.where(stage="change", strategy=None)
    changes = changes.where(measure="retrieval_p1") or changes
    names = system_names(changes)
    pairs = dict.fromkeys((str(row.system), row.settings.get("against")) for row in changes)
    return {
        (system, other): names[system] + (f" against {other}" if other else "")
        for system, other in pairs
    }


def _of_comparison(scores: Scores, system: str, other: str | None) -> Scores:
    """The rows of one comparison; what it was compared with stands as the start."""
    kept = []
    for row in scores:
        if row.stage == "change":
            keep = (str(row.system), row.settings.get("against")) == (system, other)
        elif row.stage == "after":
            keep = str(row.system) == system
        else:
            keep = row.stage != "before" or other is None or str(row.system) == other
        kept += [row] if keep else []
    start = scores.where(stage="after", system=other) if other else Scores()
    return start.having(stage="before") + Scores(kept)


def system_names(scores: Scores) -> dict[str, str]:
    """The systems that were compared with the start, and their names without what all begin with.

    `MiniLM through centred` and `MiniLM through whitened` are `centred` and `whitened`.
    """
    systems = list(dict.fromkeys(str(row.system) for row in scores if row.stage == "change"))
    words = [system.split() for system in systems]
    alike = takewhile(lambda column: len(set(column)) == 1, zip(*words, strict=False))
    first = sum(1 for _ in alike) if len(systems) > 1 else 0
    return {s: " ".join(w[first:]) or s for s, w in zip(systems, words, strict=True)}


def audited_systems(scores: Scores) -> list[str]:
    """The tokenizers of a run that audited them and measured nothing else; none of another run."""
    premiums = scores.where(measure="premium")
    if any(row.layer is not None for row in scores) or any(row.stage for row in premiums):
        return []
    return list(dict.fromkeys(r.system for r in premiums if r.system and r.value is not None))


def by_language(rows: Iterable[Score]) -> dict[str, Score]:
    """The rows by their language's tag."""
    return {str(row.language): row for row in rows}


def _layer(row: Score) -> int:
    return -1 if row.layer is None else row.layer
