"""A finished model on the tests of suites: what it reaches, on average and where."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from isogloss.measure.catalogue import MEASURES
from isogloss.report.rows import shown
from isogloss.score import Score, Scores

NAMED = 3  # languages at either end


def evaluations(scores: Scores) -> dict[tuple[str, str, str], Scores]:
    """Rows of tasks that no strategy stands behind, by data set, task and system.

    Of each by the main measure.
    """
    found: dict[tuple[str, str, str], list[Score]] = {}
    for row in scores:
        if row.task and row.dataset and not row.strategy and row.stage is None:
            rows = found.setdefault((row.dataset, row.task, row.system or ""), [])
            if not rows or row.measure == rows[0].measure:
                rows.append(row)
    return {key: Scores(rows) for key, rows in found.items()}


def verdict(scores: Scores) -> str:
    """A sentence a task, and a system where there are several."""
    found = evaluations(scores)
    return " ".join(f"{_reached(rows, asked(key, found))}." for key, rows in found.items())


def figures(scores: Scores) -> list[tuple[str, str]]:
    """The mean of each task."""
    made = []
    found = evaluations(scores)
    for key, rows in found.items():
        row = _whole(rows)
        if row.value is not None:
            about = f"{asked(key, found)}: {title(row.measure)}"
            made.append((f"{row.value:.3f}", f"{about}, {_over(row)}"))
    return made[:4]


def happened(scores: Scores) -> list[str]:
    """Where it is best and where it is weakest, what finding cost, and who has more than whom."""
    said = []
    found = evaluations(scores)
    for key, rows in found.items():
        own = [row for row in rows if row.language and row.value is not None]
        own.sort(key=lambda row: -float(row.value or 0))
        if len(own) > 1:
            count = min(NAMED, len(own) // 2)
            said.append(
                f"{asked(key, found)}: best in {_named(own[:count])}; "
                f"weakest in {_named(own[::-1][:count])}."
            )
        if spent := [row.settings["costs"] for row in rows if "costs" in row.settings]:
            said.append(f"{asked(key, found)}: {_spent(spent)}.")
    return said + [_changed(row) for row in scores.where(stage="change", strategy=None) if row.task]


def asked(key: tuple[str, str, str], every: Collection[tuple[str, str, str]]) -> str:
    """A task and its data set, and the system where several were asked it."""
    dataset, task, system = key
    several = sum(other[:2] == key[:2] for other in every) > 1
    return f"{task} of {dataset}" + (f", {system}" if several else "")


def title(measure: str) -> str:
    """A measure as people read it."""
    return MEASURES[measure].title if measure in MEASURES else measure


def _whole(rows: Scores) -> Score:
    """The mean over all languages, or the score of the only one."""
    means = [row for row in rows if row.language is None]
    return max(means, key=lambda row: len(row.settings["languages"])) if means else rows[0]


def _spent(costs: Sequence[Mapping[str, float]]) -> str:
    """What was searched and what it took, means over languages."""
    mean = {name: sum(one[name] for one in costs) / len(costs) for name in costs[0]}
    each = mean["index_bytes"] / mean["passages"]
    cut = f", {mean['pairs_truncated']:.1f} pairs cut" if mean.get("pairs_truncated") else ""
    return (
        f"{mean['passages']:.0f} passages of {each:,.0f} bytes each were read in "
        f"{mean['index_seconds']:.2f} s, a query took {mean['query_ms']:.2f} ms{cut}"
    )


def _changed(row: Score) -> str:
    """What a system has over another."""
    told = row.settings
    where = shown(row.language).name if row.language else "mean of languages"
    if row.value is None:
        return (
            f"{row.task} of {row.dataset}, {where}: {title(row.measure)} of {row.system} or of "
            f"{told['against']} is not defined."
        )
    ends = "" if row.low is None else f" [{row.low:+.3f}, {row.high:+.3f}]"
    return (
        f"{row.task} of {row.dataset}, {where}: {row.system} has {row.value:+.3f}{ends} of "
        f"{title(row.measure)} over {told['against']} (p {told.get('p_holm') or told['p']:.3f})."
    )


def _reached(rows: Scores, what: str) -> str:
    row = _whole(rows)
    value = "undefined" if row.value is None else f"{row.value:.3f}"
    ends = "" if row.low is None else f" [{row.low:.3f}, {row.high:.3f}]"
    return f"{what}: {title(row.measure)} {value}{ends}, {_over(row)}"


def _over(row: Score) -> str:
    if row.language:
        return shown(row.language).name
    return f"mean over {len(row.settings['languages'])} languages"


def _named(rows: list[Score]) -> str:
    return ", ".join(f"{shown(str(row.language)).name} {row.value:.3f}" for row in rows)
