"""A language head that is made for a body which has none."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


class WordHead(nn.Module):
    """logits = norm(gelu(W h + a)) E^T + b, E the body's own token table.

    Source: Devlin et al. (2019), BERT, and Press and Wolf (2017) for the tied table.

    Args:
        width: of the body's states.
        columns: of its token table.
        tokens: in it.

    Attributes:
        given: whether it was made before and is part of the model; else it begins here.
    """

    given: bool = False

    def __init__(self, width: int, columns: int, tokens: int) -> None:
        super().__init__()
        self.dense, self.norm = nn.Linear(width, columns), nn.LayerNorm(columns)
        self.bias = nn.Parameter(torch.zeros(tokens))
        nn.init.normal_(self.dense.weight, std=0.02)
        nn.init.zeros_(self.dense.bias)

    def forward(self, states: torch.Tensor, table: Any) -> torch.Tensor:
        """States `[m, h]` and the module of the table to logits `[m, V]`."""
        found = self.norm(F.gelu(self.dense(states)))
        scores = table.score(found) if hasattr(table, "score") else found @ table.weight.T
        return scores + self.bias

    def transform(self) -> dict[str, torch.Tensor]:
        """All but what belongs to a vocabulary."""
        return {n: v.detach().clone() for n, v in self.state_dict().items() if n != "bias"}
