"""Draws that depend on where a value stands, not on how it is reached.

Philox counts: its n-th block of numbers is a function of a key and n. So any slice of a tensor gets
the numbers that it would get in the whole.
Source: Salmon et al. (2011), Parallel Random Numbers: As Easy as 1, 2, 3, section 3.
"""

from __future__ import annotations

import hashlib

import numpy as np

_EACH = 8  # numbers of 32 bits that a step of the counter gives


def draws(seed: int, name: str, model: int, start: int, count: int) -> np.ndarray:
    """`[count]` uint32, uniform: those of the values from the start-th on of a model's tensor."""
    digest = hashlib.sha256(f"{seed}\0{model}\0{name}".encode()).digest()
    key = np.frombuffer(digest[:16], np.uint64)
    first, skipped = divmod(start, _EACH)
    blocks = -(-(skipped + count) // _EACH)
    made = np.random.Philox(key=key, counter=first).random_raw(blocks * _EACH // 2)
    return made.view(np.uint32)[skipped : skipped + count]


def kept(share: float, numbers: np.ndarray) -> np.ndarray:
    """`[n]` which values stay when each is dropped with the probability `share`."""
    return numbers >= np.uint32(min(round(share * 2**32), 2**32 - 1))
