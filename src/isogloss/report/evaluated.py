"""A finished model on the tests of suites: what it reaches, on average and where."""

from __future__ import annotations

from isogloss.measure.catalogue import MEASURES
from isogloss.report.rows import shown
from isogloss.score import Score, Scores

NAMED = 3  # languages at either end


def evaluations(scores: Scores) -> dict[tuple[str, str], Scores]:
    """Rows of tasks that no strategy stands behind, by data set and task, by the main measure."""
    found: dict[tuple[str, str], list[Score]] = {}
    for row in scores:
        if row.task and row.dataset and not row.strategy and row.stage is None:
            rows = found.setdefault((row.dataset, row.task), [])
            if not rows or row.measure == rows[0].measure:
                rows.append(row)
    return {key: Scores(rows) for key, rows in found.items()}


def verdict(scores: Scores) -> str:
    """A sentence a task."""
    return " ".join(f"{_reached(rows)}." for rows in evaluations(scores).values())


def figures(scores: Scores) -> list[tuple[str, str]]:
    """The mean of each task."""
    made = []
    for (dataset, task), rows in evaluations(scores).items():
        row = _whole(rows)
        if row.value is not None:
            about = f"{task} of {dataset}: {title(row.measure)}"
            made.append((f"{row.value:.3f}", f"{about}, {_over(row)}"))
    return made[:4]


def happened(scores: Scores) -> list[str]:
    """Where it is best and where it is weakest."""
    said = []
    for (dataset, task), rows in evaluations(scores).items():
        own = [row for row in rows if row.language and row.value is not None]
        own.sort(key=lambda row: -float(row.value or 0))
        if len(own) > 1:
            count = min(NAMED, len(own) // 2)
            said.append(
                f"{task} of {dataset}: best in {_named(own[:count])}; "
                f"weakest in {_named(own[::-1][:count])}."
            )
    return said


def title(measure: str) -> str:
    """A measure as people read it."""
    return MEASURES[measure].title if measure in MEASURES else measure


def _whole(rows: Scores) -> Score:
    """The mean over all languages, or the score of the only one."""
    means = [row for row in rows if row.language is None]
    return max(means, key=lambda row: len(row.settings["languages"])) if means else rows[0]


def _reached(rows: Scores) -> str:
    row = _whole(rows)
    value = "undefined" if row.value is None else f"{row.value:.3f}"
    ends = "" if row.low is None else f" [{row.low:.3f}, {row.high:.3f}]"
    return f"{row.task} of {row.dataset}: {title(row.measure)} {value}{ends}, {_over(row)}"


def _over(row: Score) -> str:
    if row.language:
        return shown(row.language).name
    return f"mean over {len(row.settings['languages'])} languages"


def _named(rows: list[Score]) -> str:
    return ", ".join(f"{shown(str(row.language)).name} {row.value:.3f}" for row in rows)
