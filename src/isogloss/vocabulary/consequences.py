"""What a premium means for whoever pays for tokens and has a window to fill, in plain words."""

from __future__ import annotations

from isogloss.language import read_language
from isogloss.score import Score, Scores

CLOSE = 0.05  # how far from 1 a premium counts as parity
BLIND = 0.1  # share of unknown tokens from which a premium says too little


def consequence(premium: Score, unknown: float = 0.0) -> str:
    """One sentence about what a premium means.

    Args:
        premium: a row `premium`.
        unknown: the share of the language's tokens that are unknown; each may stand for a whole
            word, so that a premium with many of them is too low.

    Source: the consequences are those of Petrov et al. (2023), Language Model Tokenizers Introduce
    Unfairness Between Languages, section 4 (cost, and how much text fits a window).
    """
    language, pivot = (read_language(str(tag)).name for tag in (premium.language, premium.pivot))
    value = premium.value
    if not value:
        return f"What {language} needs beside {pivot} is not known."
    if unknown > BLIND:
        return (
            f"{language} is read in part only: {unknown:.0%} of its tokens are unknown, so that "
            f"{value:.1f} times the tokens of {pivot} say too little."
        )
    if abs(value - 1) <= CLOSE:
        return f"{language} needs about as many tokens as {pivot}."
    return (
        f"{language} needs {value:.1f} times the tokens of {pivot}: the same window holds "
        f"{1 / value:.0%} as much text, and the same text costs {value:.1f} times as much where "
        "tokens are paid for."
    )


def consequences(scores: Scores, most: int = 3) -> list[str]:
    """For each tokenizer the languages that need most, with its name where there are several."""
    systems = list(dict.fromkeys(row.system for row in scores.where(measure="premium")))
    said = []
    for system in systems:
        own = scores.where(system=system)
        unknown = unknown_shares(own)
        name = f"{system}: " if len(systems) > 1 else ""
        said += [
            name + consequence(row, unknown.get(row.language, 0.0))
            for row in worst_first(own.where(measure="premium"))[:most]
        ]
    return said


def window_holds(premium: Score | None, unknown: float = 0.0) -> float | None:
    """How much text of a language fits a window, over the pivot's; None where nobody can say."""
    if premium is None or not premium.value or unknown > BLIND:
        return None
    return 1 / premium.value


def unknown_shares(scores: Scores) -> dict[str | None, float]:
    """The share of unknown tokens of each language of one tokenizer."""
    return {row.language: row.value or 0.0 for row in scores.where(measure="unknown_share")}


def worst_first(premiums: Scores) -> list[Score]:
    """Rows that have a value, the highest first."""
    return sorted((r for r in premiums if r.value is not None), key=lambda r: -(r.value or 0))
