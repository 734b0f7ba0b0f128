"""In-batch contrast of rows, at one layer or several at once."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def both_ways(
    left: torch.Tensor,
    right: torch.Tensor,
    temperature: float,
    equal: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:
    """Cross-entropy of each row's own partner among all, mean of both directions and all rows.

    s_ij = cos(x_i, y_j) / temperature; the partner of x_i is y_i.

    Args:
        left: x `[..., n, d]`.
        right: y `[..., n, d]`.
        temperature: of the softmax.
        equal: `[n, n]` which y are the same as the partner, and which x: these count neither for
            nor against.
    """
    scores = F.normalize(left, dim=-1) @ F.normalize(right, dim=-1).transpose(-1, -2) / temperature
    total = scores.new_zeros(())
    for side, turned in enumerate((scores, scores.transpose(-1, -2))):
        own = turned.diagonal(dim1=-2, dim2=-1)  # [..., n]
        if equal is not None:
            others = ~torch.eye(scores.shape[-1], dtype=torch.bool, device=scores.device)
            turned = turned.masked_fill(equal[side] & others, float("-inf"))
        total = total + (turned.logsumexp(-1) - own).mean()
    return total / 2
