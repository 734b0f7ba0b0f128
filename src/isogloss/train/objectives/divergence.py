"""How far two distributions over the vocabulary are apart."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from isogloss.errors import TrainingError
from isogloss.train.batch import spots
from isogloss.train.contracts import Batch


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


def told_twice(logits: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits `[2 m, V]` of tokens that both views of a batch tell, as those of each view `[m, V]`.

    Raises:
        TrainingError: no two views, or views of which one tells more of a row than the other.
    """
    told = torch.searchsorted(batch["offsets"], spots(batch), right=True) - 1  # [2 m] texts
    counts = torch.bincount(told, minlength=len(batch["offsets"])).view(int(batch["views"]), -1)
    if len(counts) != 2 or not torch.equal(counts[0], counts[1]):
        raise TrainingError(
            "the views of a row do not tell the same tokens, so there is nothing to compare",
            remedy="name a mixture that tells each row twice: fused.v1 or translations.v1",
        )
    first, second = logits.view(2, -1, logits.shape[-1])
    return first, second
