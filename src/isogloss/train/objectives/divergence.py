"""How far two distributions over the vocabulary are apart."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def divergence(target: torch.Tensor, found: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    """T^2 times the mean over rows of KL(softmax(target / T) || softmax(found / T)).

    The square keeps the size of gradients from falling with the temperature.

    Args:
        target: `[m, V]` logits; detach what is not to train.
        found: `[m, V]` logits.
        temperature: T; the higher, the more the unlikely tokens count.

    Source: Hinton, Vinyals and Dean (2015), Distilling the Knowledge in a Neural Network,
    section 2.
    """
    p, q = (F.log_softmax(logits / temperature, -1) for logits in (target, found))
    return temperature**2 * F.kl_div(q, p, log_target=True, reduction="batchmean")
