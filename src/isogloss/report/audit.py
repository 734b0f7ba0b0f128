"""What a run that audited tokenizers, and measured nothing else, has to say."""

from __future__ import annotations

from statistics import mean

from isogloss.report.rows import main_rows, shown
from isogloss.score import Scores
from isogloss.vocabulary.consequences import BLIND, consequences, unknown_shares, worst_first


def verdict(scores: Scores, systems: list[str]) -> str:
    """One line: who needs most, or which tokenizer asks least."""
    pivot = shown(str(scores[0].pivot)).name
    if len(systems) == 1:
        rows = worst_first(main_rows(scores, "premium"))
        most = f", the most of {len(rows)} languages" if len(rows) > 1 else ""
        worst = shown(str(rows[0].language)).name
        return f"{worst} needs {rows[0].value:.1f} times the tokens of {pivot}{most}."
    costs = {k: v for k, v in means(scores, systems).items() if not _blind(scores, k)}
    if len(costs) < 2:
        return f"{len(systems)} tokenizers beside each other."
    least, most = min(costs, key=costs.__getitem__), max(costs, key=costs.__getitem__)
    return (
        f"{least} asks least over {pivot}, on average {costs[least]:.2f} times its tokens; "
        f"{most} most, {costs[most]:.2f} times."
    )


def means(scores: Scores, systems: list[str]) -> dict[str, float]:
    """The mean premium over languages of each tokenizer."""
    return {
        name: mean(row.value or 0.0 for row in main_rows(scores, "premium").where(system=name))
        for name in systems
    }


def figures(scores: Scores, systems: list[str]) -> list[tuple[str, str]]:
    """Up to four tokenizers with their mean premium, the least first."""
    costs = sorted(means(scores, systems).items(), key=lambda item: item[1])
    return [(f"{cost:.2f}×", f"{name}: the pivot's tokens, on average") for name, cost in costs[:4]]


def happened(scores: Scores, systems: list[str]) -> list[str]:
    """What the worst premiums mean, and which tokenizers cannot read the text."""
    blind = [name for name in systems if _blind(scores, name)]
    said = consequences(scores, most=3 if len(systems) == 1 else 1)
    if blind and len(systems) > 1:
        said.append(
            f"Over {BLIND:.0%} of the tokens of {', '.join(blind)} are unknown: few tokens are no "
            "merit there."
        )
    return said


def _blind(scores: Scores, system: str) -> bool:
    shares = unknown_shares(scores.where(system=system)).values()
    return bool(shares) and mean(shares) > BLIND
