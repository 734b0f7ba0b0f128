"""Batches of texts of like length under a budget of tokens."""

from __future__ import annotations

import numpy as np


def pack(lengths: np.ndarray, budget: int) -> list[np.ndarray]:
    """Indices of texts, longest first, cut into batches.

    A batch holds as many texts as fit in `budget` tokens when each is padded to the longest of
    them, and at least one. Longest first means that too large a budget fails at once.

    Args:
        lengths: `[n]` tokens per text.
        budget: tokens a batch may hold, padding included.

    Returns:
        Index arrays that together hold every index of a text with at least one token, once.
    """
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > 0]  # [m]
    batches, start = [], 0
    while start < len(order):
        size = max(1, budget // int(lengths[order[start]]))
        batches.append(order[start : start + size])
        start += size
    return batches
