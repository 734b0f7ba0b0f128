"""Every row drawn around zero: the baseline that forgets the source's vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isogloss.registry import register
from isogloss.vocabulary.initialise.rows import Help, Rows, Source

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@register("initialiser", "random.v1")
def random(source: Source, target: Tokenizer, help: Help, *, deviation: float = 0.02) -> Rows:
    """e_i ~ N(0, deviation^2) for all target tokens, those of the source's vocabulary among them.

    Prefer anything else; this is what it has to beat. The deviation is what most bodies begin
    training with (`initializer_range`).
    """
    size = max(target.get_vocab().values()) + 1
    rng = np.random.default_rng(help.seed)
    rows = deviation * rng.standard_normal((size, source.rows.shape[1]), np.float32)
    return Rows(rows, np.zeros(size, np.int8), np.zeros(size, np.int64))
