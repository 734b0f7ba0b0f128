"""The summary in words: what got better, what did not, what happened to the pivot, what next."""

from __future__ import annotations

from isogloss.language import read_language
from isogloss.report.charts.before_after import last_layers
from isogloss.score import Score, Scores

LEVEL = 0.05


def verdict(scores: Scores) -> str:
    """One line that says how the run went."""
    changes = _outward(scores.where(stage="change", measure="retrieval_p1"))
    if changes:
        up, down, _ = _sorted_by_test(changes)
        before, after = (_mean(scores, stage, changes) for stage in ("before", "after"))
        fell = f", {_count(down)} fell" if down else ", none fell"
        return (
            f"{_count(up)} of {len(changes)} languages rose{fell}: mean P@1 {before:.2f} before, "
            f"{after:.2f} after."
        )
    rows = _outward(last_layers(scores.where(measure="retrieval_p1")))
    good = [r for r in rows if (r.value or 0) >= 0.5]
    return (
        f"{_count(good)} of {len(rows)} languages find at least half of their translations at the "
        "last layer."
    )


def sentences(scores: Scores, notes: list[str]) -> list[str]:
    """What a reader should know, most important first."""
    return [
        *_changes(scores), *_pivot(scores), *_measured(scores), *_tokenizer(scores),
        *_hidden(scores), *_truncated(scores), *(n for n in notes if n.startswith("WARNING")),
    ]  # fmt: skip


def _changes(scores: Scores) -> list[str]:
    changes = _outward(scores.where(stage="change", measure="retrieval_p1"))
    if not changes:
        return []
    up, down, same = _sorted_by_test(changes)
    said = []
    rule = f"(paired sign-flip test, Holm over {len(changes)} languages, p < {LEVEL})"
    if up:
        best = max(up, key=lambda r: r.value or 0)
        said.append(
            f"Better {rule}: {_names(up)}. The largest gain is {_name(best)}'s, {_gain(best)}, "
            f"n = {best.n}."
        )
    if same:
        said.append(f"No change that {changes[0].n} sentences can show: {_names(same)}.")
    if down:
        said.append(
            f"Worse {rule}: {_names(down)}. Keep the old model for these, or train longer on "
            "text of their own."
        )
    after = _outward(scores.where(stage="after", measure="retrieval_p1"))
    weak = [r for r in after if (r.value or 0) < 0.3]
    if weak:
        said.append(
            f"Still under 0.3: {_names(weak)}. More parallel text in the held-out text's domain "
            "is what would help most."
        )
    return said


def _pivot(scores: Scores) -> list[str]:
    said = []
    for row in scores.where(measure="pivot_retrieval_p1"):
        cosine = scores.where(measure="pivot_cosine_to_teacher", system=row.system)[0]
        said.append(
            f"{_name(row)}, the pivot: the student's vectors have a mean cosine of "
            f"{_interval(cosine)} with the teacher's, and {_interval(row)} of the sentences find "
            f"the teacher's vector of the same sentence (n = {row.n})."
            + ("" if (row.value or 0) >= 0.9 else " Keep the teacher for work in the pivot alone.")
        )
    return said


def _measured(scores: Scores) -> list[str]:
    if scores.where(stage="change"):
        return []
    rows = sorted(
        _outward(last_layers(scores.where(measure="retrieval_p1"))), key=lambda r: -(r.value or 0)
    )
    if not rows:
        return []
    first, last = rows[0], rows[-1]
    said = [f"Best aligned: {_name(first)}, P@1 {_interval(first)}, n = {first.n}."]
    if len(rows) > 1:
        said.append(f"Worst aligned: {_name(last)}, P@1 {_interval(last)}, n = {last.n}.")
    return said


def _tokenizer(scores: Scores) -> list[str]:
    said = []
    rows = Scores(r for r in scores if r.stage in (None, "before"))
    dear = [r for r in rows.where(measure="premium") if (r.value or 0) > 2]
    if dear:
        said.append(
            f"The model's tokenizer spends over twice the pivot's tokens on {_names(dear)}: "
            "extending its vocabulary is worth trying."
        )
    blind = [r for r in rows.where(measure="unknown_share") if (r.value or 0) > 0.1]
    if blind:
        said.append(
            f"Over a tenth of the tokens are unknown in {_names(blind)}: nothing helps these "
            "before their letters are in the vocabulary."
        )
    return said


def _hidden(scores: Scores) -> list[str]:
    """Languages whose mean vector alone hides their translations."""
    plain, centred = (
        {r.language: r for r in _outward(last_layers(Scores(
            r for r in scores.where(measure=m) if r.stage in (None, "after"))))}
        for m in ("retrieval_p1", "retrieval_p1_centred")
    )  # fmt: skip
    gained = [
        row for tag, row in centred.items()
        if tag in plain and (row.low or 0) > (plain[tag].high or 1)
    ]  # fmt: skip
    if not gained:
        return []
    return [f"Subtracting each language's mean vector would help {_names(gained)}."]


def _truncated(scores: Scores) -> list[str]:
    cut = {str(r.language) for r in scores if r.truncated and r.stage != "change"}
    if not cut:
        return []
    names = ", ".join(sorted(read_language(tag).name for tag in cut))
    return [f"Texts were cut to the model's window in {names}; the table has the counts."]


def _outward(scores: Scores) -> list[Score]:
    return [r for r in scores if str(r.direction).startswith(f"{r.language}>")]


def _sorted_by_test(changes: list[Score]) -> tuple[list[Score], list[Score], list[Score]]:
    sure = [r for r in changes if r.settings["p_holm"] < LEVEL]
    return (
        [r for r in sure if (r.value or 0) > 0],
        [r for r in sure if (r.value or 0) < 0],
        [r for r in changes if r not in sure],
    )


def _mean(scores: Scores, stage: str, changes: list[Score]) -> float:
    asked = {r.language for r in changes}
    rows = _outward(last_layers(scores.where(measure="retrieval_p1", stage=stage)))
    return sum(r.value or 0 for r in rows if r.language in asked) / len(asked)


def _count(rows: list[Score]) -> str:
    return str(len(rows)) if rows else "None"


def _name(row: Score) -> str:
    return read_language(str(row.language)).name


def _names(rows: list[Score]) -> str:
    return ", ".join(_name(row) for row in rows)


def _interval(row: Score) -> str:
    return f"{row.value:.2f} [{row.low:.2f}, {row.high:.2f}]"


def _gain(row: Score) -> str:
    return f"{row.value:+.2f} [{row.low:+.2f}, {row.high:+.2f}]"
