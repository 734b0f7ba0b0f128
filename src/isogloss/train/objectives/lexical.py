"""Tokens that the source has are to keep its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from isogloss.registry import register
from isogloss.train.contracts import Batch, Loss


@register("objective", "lexical.v1")
@dataclass(frozen=True, kw_only=True)
class Lexical:
    """mean |predicted row - source row| / mean |source row|, over shared tokens.

    The paper's is not divided by the length of the row; here models of any scale take one weight.
    A batch without shared tokens gives 0. It keeps a hypernetwork from drifting off the space that
    the body reads; alone, over the source's own tokens, it is the warm-up.

    Reads: outputs `rows` `[u, C]`, batch `shared` `[s]` into them, `gold` `[s, C]`.
    Source: Minixhofer, Ponti and Vulić (2024), Zero-Shot Tokenizer Transfer, section 3.1; the
    warm-up after Pinter, Guthrie and Eisenstein (2017), MIMICK.
    """

    outputs: ClassVar = ("rows",)
    columns: ClassVar = ("shared", "gold")

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        rows, gold = outputs["rows"], batch["gold"]
        if not len(gold):
            return Loss(0.0 * rows.sum(), {"lexical": 0.0})
        away = (rows[batch["shared"]] - gold).norm(dim=-1)  # [s]
        total = away.mean() / gold.norm(dim=-1).mean().clamp(min=1e-6)
        return Loss(total, {"lexical": float(total.detach())})
