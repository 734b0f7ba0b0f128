"""The k-th largest magnitude of values that are never in memory at once, exactly.

The bits of a positive float32 are in the order of its value. One pass counts the upper bits of all
values, which tells the bin that the k-th falls into; a second counts the lower bits in that bin.
"""

from __future__ import annotations

import numpy as np

_LOW = 16
_HIGH_BINS = 1 << (31 - _LOW)
_LOW_BINS = 1 << _LOW


def keys(values: np.ndarray) -> np.ndarray:
    """`[n]` uint32 that are in the order of |values| as float32."""
    return np.ascontiguousarray(values, np.float32).view(np.uint32) & np.uint32(0x7FFF_FFFF)


def high_counts(values: np.ndarray) -> np.ndarray:
    """`[32768]` how many values have these upper bits; add them up over slices."""
    return np.bincount(keys(values) >> _LOW, minlength=_HIGH_BINS)


def low_counts(values: np.ndarray, high: int) -> np.ndarray:
    """`[65536]` how many of the values with the upper bits `high` have these lower bits."""
    found = keys(values)
    return np.bincount(found[found >> _LOW == high] & (_LOW_BINS - 1), minlength=_LOW_BINS)


def find_bin(counts: np.ndarray, k: int) -> tuple[int, int]:
    """The bin that the k-th largest is in, and which it is among those of the bin; k from 1."""
    above = np.cumsum(counts[::-1])  # [bins] that are as large as the bin or larger
    at = int(np.searchsorted(above, k))
    before = int(above[at - 1]) if at else 0
    return len(counts) - 1 - at, k - before


def key_of(high: int, low: int) -> int:
    """The key of both parts together; values whose `keys` are as large are among the k largest."""
    return high << _LOW | low
