"""A small transformer that writes rows of an embedding table: what two ways to make rows share."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


class RowNetwork(nn.Module):
    """h = LayerNorm(transformer(P x_t + place_t)), and rows c + s z with z from W h.

    c and s are the mean and the deviation of every column of a table, so that z has the scale that
    networks like and rows have that of the table.

    Args:
        inputs: width of x.
        columns: of a row.
        longest: positions.
        width: of the states.
        layers: of the transformer, normalised first, without dropout.
        heads: of each attention; they divide the width.
        inner: of the feed-forward layers, as a multiple of the width.
        still: whether W is zero at first.
    """

    centre: torch.Tensor
    deviation: torch.Tensor

    def __init__(
        self, inputs: int, columns: int, longest: int, *, width: int, layers: int, heads: int,
        inner: float, still: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            width, heads, round(inner * width), dropout=0.0, activation="gelu", batch_first=True,
            norm_first=True,
        )  # fmt: skip
        self.enter = nn.Linear(inputs, width)
        self.places = nn.Parameter(0.02 * torch.randn(longest, width))
        self.body = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, columns)
        if still:
            nn.init.zeros_(self.leave.weight)
            nn.init.zeros_(self.leave.bias)
        self.register_buffer("centre", torch.zeros(columns))
        self.register_buffer("deviation", torch.ones(columns))

    def scale(self, table: np.ndarray) -> None:
        """Take the mean and the deviation of every column from a table `[V, C]`."""
        deviation = np.maximum(table.std(0, dtype=np.float64), 1e-6).astype(np.float32)
        self.centre.copy_(torch.from_numpy(table.mean(0, dtype=np.float64).astype(np.float32)))
        self.deviation.copy_(torch.from_numpy(deviation))

    def forward(self, x: torch.Tensor, absent: torch.Tensor) -> torch.Tensor:
        """States `[n, t, width]` from `[n, t, inputs]`, and where nothing is `[n, t]`."""
        states = self.enter(x) + self.places[: x.shape[1]]
        return self.norm(self.body(states, src_key_padding_mask=absent))

    def scaled(self, rows: torch.Tensor) -> torch.Tensor:
        """Z of rows of the table, `[..., C]`."""
        return (rows - self.centre) / self.deviation

    def rows(self, z: torch.Tensor) -> torch.Tensor:
        """Rows of z, `[..., C]`."""
        return self.centre + self.deviation * z
