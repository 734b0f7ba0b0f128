"""Strategies beside each other: per language, on average over the same languages, and their cost.

A run whose scores name a strategy is told this way. Rows of a strategy without a stage are its
scores, of the stage `change` with a strategy in `against` its comparisons, and those whose settings
say `forgetting` are about the source language.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from isogloss.report.evaluated import title as titled
from isogloss.report.rows import Shown, shown
from isogloss.score import Score, Scores
from isogloss.task.changes import MIXED
from isogloss.task.compare import over_values
from isogloss.task.costs import RESPECTS, Attempt, cost_table, spent_on, worth_table
from isogloss.task.gap import MEASURE

RULES = 4  # rules of one strategy that are written out; warnings always are
NAMED = 8  # languages in one sentence
LEVEL = 0.05


class Group(NamedTuple):
    """Scores that may be compared."""

    task: str
    dataset: str
    measure: str

    @property
    def title(self) -> str:
        """The measure as people read it."""
        return titled(self.measure)


class Result(NamedTuple):
    """What a strategy reached in a language, over its seeds.

    Attributes:
        group: what it may be compared with.
        strategy: its name, with the system's where there are several.
        language: canonical tag.
        value: the score, or the mean over seeds.
        low: lower end of its 95% interval.
        high: upper end.
        interval: how they were made.
        n: examples.
        values: one a seed.
    """

    group: Group
    strategy: str
    language: str
    value: float
    low: float | None
    high: float | None
    interval: str | None
    n: int
    values: tuple[float, ...]


def transferred(scores: Scores) -> Scores:
    """The scores of strategies in their target languages, each by its main measure.

    That is the first measure that a task and data set have, as a task's own list begins with it.
    """
    rows = [
        row for row in scores
        if row.strategy and row.stage is None and row.language and row.value is not None
        and not row.settings.get("forgetting")
    ]  # fmt: skip
    main: dict[tuple[str | None, str | None], str] = {}
    for row in rows:
        main.setdefault((row.task, row.dataset), row.measure)
    return Scores(row for row in rows if main[row.task, row.dataset] == row.measure)


def results(scores: Scores) -> list[Result]:
    """One a group, language and strategy, in the order in which they come.

    A row without a seed stands for all seeds if there is one; otherwise several seeds give their
    mean with a t interval.
    """
    rows = transferred(scores)
    several = len({row.system for row in rows}) > 1
    found: dict[tuple[Group, str, str], list[Score]] = {}
    for row in rows:
        key = (_group(row), str(row.language), _label(row, several))
        found.setdefault(key, []).append(row)
    return [
        _result(group, language, strategy, some)
        for (group, language, strategy), some in found.items()
    ]


def strategies(found: Iterable[Result]) -> list[str]:
    """Names in the order in which they come."""
    return list(dict.fromkeys(one.strategy for one in found))


def groups(found: Iterable[Result]) -> list[Group]:
    """What is compared, in the order in which it comes."""
    return list(dict.fromkeys(one.group for one in found))


def names(every: Iterable[Group]) -> dict[Group, str]:
    """What each group is called beside the others; nothing where there is one.

    That is its data set, and its task too where others are of the same data set.
    """
    found = list(dict.fromkeys(every))
    sets = Counter(group.dataset for group in found)
    return {
        group: "" if len(found) == 1
        else " of ".join(filter(None, (group.task, group.dataset))) if sets[group.dataset] > 1
        else group.dataset or group.task
        for group in found
    }  # fmt: skip


def ranked(found: Sequence[Result], group: Group) -> list[str]:
    """Languages of a group, the best of the first strategy first, those that it lacks last."""
    values: dict[str, tuple[int, float]] = {}
    order = strategies(found)
    for one in found:
        if one.group == group:
            key = (order.index(one.strategy), -one.value)
            values[one.language] = min(key, values.get(one.language, key))
    return sorted(values, key=values.__getitem__)


def shared(found: Sequence[Result], group: Group) -> list[str]:
    """The languages of a group that all its strategies have."""
    own = [one for one in found if one.group == group]
    sets = [{o.language for o in own if o.strategy == name} for name in strategies(own)]
    return [tag for tag in ranked(found, group) if all(tag in one for one in sets)]


def means(found: Sequence[Result], group: Group) -> dict[str, float]:
    """The mean of each strategy over `shared`; empty where there is none."""
    tags = shared(found, group)
    own = [one for one in found if one.group == group and one.language in tags]
    return {
        name: sum(o.value for o in own if o.strategy == name) / len(tags)
        for name in strategies(own)
    }


def transfer_table(scores: Scores) -> dict[str, Any]:
    """What the section shows; `rows` is empty where no score names a strategy."""
    found = results(scores)
    columns, called = strategies(found), names(groups(found))
    changes = _changes(scores)
    at = {(one.group, one.language, one.strategy): one for one in found}
    rows, average = [], []
    for group, name in called.items():
        for tag in ranked(found, group):
            cells = [_cell(at.get((group, tag, column)), changes) for column in columns]
            rows.append({"data": name, "language": shown(tag), "cells": cells})
        mean, tags = means(found, group), shared(found, group)
        cells = [f"{mean[c]:.3f}" if c in mean else "" for c in columns]
        left = [tag for tag in ranked(found, group) if tag not in tags]
        over = f"{name} mean over {len(tags)} language{'' if len(tags) == 1 else 's'}".strip()
        told = f"without {_named(left)}, which not every strategy has" if left else ""
        average.append({"over": over, "without": told, "cells": cells})
    kinds = dict.fromkeys(one.interval for one in found if one.interval)
    seeded = any(len(one.values) > 1 for one in found)
    return {
        "columns": columns, "rows": rows, "means": average, "intervals": "; ".join(kinds),
        "spread": "\u00b1 is the standard deviation over seeds" if seeded else "",
        "measures": ", ".join(dict.fromkeys(group.title for group in groups(found))),
        "effects": effects(scores), "rules": rules(scores), "costs": costs(scores),
        "worth": worth(scores),
        "forgetting": forgotten(scores), "gaps": [gap.told for gap in gaps(scores)],
    }  # fmt: skip


def effects(scores: Scores) -> list[str]:
    """What each strategy has over the first in languages like these, where there are enough."""
    rows = [row for row in scores.where(stage="change") if row.settings.get("test") == MIXED]
    called = names(map(_group, rows))
    return [
        f"{row.strategy} against {row.settings['against']}{_on(called[_group(row)])}"
        + f": {_group(row).title} {row.value or 0:+.3f}{_ends([row])} in languages like these "
        f"{len(row.settings['languages'])}, p {_p(row.settings['p_holm'])} (mixed-effects model, "
        f"an outcome is {row.settings['outcome']})."
        for row in rows
    ]


def _p(value: float) -> str:
    return "below 0.0001" if value < 0.0001 else f"{value:.4f}"


def rules(scores: Scores) -> list[tuple[str, str]]:
    """Strategy and what its training and selection saw; the same for many languages once.

    The tag of the language itself is written `the target`.
    """
    rows = transferred(scores)
    several = len({row.system for row in rows}) > 1
    told: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        if rule := row.settings.get("rule"):
            sentence = str(rule).replace(str(row.language), "the target")
            whose = told.setdefault(_label(row, several), {}).setdefault(sentence, [])
            whose += [] if row.language in whose else [str(row.language)]
    made = []
    for name, sentences in told.items():
        ordered = sorted(sentences, key=lambda s: (not s.startswith("WARNING"), -len(sentences[s])))
        warned = sum(s.startswith("WARNING") for s in ordered)
        kept = ordered[: max(RULES, warned)]
        for sentence in kept:
            tags = sentences[sentence]
            made.append((name, f"{sentence} ({_named(tags)})" if len(ordered) > 1 else sentence))
        if more := len(ordered) - len(kept):
            made.append((name, f"and {more} more like these, which the settings of each score say"))
    return made


def costs(scores: Scores) -> list[dict[str, Any]]:
    """Of each group with costs `data`, its name, and `columns` and `rows` of `cost_table`.

    Columns are those of which some strategy spent.
    """
    made = []
    for name, some in attempts(scores).items():
        columns = spent_on(rows := cost_table(some))
        if set(columns) - {"strategy", "score", "languages"}:
            made.append(_table(name, columns, rows))
    return made


def worth(scores: Scores) -> list[dict[str, Any]]:
    """The same of `worth_table`, and `front`, the strategies none beats.

    Groups in which fewer than two strategies have costs have none.
    """
    made = []
    for name, some in attempts(scores).items():
        columns = spent_on(rows := worth_table(some))
        if len(rows) > 1 and {respect.title for respect in RESPECTS}.intersection(columns):
            front = [row["strategy"] for row in rows if not row["beaten by"]]
            made.append({**_table(name, columns, rows), "front": front})
    return made


def _table(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    return {"data": name, "columns": columns,
            "rows": [[row[key] for key in columns] for row in rows]}  # fmt: skip


def attempts(scores: Scores) -> dict[str, list[Attempt]]:
    """What each strategy did for each language and seed, with its cost, by the name of the group.

    Scores of different measures have no mean.
    """
    rows = transferred(scores)
    several = len({row.system for row in rows}) > 1
    seeded = {_place(row) for row in rows if row.seed is not None}
    called = names(map(_group, rows))
    made: dict[str, list[Attempt]] = {name: [] for name in called.values()}
    for row in rows:
        if row.seed is not None or _place(row) not in seeded:
            one = Attempt(_label(row, several), str(row.language), row.value, row.settings)
            made[called[_group(row)]].append(one)
    return made


def forgotten(scores: Scores) -> list[str]:
    """What each strategy lost or gained in the source language, over all its models."""
    rows = [
        row for row in scores
        if row.strategy and row.settings.get("forgetting") and row.value is not None
    ]  # fmt: skip
    several = len({row.system for row in rows}) > 1
    main: dict[tuple[str | None, str | None], str] = {}
    told: dict[tuple[Group, str, str], dict[str, list[Score]]] = {}
    for row in rows:
        if main.setdefault((row.task, row.dataset), row.measure) == row.measure:
            key = (_group(row), _label(row, several), str(row.language))
            told.setdefault(key, {}).setdefault(str(row.stage), []).append(row)
    said, called = [], names(group for group, _, _ in told)
    for (group, name, tag), found in told.items():
        if not {"before", "after", "change"} <= found.keys():
            continue
        before, after, mean = (
            sum(row.value or 0.0 for row in found[stage]) / len(found[stage])
            for stage in ("before", "after", "change")
        )
        base = found["change"][0].settings.get("base")
        sides = ("before", "after") if base is None else (f"by {base}", "by it")
        said.append(
            f"{name}{_on(called[group])}: {group.title} of {shown(tag).name}, the source, "
            f"{before:.3f} {sides[0]} and {after:.3f} {sides[1]}, "
            f"{mean:+.3f}{_ends(found['change'])}."
        )
    return said


class Gap(NamedTuple):
    """What the targets of a strategy have less than the source.

    Attributes:
        strategy: its name, with the system's and the data set's where there are several.
        measure: that it is of, as people read it.
        source: mean score in the source, of the models that told the targets.
        target: mean score in the targets.
        widest: the row of the target that has least.
        languages: how many targets there are.
    """

    strategy: str
    measure: str
    source: float
    target: float
    widest: Score
    languages: int

    @property
    def told(self) -> str:
        """A sentence."""
        row = self.widest
        where, ends = shown(str(row.language)).name, _ends([row])
        over, most = f"in {where}", ends
        if self.languages > 1:
            over = f"on average over {self.languages} targets"
            most = f", most in {where}: {row.value:+.3f}{ends}"
        return (
            f"{self.strategy}: {self.measure} {self.source:.3f} in {shown(str(row.pivot)).name}, "
            f"the source, and {self.target:.3f} {over}, a gap of {self.source - self.target:+.3f}"
            f"{most}."
        )


def gaps(scores: Scores) -> list[Gap]:
    """Transfer gaps, one a strategy, task and data set."""
    rows = [row for row in scores.where(measure=MEASURE)
            if row.value is not None and "of" in row.settings]  # fmt: skip
    several, called = len({row.system for row in rows}) > 1, names(map(_group, rows))
    told: dict[tuple[str, str], list[Score]] = {}
    for row in rows:
        name = _label(row, several) + _on(called[_group(row)])
        told.setdefault((name, str(row.settings["of"])), []).append(row)
    made = []
    for (name, measure), found in told.items():
        source, target = (
            sum(row.settings[side] for row in found) / len(found) for side in ("source", "target")
        )
        widest = max(found, key=lambda row: row.value or 0.0)
        made.append(Gap(name, titled(measure), source, target, widest, len(found)))
    return made


def _ends(changes: Sequence[Score]) -> str:
    """The interval of one change, or the range of several."""
    if len(changes) > 1:
        values = sorted(row.value or 0.0 for row in changes)
        return f" on average over {len(values)} models, from {values[0]:+.3f} to {values[-1]:+.3f}"
    (row,) = changes
    return "" if row.low is None else f" [{row.low:+.3f}, {row.high:+.3f}]"


def verdict(scores: Scores) -> str:
    """One line a group: which strategy is best on average, over how many languages."""
    found, said = results(scores), []
    for group, name in names(groups(found)).items():
        mean, tags = means(found, group), shared(found, group)
        name = name or group.dataset
        if not mean:
            said.append(f"The strategies on {name or group.task} share no language.")
            continue
        best = max(mean, key=mean.__getitem__)
        where = f"{len(tags)} language{'' if len(tags) == 1 else 's'} of {name or 'it'}"
        line = f"{best} reaches {group.title} {mean[best]:.3f} on average over {where}"
        first = next(iter(mean))
        said.append(line + (f", {first} {mean[first]:.3f}." if first != best else "."))
    return " ".join(said)


def figures(scores: Scores) -> list[tuple[str, str]]:
    """Up to four strategies of the first group with their means, the best first."""
    found = results(scores)
    if not found:
        return []
    group = groups(found)[0]
    best = sorted(means(found, group).items(), key=lambda item: -item[1])
    return [(f"{value:.3f}", f"{name}: mean {group.title}") for name, value in best[:4]]


def happened(scores: Scores) -> list[str]:
    """Warnings of the protocol first, then who beats whom, then what was forgotten."""
    said = [
        f"{name}: {rule.removeprefix('WARNING:').strip()}"
        for name, rule in rules(scores) if rule.startswith("WARNING")
    ]  # fmt: skip
    return said + _first(scores) + _beaten(scores) + effects(scores) + forgotten(scores)


def advice(scores: Scores) -> list[str]:
    """What to do about a protocol that went wrong."""
    warned = dict.fromkeys(name for name, rule in rules(scores) if rule.startswith("WARNING"))
    if not warned:
        return []
    return [
        f"Read the scores of {', '.join(warned)} as upper bounds, or run them again with choices "
        "made on labels of the source."
    ]


def _first(scores: Scores) -> list[str]:
    """In how many languages each strategy has the highest value."""
    found, said = results(scores), []
    for group, name in names(groups(found)).items():
        tags = set(shared(found, group))
        by_language: dict[str, list[Result]] = {}
        for one in found:
            if one.group == group and one.language in tags:
                by_language.setdefault(one.language, []).append(one)
        best = [[one.strategy for one in some if one.value == max(r.value for r in some)]
                for some in by_language.values()]  # fmt: skip
        counts = Counter(top[0] if len(top) == 1 else "several alike" for top in best)
        if len(strategies(one for one in found if one.group == group)) > 1 and counts:
            listed = ", ".join(f"{name} in {n}" for name, n in counts.most_common())
            where = f" of {name or group.dataset}" if name or group.dataset else ""
            said.append(f"Highest of {len(best)} languages{where}, by value alone: {listed}.")
    return said


def _beaten(scores: Scores) -> list[str]:
    told: dict[tuple[Group, str, str], list[Score]] = {}
    for (group, _, name), row in _changes(scores).items():
        told.setdefault((group, name, str(row.settings["against"])), []).append(row)
    said, called = [], names(group for group, _, _ in told)
    for (group, name, against), rows in told.items():
        sure = [r for r in rows if r.settings.get("p_holm", 1.0) < LEVEL]
        up = [str(r.language) for r in sure if (r.value or 0) > 0]
        down = [str(r.language) for r in sure if (r.value or 0) < 0]
        said.append(
            f"{name} against {against}{_on(called[group])}: better in {_some(up)}, worse in "
            f"{_some(down)} of {len(rows)} by the paired test (Holm over languages, p < {LEVEL})."
        )
    return said


def _on(name: str) -> str:
    return f" on {name}" if name else ""


def _some(tags: Sequence[str]) -> str:
    return f"{len(tags)} ({_named(tags)})" if tags else "none"


def _changes(scores: Scores) -> dict[tuple[Group, str, str], Score]:
    """The row that compares a strategy with another, by where its cell stands; of all seeds."""
    rows = [
        row for row in scores
        if row.strategy and row.stage == "change" and row.settings.get("against") and row.language
    ]  # fmt: skip
    several = len({row.system for row in transferred(scores)}) > 1
    found: dict[tuple[Group, str, str], list[Score]] = {}
    for row in rows:
        key = (_group(row), str(row.language), _label(row, several))
        found.setdefault(key, []).append(row)
    whole = {key: [r for r in rows if r.seed is None] or rows for key, rows in found.items()}
    return {key: rows[0] for key, rows in whole.items() if len(rows) == 1}


def _cell(one: Result | None, changes: dict[tuple[Group, str, str], Score]) -> dict[str, str]:
    if one is None:
        return {"text": "", "interval": ""}
    ends = "" if one.low is None else f"{one.low:.3f} to {one.high:.3f}"
    spread = over_values(one.values).spread
    told = "" if spread is None else f"\u00b1{spread:.3f}"
    cell = {"text": f"{one.value:.3f}", "interval": ", ".join(filter(None, (ends, told)))}
    change = changes.get((one.group, one.language, one.strategy))
    if change is not None and change.settings.get("p_holm", 1.0) < LEVEL and change.value:
        cell["kind"] = "up" if change.value > 0 else "down"
    return cell


def _result(group: Group, language: str, strategy: str, rows: Sequence[Score]) -> Result:
    seeded = [row for row in rows if row.seed is not None]
    values = tuple(row.value or 0.0 for row in seeded or rows)
    whole = next((row for row in rows if row.seed is None), rows[0])
    if len(rows) > 1 and whole.seed is not None:
        over = over_values(values)
        ends = (over.mean, over.low, over.high, over.interval)
    else:
        ends = (whole.value or 0.0, whole.low, whole.high, whole.interval)
    return Result(group, strategy, language, *ends, n=whole.n, values=values)


def _group(row: Score) -> Group:
    return Group(row.task or "", row.dataset or "", row.measure)


def _place(row: Score) -> tuple[Any, ...]:
    return (_group(row), row.language, row.strategy, row.system)


def _label(row: Score, several: bool) -> str:
    return f"{row.system}, {row.strategy}" if several and row.system else str(row.strategy)


def _named(tags: Sequence[str]) -> str:
    names: list[Shown] = [shown(tag) for tag in tags[:NAMED]]
    more = f" and {len(tags) - NAMED} more" if len(tags) > NAMED else ""
    return ", ".join(one.name for one in names) + more
