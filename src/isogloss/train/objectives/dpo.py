"""Direct preference optimisation."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.train.contracts import Batch, Loss
from isogloss.train.objectives.preference import AgainstStart


@register("objective", "dpo.v1")
class Dpo(AgainstStart):
    """-log sigmoid(beta (r_w - r_l)), r = log p(y | x) - log p_start(y | x), averaged over rows.

    y_w is the better answer to x, of the first view, y_l the worse, of the second; likelihoods are
    sums over an answer's tokens. With `smoothing` e a label is wrong with that probability:
    (1 - e) of the loss and e of that of the answers turned around.
    Prefer it where each prompt has both answers; it says nothing of how likely either is, only of
    their difference, so that `answer.v1` beside it keeps the better one likely. With crossed.v1
    answers in the wrong language are the worse ones (cross-lingual optimisation).

    Reads: outputs `likelihoods` `[2, B, 1]`, batch `gold`.
    Source: Rafailov et al. (2023), Direct Preference Optimization: Your Language Model is Secretly
    a Reward Model, section 4; smoothing as in Mitchell (2023), A note on DPO with noisy
    preferences.

    Args:
        beta: how much a departure from the start weighs.
        smoothing: e, below a half.

    Raises:
        UsageError: a beta or a smoothing that cannot be, or other than two views.
    """

    def __init__(self, *, beta: float = 0.1, smoothing: float = 0.0) -> None:
        if beta <= 0 or not 0 <= smoothing < 0.5:
            raise UsageError(f"beta {beta} is to be over 0, smoothing {smoothing} from 0 below 0.5")
        self.beta, self.smoothing = beta, smoothing

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        better, worse = self.ratios(outputs, batch)
        away = self.beta * (better - worse)  # [B]
        losses = (1 - self.smoothing) * F.logsigmoid(away) + self.smoothing * F.logsigmoid(-away)
        total = -losses.mean()
        return Loss(total, {"dpo": float(total.detach())})
