"""What the terminal shows of a run: one row a language, the last layer, the telling measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from isogloss.measure.catalogue import MEASURES
from isogloss.report.evaluated import asked, evaluations
from isogloss.report.rows import compared, comparisons, last_layers, shown, system_names
from isogloss.report.transfer import attempts, gaps
from isogloss.score import Score, Scores
from isogloss.task.changes import MIXED
from isogloss.task.compare import TEST
from isogloss.task.costs import cost_table, spent_on, worth_table
from isogloss.vocabulary.consequences import BLIND, unknown_shares, window_holds

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = (
    "retrieval_p1", "xsim_error", "mexa", "retrieval_p1_centred", "language_probe_accuracy",
    "premium", "unknown_share",
)  # fmt: skip


LEFT = (
    "system", "against", "strategy", "rule", "cost", "tokenizer", "language", "similar", "pivot",
    "direction", "method", "score",
)  # fmt: skip


def summary(scores: Scores) -> list[Table]:
    """Before and after if there are both, else the measures of the last layer."""
    if transferred := Scores(row for row in scores if row.strategy):
        return [table for rows in _together(transferred) for table in strategies(rows)]
    if evaluations(scores):
        return evaluated(scores)
    changes = scores.where(stage="change")
    if changes and not changes.where(measure="retrieval_p1"):
        return [_other_changes(scores, name) for name in dict.fromkeys(r.measure for r in changes)]
    return [_changes(scores)] if changes else [_measures(scores)]


def _together(scores: Scores) -> list[Scores]:
    """What one table has: a task of a data set, by one model where several have one strategy."""
    made = []
    for place in dict.fromkeys((row.dataset, row.task) for row in scores):
        rows = Scores(row for row in scores if (row.dataset, row.task) == place)
        pairs = {(row.strategy, row.system) for row in rows}
        if len(pairs) == len({strategy for strategy, _ in pairs}):
            made.append(rows)
        else:
            made += [rows.where(system=name) for name in dict.fromkeys(row.system for row in rows)]
    return made


def strategies(scores: Scores) -> list[Table]:
    """One row a language, one column a strategy: means over seeds of the main measure.

    A star is a difference to the first strategy that remains after Holm, of p below 0.05. Below,
    what labels each saw, what it cost, and which is beaten in score and all costs.
    """
    means = Scores(row for row in scores.where(stage=None, seed=None) if "values" in row.settings)
    means = means.where(measure=means[0].measure)
    names = list(dict.fromkeys(str(row.strategy) for row in means))
    sure = {
        (row.strategy, row.language) for row in scores.where(stage="change")
        if "against" in row.settings and row.settings["test"] == TEST
        and (row.settings["p_holm"] or row.settings["p"]) < 0.05
    }  # fmt: skip
    count = len(means[0].settings["seeds"])
    over = f"means of {count} seeds" if count > 1 else "one seed"
    title = f"{means[0].task}: {means[0].measure}, {over}"
    if len(systems := {row.system for row in means}) == 1:
        title += f"; {systems.pop()}"
    table = _table(title, ("language", *names, "n"))
    for tag in sorted({row.language for row in means}, key=lambda tag: (tag is None, tag)):
        rows = {row.strategy: row for row in means.where(language=tag)}
        cells = [
            _cell(rows[name]) + ("*" if (name, tag) in sure else "") if name in rows else ""
            for name in names
        ]
        n = next(iter(rows.values())).n
        table.add_row(_name(tag) or "mean", *cells, str(n), end_section=False)
    return [table, *_seen(means, names), *_gaps(scores), *_costs(scores), *_effects(scores)]


def _seen(means: Scores, names: Sequence[str]) -> list[Table]:
    """What labels each strategy saw; a run that compares two others has only scores."""
    first = {name: means.where(strategy=name)[0] for name in names}
    if not all("rule" in row.settings for row in first.values()):
        return []
    seen = _table("What labels were seen", ("strategy", "rule"))
    for name, row in first.items():
        seen.add_row(name, row.settings["rule"].replace(str(row.language), "the target"))
    return [seen]


def _gaps(scores: Scores) -> list[Table]:
    """What the targets have less than the source."""
    found = gaps(scores)
    made = []
    for measure in dict.fromkeys(one.measure for one in found):
        table = _table(
            f"Transfer gap: {measure} of the source less that of the targets",
            ("strategy", "source", "targets", "gap", "widest"),
        )
        for one in found:
            if one.measure == measure:
                widest = f"{_cell(one.widest)} {_name(one.widest.language)}"
                values = (one.source, one.target, one.source - one.target)
                table.add_row(one.strategy, *(f"{value:.3f}" for value in values), widest)
        made.append(table)
    return made


def _costs(scores: Scores) -> list[Table]:
    """What each strategy cost, and, of several, which none of the others beats; none untaught."""
    tables = []
    for made in attempts(scores).values():  # one, as a table is of one task
        if not any("train_seconds" in one.settings for one in made):
            continue
        tables.append(_turned("What it took", cost_table(made)))
        if len(rows := worth_table(made)) > 1:
            told = [{**row, "beaten by": row["beaten by"] or "none"} for row in rows]
            tables.append(
                _turned("Score beside cost, and who is better in some and worse in none", told)
            )
    return tables


def _turned(title: str, rows: Sequence[Mapping[str, str]]) -> Table:
    """A column a strategy, as in the scores above, and a row each thing that was spent on any."""
    table = _table(title, ("cost", *(row["strategy"] for row in rows)))
    for key in spent_on(rows):
        if key not in ("strategy", "languages"):
            table.add_row(key, *(row[key] for row in rows))
    return table


def _effects(scores: Scores) -> list[Table]:
    """What strategies have over the first in languages like these, if a run says it."""
    rows = [row for row in scores.where(stage="change") if row.settings.get("test") == MIXED]
    if not rows:
        return []
    count = len(rows[0].settings["languages"])
    title = f"In other languages like these {count}: mixed-effects model, p of Holm"
    table = _table(title, ("strategy", "against", "change", "p"))
    for row in rows:
        told = row.settings
        table.add_row(str(row.strategy), told["against"], f"{_cell(row)}", f"{told['p_holm']:.4f}")
    return [table]


def evaluated(scores: Scores) -> list[Table]:
    """A table a task and system: one row a language, one column a measure, and means last."""
    made = []
    found = evaluations(scores)
    for key in found:
        dataset, task, system = key
        rows = scores.where(dataset=dataset, task=task, system=system or None, stage=None)
        measures = list(dict.fromkeys(row.measure for row in rows))
        table = _table(asked(key, found), ("language", *map(_titled, measures), "n"))
        groups: dict[tuple[str | None, int], list[Score]] = {}
        for row in rows:
            key = (row.language, len(row.settings.get("languages", ())))
            groups.setdefault(key, []).append(row)
        for (tag, languages), part in groups.items():
            name = _name(tag) or f"mean of {languages}"
            cells = {row.measure: _cell(row) for row in part}
            told = (cells.get(measure, "") for measure in measures)
            table.add_row(name, *told, str(part[0].n))
        made.append(table)
    return made + _over_others(scores)


def _over_others(scores: Scores) -> list[Table]:
    """What a system has over another on the tests of tasks, if a run says it."""
    rows = [row for row in scores.where(stage="change", strategy=None) if row.task]
    if not rows:
        return []
    names = ("system", "against", "language", "before", "after", "change", "p (Holm)", "n")
    table = _table("Changes", names)
    for row in rows:
        before, after = compared(scores, row)
        table.add_row(
            str(row.system), row.settings["against"], _name(row.language) or "mean",
            _cell(before), _cell(after), _cell(row),
            f"{row.settings.get('p_holm') or row.settings['p']:.4f}", str(row.n),
        )  # fmt: skip
    return [table]


def by_setting(scores: Scores, setting: str, title: str) -> Table:
    """One row a value of a setting, such as the method, one column a measure."""
    measures = tuple(dict.fromkeys(row.measure for row in scores))
    table = _table(title, (setting, *measures, "n"))
    values = list(dict.fromkeys(row.settings[setting] for row in scores))
    table.columns[0].min_width = max(map(len, values), default=0)
    for value in values:
        rows = [row for row in scores if row.settings[setting] == value]
        table.add_row(value, *map(_cell, rows), str(rows[0].n))
    return table


AUDITED = (
    "tokens_per_sentence", "fertility", "characters_per_token", "continued_share", "unknown_share",
    "byte_fallback_share", "lost_share", "vocabulary_used", "vocabulary_share",
)  # fmt: skip


def audited(scores: Scores, most: int = 0) -> list[Table]:
    """Of several tokenizers a row each, then premiums by language, the worst first.

    Of one tokenizer, everything about each language.

    Args:
        scores: rows of an audit.
        most: languages shown, 0 for all.
    """
    systems = list(dict.fromkeys(row.system for row in scores))
    premiums = {
        system: {row.language: row for row in scores.where(measure="premium", system=system)}
        for system in systems
    }
    worst: dict[str | None, float] = {}
    for rows in premiums.values():
        for tag, row in rows.items():
            worst[tag] = max(worst.get(tag, 0.0), row.value or 0.0)
    order = sorted(worst, key=lambda tag: -worst[tag])
    shown = order[: most or None]
    more = f", the worst {len(shown)} of {len(order)}" if len(shown) < len(order) else ""
    pivot = _name(scores[0].pivot) if scores else ""
    title = f"Tokens over those of {pivot}{more}"
    if len(systems) == 1:
        return [_one_audited(scores, title, [*shown, scores[0].pivot])]
    table = _table(title, ("language", *map(str, systems)))
    unknown = {system: unknown_shares(scores.where(system=system)) for system in systems}
    for tag in shown:
        cells = [(premiums[system].get(tag), unknown[system].get(tag, 0.0)) for system in systems]
        table.add_row(_name(tag), *(_premium(row, share) for row, share in cells))
    return [_tokenizers(scores, systems), table]


def _premium(row: Score | None, unknown: float) -> str:
    """A premium, and what makes it too low."""
    if row is None:
        return ""
    return _cell(row) + (f" {unknown:.0%} unknown" if unknown > BLIND else "")


def _one_audited(scores: Scores, title: str, tags: list[str | None]) -> Table:
    """Every measure that says anything, a row a language."""
    there = [m for m in AUDITED if any(r.value for r in scores.where(measure=m))]
    table = _table(title, ("language", "premium", "window holds", *map(_titled, there)))
    for tag in tags:
        rows = {row.measure: row for row in scores.where(language=tag)}
        premium = rows.get("premium")
        held = window_holds(premium, unknown_shares(scores).get(tag, 0.0))
        cells = ["" if (row := rows.get(m)) is None else _short(row) for m in there]
        share = "" if held is None else f"{held:.0%}"
        table.add_row(_name(tag), _cell(premium) if premium else "", share, *cells)
    return table


def _tokenizers(scores: Scores, systems: list[str | None]) -> Table:
    """A row a tokenizer: means over languages, and the worst premium."""
    measures = [
        m for m in AUDITED
        if m != "vocabulary_used" and any(r.value for r in scores.where(measure=m))
    ]  # fmt: skip
    titles = ("tokenizer", "premium", "worst", *map(_titled, measures))
    table = _table("Means over languages", titles)
    for system in systems:
        own = scores.where(system=system)
        rows = {m: [r for r in own.where(measure=m) if r.value is not None] for m in AUDITED}
        premiums = sorted(own.where(measure="premium"), key=lambda r: -(r.value or 0))
        means = [f"{_mean(rows[m]):.3f}" if rows[m] else "" for m in measures]
        worst = f"{premiums[0].value:.2f} {premiums[0].language}" if premiums else ""
        mean = f"{_mean(premiums):.3f}" if premiums else ""
        table.add_row(str(system), mean, worst, *means)
    return table


def _titled(measure: str) -> str:
    return MEASURES[measure].title if measure in MEASURES else measure


def _mean(rows: Sequence[Score]) -> float:
    return sum(row.value or 0.0 for row in rows) / len(rows)


def _short(row: Score) -> str:
    if row.value is None:
        return "not known"
    return f"{row.value:.0f}" if row.measure == "vocabulary_used" else f"{row.value:.3f}"


def by_language(scores: Scores, title: str) -> Table:
    """One row a language, one column a measure."""
    measures = tuple(dict.fromkeys(row.measure for row in scores))
    table = _table(title, ("language", *measures, "n"))
    for language in dict.fromkeys(row.language for row in scores):
        rows = scores.where(language=language)
        table.add_row(_name(language), *map(_cell, rows), str(rows[0].n))
    return table


def similar_languages(scores: Scores) -> Table:
    """The languages nearest to each, best first."""
    title = f"Most alike to {scores[0].system}, layer {scores[0].layer}" if scores else ""
    table = _table(title, ("language", "rank", "similar", "mean cosine", "n"))
    for row in scores:
        first = _name(row.language) if row.settings["rank"] == 1 else ""
        table.add_row(first, str(row.settings["rank"]), _name(row.pivot), _cell(row), str(row.n))
    return table


def _changes(scores: Scores) -> Table:
    changes = last_layers(scores.where(stage="change", measure="retrieval_p1"))
    pairs, names = comparisons(scores), system_names(changes)
    several = len(pairs) > 1
    table = _table(
        "P@1 of translations",
        (*(["system"] if several else []), "language", "direction", "before", "after", "change",
         "p (Holm)", "n"),
    )  # fmt: skip
    for change in changes:
        before, after = compared(scores, change)
        table.add_row(
            *([pairs[str(change.system), change.settings.get("against")]] if several else []),
            _name(change.language), change.direction, _cell(before), _cell(after), _cell(change),
            f"{change.settings['p_holm']:.4f}", str(change.n),
        )  # fmt: skip
    for kept in scores:
        if kept.measure.startswith("pivot_"):
            cells = [_name(kept.language), kept.measure, "", _cell(kept), "", "", str(kept.n)]
            table.add_row(*([names.get(str(kept.system))] if several else []), *cells)
    return table


def _other_changes(scores: Scores, measure: str) -> Table:
    """Before and after of one measure, of runs that retrieve nothing."""
    names = ("language", "before", "after", "change", "p (Holm)", "n")
    table = _table(_titled(measure), names)
    for change in last_layers(scores.where(stage="change", measure=measure)):
        before, after = compared(scores, change)
        table.add_row(
            _name(change.language), _cell(before), _cell(after), _cell(change),
            f"{change.settings['p_holm']:.4f}", str(change.n),
        )  # fmt: skip
    return table


def _measures(scores: Scores) -> Table:
    there = tuple(dict.fromkeys(row.measure for row in scores))
    columns = tuple(name for name in COLUMNS if name in there) or there[: len(COLUMNS)]
    kinds = _kinds(scores)
    table = _table("Last layer, language to pivot", ("language", *kinds, *columns, "n"))
    groups: dict[tuple[str | None, ...], list[Score]] = {}
    for row in scores:
        key = (row.language, *(_kind(row, kind) for kind in kinds))
        groups.setdefault(key, []).append(row)
    for (language, *about), part in groups.items():
        rows = [_last(Scores(part), name, language) for name in columns]
        if any(rows):
            n = next(row.n for row in rows if row)
            cells = (_cell(row) if row else "" for row in rows)
            table.add_row(_name(language), *(x or "" for x in about), *cells, str(n))
    return table


def _kinds(scores: Scores) -> list[str]:
    """What tells the rows of a language apart, in a run of several methods."""
    if len({_kind(row, "method") for row in scores}) == 1:
        return []
    return [
        kind
        for kind in ("pivot", "system", "method")
        if len({_kind(row, kind) for row in scores}) > 1
    ]


def _kind(row: Score, kind: str) -> str | None:
    return row.settings.get(kind) if kind == "method" else getattr(row, kind)


def _last(scores: Scores, measure: str, language: str | None) -> Score | None:
    """The last layer's row, from the language to the pivot where there are two directions."""
    rows = scores.where(measure=measure, language=language)
    rows = Scores(r for r in rows if not r.direction or r.direction.startswith(f"{language}>"))
    return max(rows, key=lambda r: -1 if r.layer is None else r.layer, default=None)


def _table(title: str, columns: tuple[str, ...]) -> Table:
    from rich.table import Table

    table = Table(title=title, header_style="bold", title_justify="left")
    for name in columns:
        left = "left" if name in LEFT else "right"
        # A name cut to an ellipsis could be any of several; on two lines it is still itself.
        table.add_column(name, justify=left, overflow="fold", no_wrap=name == "language")
    return table


def _name(tag: str | None) -> str:
    return shown(tag).label if tag else ""


def _cell(row: Score) -> str:
    if row.value is None:
        return "undefined"
    interval = "" if row.low is None else f" [{row.low:.2f}, {row.high:.2f}]"
    return f"{row.value:.3f}{interval}"
