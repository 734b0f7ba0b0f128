"""Rows of several languages, each once in a batch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def drawn(
    rng: np.random.Generator, shares: Mapping[str, float], there: Mapping[str, int], size: int
) -> list[tuple[str, int]]:
    """A language and a row of it, at most `size` times and none twice.

    How many rows a language has in the batch follows its share, but is no more than it has.

    Args:
        rng: of the batch.
        shares: of the languages, which sum to 1.
        there: rows of each.
        size: rows of the batch.
    """
    counts = rng.multinomial(size, list(shares.values()))
    return [
        (tag, int(row))
        for tag, count in zip(shares, counts, strict=True)
        for row in rng.choice(there[tag], min(int(count), there[tag]), replace=False)
    ]
