"""The summary in words: what got better, what did not, what happened to the pivot, what next.

Every sentence is a rule over the rows; a rule that does not hold says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from isogloss.measure.catalogue import MEASURES
from isogloss.report import audit, evaluated, transfer
from isogloss.report.rows import (
    audited_systems,
    by_language,
    final,
    last_layers,
    main_rows,
    outward,
    shown,
    variants,
)
from isogloss.score import Score, Scores

LEVEL = 0.05  # of the Holm-adjusted paired test
GOOD = 0.5  # P@1 from which a language counts as working
WEAK = 0.3  # P@1 under which it does not
DEAR = 2.0  # premium from which the vocabulary is worth extending
BLIND = 0.1  # share of unknown tokens from which the vocabulary comes first
KEPT = 0.9  # share of the pivot that must find itself for the pivot to count as kept
CUT = 0.01  # share of texts over the window that is worth a word
CROWDED = 0.5  # mean cosine of unrelated sentences from which the space is a narrow cone
PROBED = 0.9  # probe accuracy from which the language is plain to see in the vectors
FEW = 100  # items under which an interval is mostly width
NAMED = 8  # languages named in one sentence; the table has the rest


class Summary(NamedTuple):
    """One line, the figures worth a large type, what happened, and what to try next."""

    verdict: str
    figures: list[tuple[str, str]]
    happened: list[str]
    advice: list[str]


def summarise(scores: Scores, notes: Sequence[str] = ()) -> Summary:
    """Read the rows and say what a reader should know, most important first.

    Where a run tried several things, each is read alone; what holds for all is said once.
    """
    if transfer.results(scores):
        return _transfer(scores, notes)
    if evaluated.evaluations(scores):
        return _evaluated(scores, notes)
    if systems := audited_systems(scores):
        return _audit(scores, systems, notes)
    tried = variants(scores)
    if len(tried) > 1:
        return _together({name: summarise(part, notes) for name, part in tried.items()})
    [scores] = tried.values()
    happened = [s for rule in HAPPENED for s in rule(scores)]
    warnings = [n.removeprefix("WARNING:").strip() for n in notes if n.startswith("WARNING")]
    advice = [s for rule in ADVICE for s in rule(scores)]
    return Summary(verdict(scores), figures(scores), happened + warnings, advice)


def _audit(scores: Scores, systems: list[str], notes: Sequence[str]) -> Summary:
    """Tokenizers and nothing else; what to try next is said of one, not of several at once."""
    warnings = [n.removeprefix("WARNING:").strip() for n in notes if n.startswith("WARNING")]
    advice = [s for rule in ADVICE for s in rule(scores)] if len(systems) == 1 else []
    return Summary(
        audit.verdict(scores, systems),
        audit.figures(scores, systems),
        audit.happened(scores, systems) + warnings,
        advice,
    )


def _transfer(scores: Scores, notes: Sequence[str]) -> Summary:
    """Strategies for tasks, and after them what else was measured."""
    rest = Scores(row for row in scores if row.strategy is None)
    other = summarise(rest, notes) if rest else None
    warnings = [n.removeprefix("WARNING:").strip() for n in notes if n.startswith("WARNING")]
    own = Scores(row for row in scores if row.strategy is not None)
    return Summary(
        transfer.verdict(scores),
        (transfer.figures(scores) + (other.figures if other else []))[:4],
        transfer.happened(scores) + _truncated(own) + _dropped(own)
        + (other.happened if other else warnings),
        transfer.advice(scores) + (other.advice if other else []),
    )  # fmt: skip


def _evaluated(scores: Scores, notes: Sequence[str]) -> Summary:
    """Tests of tasks, and after them what else was measured."""
    own = Scores(row for row in scores if row.task)
    rest = Scores(row for row in scores if not row.task)
    other = summarise(rest, notes) if rest else None
    warnings = [n.removeprefix("WARNING:").strip() for n in notes if n.startswith("WARNING")]
    return Summary(
        " ".join([evaluated.verdict(own), *([other.verdict] if other else [])]),
        (evaluated.figures(own) + (other.figures if other else []))[:4],
        evaluated.happened(own) + _truncated(own) + _dropped(own)
        + (other.happened if other else warnings),
        other.advice if other else [],
    )  # fmt: skip


def _together(tried: dict[str, Summary]) -> Summary:
    """Sentences with the names of those they hold for, unless they hold for all."""

    def told(lists: dict[str, list[str]]) -> list[str]:
        whose: dict[str, list[str]] = {}
        for name, sentences in lists.items():
            for sentence in sentences:
                whose.setdefault(sentence, []).append(name)
        return [
            sentence if len(names) == len(tried) else f"{', '.join(names)}: {sentence}"
            for sentence, names in whose.items()
        ]

    return Summary(
        " ".join(told({name: [one.verdict] for name, one in tried.items()})),
        [
            (one.figures[0][0], f"{name}: {one.figures[0][1]}")
            for name, one in tried.items()
            if one.figures
        ][:4],
        told({name: one.happened for name, one in tried.items()}),
        told({name: one.advice for name, one in tried.items()}),
    )


def verdict(scores: Scores) -> str:
    """One line that says how the run went."""
    changes = _changes(scores)
    if changes:
        up, down, _ = _by_test(changes)
        fell = f", {len(down)} fell" if down else ", none fell"
        line = f"{_count(up)} of {_languages(len(changes))} rose{fell}"
        means = _means(scores, changes)
        if means is None:
            return f"{line}."
        return f"{line}: mean P@1 {means[0]:.2f} before, {means[1]:.2f} after."
    rows = final(scores, "retrieval_p1")
    if not rows:
        return f"Scores: {len(scores):,}." if scores else "There are no scores to show."
    good = [r for r in rows if _value(r) >= GOOD]
    return (
        f"{_count(good)} of {_languages(len(rows))} find{'s' if len(rows) == 1 else ''} at least "
        "half of the translations."
    )


def figures(scores: Scores) -> list[tuple[str, str]]:
    """Up to four figures with what they count."""
    made: list[tuple[str, str]] = []
    changes = _changes(scores)
    if changes:
        up, down, _ = _by_test(changes)
        made.append((f"{len(up)} of {len(changes)}", "languages better by the paired test"))
        if down:
            made.append((str(len(down)), "worse by the paired test"))
        if means := _means(scores, changes):
            made.append((f"{means[0]:.2f} → {means[1]:.2f}", "mean P@1 into the pivot"))
    elif rows := final(scores, "retrieval_p1"):
        mean = sum(map(_value, rows)) / len(rows)
        made.append((str(len(rows)), f"language{'' if len(rows) == 1 else 's'} measured"))
        made.append((f"{mean:.2f}", "mean P@1 into the pivot"))
    for row in scores.where(measure="pivot_retrieval_p1")[:1]:
        if row.value is not None:
            made.append((f"{row.value:.2f}", f"{_name(row)} P@1 against the teacher's"))
    if rows := final(scores, "premium"):
        mean = sum(map(_value, rows)) / len(rows)
        made.append((f"{mean:.1f}×", "the pivot's tokens, on average"))
    return made[:4]


def _better(scores: Scores) -> list[str]:
    changes = _changes(scores)
    up, _, _ = _by_test(changes)
    if not up:
        return []
    rule = f"paired sign-flip test, Holm over {_languages(len(changes))}, p < {LEVEL}"
    return [f"Better ({rule}): {_gains(up)}. {_n(up)}"]


def _worse(scores: Scores) -> list[str]:
    down = _by_test(_changes(scores))[1]
    return [f"Worse by the same test: {_gains(down)}. {_n(down)}"] if down else []


def _unchanged(scores: Scores) -> list[str]:
    same = _by_test(_changes(scores))[2]
    if not same:
        return []
    n = " to ".join(f"{x:,}" for x in sorted({min(r.n for r in same), max(r.n for r in same)}))
    return [f"No change that {n} sentences can show: {_gains(same)}."]


def _measured(scores: Scores) -> list[str]:
    """What a measure run found: who works, and the two ends."""
    if _changes(scores):
        return []
    rows = sorted(final(scores, "retrieval_p1"), key=_value, reverse=True)
    if not rows:
        return []
    good = [r for r in rows if _value(r) >= GOOD]
    said = []
    if good:
        listed = _listed(good, lambda r: f"{_name(r)} {_value(r):.2f}")
        said.append(f"At least half of the translations are found (P@1) in {listed}.")
    said.append(f"Best aligned: {_name(rows[0])}, P@1 {_interval(rows[0])}, n = {rows[0].n:,}.")
    if len(rows) > 1:
        worst = rows[-1]
        said.append(f"Worst aligned: {_name(worst)}, P@1 {_interval(worst)}, n = {worst.n:,}.")
    return said


def _pivot(scores: Scores) -> list[str]:
    said = []
    for row in scores.where(measure="pivot_retrieval_p1"):
        if row.value is None:
            continue
        cosines = scores.where(measure="pivot_cosine_to_teacher", system=row.system)
        near = [r for r in cosines if r.value is not None]
        close = f"mean cosine to the teacher's vectors {_interval(near[0])}; " if near else ""
        state = "is kept" if row.value >= KEPT else "has moved"
        said.append(
            f"{_name(row)}, the pivot, {state}: {close}{_interval(row)} of its sentences find the "
            f"teacher's vector of the same sentence (n = {row.n:,})."
        )
    return said


def _cheaper(scores: Scores) -> list[str]:
    """What happened to the price of the tokenizer, where both stages were measured."""
    rows = main_rows(scores, "premium")
    before, after = (by_language(rows.where(stage=stage)) for stage in ("before", "after"))
    both = [tag for tag in before if tag in after]
    if not both:
        return []
    old, new = (sum(_value(found[t]) for t in both) / len(both) for found in (before, after))
    return [
        f"The tokenizer now spends {new:.1f} times the pivot's tokens on the same sentences, on "
        f"average over {_languages(len(both))}; before, {old:.1f} times."
    ]


def _truncated(scores: Scores) -> list[str]:
    most: dict[tuple[str | None, str], Score] = {}
    for row in scores:
        if row.truncated and row.stage != "change":
            key = (row.stage, str(row.language))
            if key not in most or row.truncated > (most[key].truncated or 0):
                most[key] = row
    said = []
    for stage in ("before", "after", None):
        rows = [r for (s, _), r in most.items() if s == stage]
        if rows:
            rows.sort(key=lambda r: -(r.truncated or 0))
            listed = _listed(rows, lambda r: f"{_name(r)} {r.truncated:,} of {r.n:,}")
            when = f", {stage}" if stage else ""
            said.append(f"Texts cut to the model's window{when}: {listed}.")
    return said


def _dropped(scores: Scores) -> list[str]:
    reasons: dict[str, dict[str, int]] = {}
    for row in scores:
        for reason, count in row.dropped.items():
            if count:
                languages = reasons.setdefault(reason, {})
                tag = str(row.language)
                languages[tag] = max(count, languages.get(tag, 0))
    return [
        f"Left out of scores ({reason}): up to {max(counts.values()):,} items in "
        f"{_languages(len(counts))}; the table has each count."
        for reason, counts in reasons.items()
    ]


def _few(scores: Scores) -> list[str]:
    rows = [r for r in final(scores, "retrieval_p1") if r.n < FEW]
    if not rows:
        return []
    least = min(r.n for r in rows)
    return [f"Only {least} sentences in {_names(rows)}: read the intervals, not the values."]


def _lost(scores: Scores) -> list[str]:
    """Languages that worked before and fell, and those that fell from a low start."""
    down = _by_test(_changes(scores))[1]
    before = by_language(main_rows(scores, "retrieval_p1").where(stage="before"))
    worked = {tag for tag, row in before.items() if _value(row) >= GOOD}
    lost = [r for r in down if str(r.language) in worked]
    rest = [r for r in down if str(r.language) not in worked]
    said = []
    if lost:
        them, their = ("it", "its") if len(lost) == 1 else ("them", "their")
        said.append(
            f"{_names(lost)} worked before and fell: keep the old model for {them}, or mix text "
            f"of {their} own into the training."
        )
    if rest:
        said.append(
            f"{_names(rest)} fell from a low start: look at the training text before anything else."
        )
    return said


def _keep_teacher(scores: Scores) -> list[str]:
    rows = [r for r in scores.where(measure="pivot_retrieval_p1") if r.value is not None]
    return [
        f"Keep the teacher for work in {_name(row)} alone, or give the pivot more weight in the "
        "training mixture."
        for row in rows if _value(row) < KEPT
    ]  # fmt: skip


def _unknown(scores: Scores) -> list[str]:
    rows = [r for r in final(scores, "unknown_share") if _value(r) > BLIND]
    if not rows:
        return []
    listed = _listed(rows, lambda r: f"{_name(r)} {_value(r):.0%}")
    return [
        f"Many tokens are unknown to the tokenizer ({listed}): put these letters and words into "
        "the vocabulary before anything else."
    ]


def _dear(scores: Scores) -> list[str]:
    blind = {r.language for r in final(scores, "unknown_share") if _value(r) > BLIND}
    rows = [r for r in final(scores, "premium") if _value(r) > DEAR and r.language not in blind]
    if not rows:
        return []
    rows.sort(key=_value, reverse=True)
    listed = _listed(rows, lambda r: f"{_name(r)} {_value(r):.1f}×")
    return [
        f"The tokenizer spends over twice the pivot's tokens on {listed}: extending the "
        "vocabulary is worth trying."
    ]


def _window(scores: Scores) -> list[str]:
    rows = [r for r in final(scores, "over_window_share") if _value(r) > CUT]
    if not rows:
        return []
    listed = _listed(rows, lambda r: f"{_name(r)} {_value(r):.0%}")
    return [
        f"Texts longer than the window ({listed}): split them, or use a model with a longer window."
    ]


def _centring(scores: Scores) -> list[str]:
    """Languages whose mean vector alone hides their translations."""
    plain = by_language(final(scores, "retrieval_p1"))
    probe = by_language(final(scores, "language_probe_accuracy"))
    rows = [
        r for r in final(scores, "retrieval_p1_centred")
        if (p := plain.get(str(r.language))) is not None
        and r.low is not None and p.high is not None and r.low > p.high
        and (str(r.language) not in probe or _value(probe[str(r.language)]) >= PROBED)
    ]  # fmt: skip
    if not rows:
        return []
    listed = _listed(
        rows, lambda r: f"{_name(r)} {_value(plain[str(r.language)]):.2f} to {_value(r):.2f}"
    )
    return [f"Subtracting each language's mean vector would raise P@1 at no cost: {listed}."]


def _crowded(scores: Scores) -> list[str]:
    rows = [r for r in final(scores, "cosine_random") if _value(r) > CROWDED]
    if not rows:
        return []
    return [
        f"Unrelated sentences have a mean cosine over {CROWDED} in {_names(rows)}: a threshold on "
        "cosine will not separate translations there; rank, or score by ratio margin."
    ]


def _middle(scores: Scores) -> list[str]:
    """Languages that a layer before the last aligns clearly better."""
    last = by_language(final(scores, "retrieval_p1"))
    best: dict[str, Score] = {}
    for row in outward(scores.where(measure="retrieval_p1")):
        end = last.get(str(row.language))
        if end is None or (row.stage, row.system) != (end.stage, end.system):
            continue
        if row.low is None or end.high is None or row.low <= end.high:
            continue
        if str(row.language) not in best or _value(row) > _value(best[str(row.language)]):
            best[str(row.language)] = row
    if not best:
        return []

    def told(row: Score) -> str:
        end = _value(last[str(row.language)])
        return f"{_name(row)} layer {row.layer}, P@1 {_value(row):.2f} against {end:.2f}"

    return [f"An earlier layer aligns better than the last: {_listed(list(best.values()), told)}."]


def _weak(scores: Scores) -> list[str]:
    """Weak languages that the tokenizer does not explain."""
    explained = {r.language for r in final(scores, "unknown_share") if _value(r) > BLIND}
    explained |= {r.language for r in final(scores, "premium") if _value(r) > DEAR}
    rows = [
        r for r in final(scores, "retrieval_p1")
        if _value(r) < WEAK and r.language not in explained
    ]  # fmt: skip
    if not rows:
        return []
    if _changes(scores):
        return [
            f"Still under {WEAK}: {_names(rows)}. More parallel text near the held-out text's "
            "domain is what would help most."
        ]
    return [
        f"Under {WEAK} though the tokenizer reads them: {_names(rows)}. Extending the model with "
        "parallel text is the next step."
    ]


Rule = Callable[[Scores], list[str]]


def _each(scores: Scores) -> list[str]:
    """Every measure in a sentence, in a run that does not find translations of sentences."""
    if scores.where(measure="retrieval_p1"):
        return []
    said = []
    for measure in dict.fromkeys(row.measure for row in scores):
        about, rows = MEASURES.get(measure), final(scores, measure)
        if about is None:
            continue
        systems = {row.system for row in rows}
        for system, method in dict.fromkeys(map(_how, rows)):
            part = sorted((r for r in rows if _how(r) == (system, method)), key=_value)
            by = f" by {method}" if method else ""
            by += f" in {system}" if len(systems) > 1 else ""
            mean = sum(map(_value, part)) / len(part)
            ends = ""
            if len(part) > 1 and part[0].language:
                ends = (
                    f", from {_value(part[0]):.2f} ({_name(part[0])}) to "
                    f"{_value(part[-1]):.2f} ({_name(part[-1])})"
                )
            said.append(f"{about.title}{by}: {mean:.2f} on average{ends}; {about.meaning}.")
    return said


def _how(row: Score) -> tuple[str | None, str | None]:
    return row.system, row.settings.get("method")


HAPPENED: tuple[Rule, ...] = (
    _better, _worse, _unchanged, _measured, _pivot, _cheaper, _each, _truncated, _dropped, _few,
)  # fmt: skip
ADVICE: tuple[Rule, ...] = (
    _lost, _unknown, _dear, _weak, _centring, _middle, _window, _crowded, _keep_teacher,
)  # fmt: skip


def _changes(scores: Scores) -> Scores:
    rows = outward(last_layers(scores.where(stage="change", measure="retrieval_p1")))
    return Scores(r for r in rows if r.value is not None)


def _by_test(changes: Scores) -> tuple[list[Score], list[Score], list[Score]]:
    """The changes in three: up for sure, down for sure, and what the test cannot tell."""
    sure = {r.language for r in changes if r.settings.get("p_holm", 1.0) < LEVEL and r.value}
    ranked = sorted(changes, key=_value, reverse=True)
    return (
        [r for r in ranked if r.language in sure and _value(r) > 0],
        [r for r in ranked if r.language in sure and _value(r) < 0][::-1],
        [r for r in ranked if r.language not in sure],
    )


def _means(scores: Scores, changes: Scores) -> tuple[float, float] | None:
    """Mean P@1 before and after over the languages that have both."""
    rows = main_rows(scores, "retrieval_p1")
    before, after = (by_language(rows.where(stage=stage)) for stage in ("before", "after"))
    both = [t for t in by_language(changes) if t in before and t in after]
    if not both:
        return None
    old, new = (sum(_value(found[t]) for t in both) / len(both) for found in (before, after))
    return old, new


def _listed(rows: Sequence[Score], say: Callable[[Score], str]) -> str:
    more = len(rows) - NAMED
    return ", ".join(map(say, rows[:NAMED])) + (f" and {more} more" if more > 0 else "")


def _gains(rows: Sequence[Score]) -> str:
    return _listed(rows, lambda r: f"{_name(r)} {_interval(r, '+')}")


def _names(rows: Sequence[Score]) -> str:
    return _listed(rows, _name)


def _n(rows: Sequence[Score]) -> str:
    sizes = sorted({row.n for row in rows})
    if len(sizes) == 1:
        return f"n = {sizes[0]:,} sentences each."
    return f"n = {sizes[0]:,} to {sizes[-1]:,} sentences."


def _languages(count: int) -> str:
    return f"{count} language{'' if count == 1 else 's'}"


def _count(rows: Sequence[Score]) -> str:
    return str(len(rows)) if rows else "None"


def _name(row: Score) -> str:
    return shown(str(row.language)).name


def _value(row: Score) -> float:
    return row.value or 0.0


def _interval(row: Score, sign: str = "") -> str:
    if row.low is None or row.high is None:
        return f"{row.value:{sign}.2f}"
    return f"{row.value:{sign}.2f} [{row.low:{sign}.2f}, {row.high:{sign}.2f}]"
