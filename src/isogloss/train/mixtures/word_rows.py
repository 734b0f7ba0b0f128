"""A mixture of words alone: what a network that gives words their rows warms up on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass
class WordRows:
    """Words and the rows they are to have.

    Attributes:
        words: `[n]` numbers of words.
        gold: `[n, C]` the row of each.
        size: words in a batch.
    """

    words: np.ndarray
    gold: np.ndarray
    size: int = 256

    def batch(self, seed: int, step: int) -> dict[str, Any]:
        """`words` `[B]`, and for `lexical.v1` `shared` `[B]` and `gold` `[B, C]`."""
        rng = np.random.default_rng([seed, 1, step])
        chosen = rng.choice(len(self.words), min(self.size, len(self.words)), replace=False)
        return {
            "words": torch.from_numpy(self.words[chosen]),
            "shared": torch.arange(len(chosen)),
            "gold": torch.from_numpy(self.gold[chosen]),
            "read": {},
        }
