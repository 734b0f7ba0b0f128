"""How much of each language a tokenizer is learned on: shares by temperature, and the lines."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

from isogloss.errors import UsageError

Texts = Mapping[str, Sequence[str]]
"""Lines per language."""


def shares(counts: Mapping[str, float], temperature: float) -> dict[str, float]:
    """q_l = n_l^temperature / sum_k n_k^temperature; 1 is the natural mixture, 0 an even one.

    Args:
        counts: how much there is of each language, positive.
        temperature: the exponent, 0 at least.

    Raises:
        UsageError: no language, a count that is not positive, or a negative exponent.

    Source: Conneau and Lample (2019), Cross-lingual Language Model Pretraining, section 3.1.
    """
    weights = _relative(counts, temperature)
    total = sum(weights.values())
    return {tag: weight / total for tag, weight in weights.items()}


def _relative(counts: Mapping[str, float], temperature: float) -> dict[str, float]:
    """Shares over that of the largest language."""
    if not counts or min(counts.values()) <= 0:
        raise UsageError("there is no text to learn a tokenizer from")
    if not (math.isfinite(temperature) and temperature >= 0):
        raise UsageError(
            f"temperature {temperature} is no share of a mixture",
            remedy="0 gives every language as much, 1 keeps the natural mixture",
        )
    largest = max(counts.values())
    return {tag: (n / largest) ** temperature for tag, n in counts.items()}


def sample(texts: Texts, *, temperature: float, seed: int) -> list[str]:
    """Lines of all languages in these shares; the largest language gives each of its lines once.

    Others repeat all their lines as often as that takes and draw the rest at random. Languages
    without lines are left out.

    Raises:
        UsageError: there is no text, or a negative temperature.
    """
    there = {tag: lines for tag, lines in texts.items() if any(map(str.strip, lines))}
    counts = {tag: len(lines) for tag, lines in there.items()}
    weights = _relative(counts, temperature)
    largest, rng = max(counts.values()), random.Random(seed)
    drawn: list[str] = []
    for tag, lines in there.items():
        repeats, rest = divmod(round(largest * weights[tag]), counts[tag])
        drawn += list(lines) * repeats + rng.sample(list(lines), rest)
    return drawn
