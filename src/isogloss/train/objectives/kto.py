"""Kahneman-Tversky optimisation: answers that are good or bad each for itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.train.contracts import Batch, Loss
from isogloss.train.objectives.preference import AgainstStart


@register("objective", "kto.v1")
class Kto(AgainstStart):
    """w (1 - sigmoid(beta (r - z))) of good answers, w' (1 - sigmoid(beta (z - r))) of bad ones.

    r = log p(y | x) - log p_start(y | x), and the anchor z is the mean of r over prompts with
    strangers' answers, not below 0: how far the model has gone from its start altogether, in which
    nothing trains. Averaged over rows. A good answer has to become likelier than answers at large,
    a bad one less, and answers that are far on either side have little gradient.
    Without `clip` the anchor is that mean as it is. It is below 0 where all answers became less
    likely, as they do after a while; clipped, good answers are then held to where they began, and
    their gradient is smaller than that of bad ones.
    With `signed` (KTO-S) the anchor is pushed to the other side of 0 than r, so that r + sign(r) z
    stands for r - z: the further the model has gone altogether, the smaller is every gradient. In
    KTO it grows where z lies between 0 and r, or comes nearer to r.
    Prefer it over `dpo.v1` where answers were judged one by one, or are many more good than bad:
    then choose w and w' so that good and bad ones weigh about the same in all.

    Reads: outputs `likelihoods` `[2, B, 1]`, of the own and of a stranger's answer; batch `gold`,
    `good` `[B]`.
    Source: Ethayarajh et al. (2024), KTO: Model Alignment as Prospect Theoretic Optimization,
    section 4; Lim et al. (2025), Safe at the Margins: A General Approach to Safety Alignment in
    Low-Resource English Languages (`signed`). The anchor without `clip` is not claimed to be that
    of any paper.

    Args:
        beta: how much a departure from the start weighs.
        good: w.
        bad: w'.
        clip: whether the anchor is at least 0.
        signed: whether the anchor takes the sign of r, and is added.

    Raises:
        UsageError: settings not over 0, `signed` without `clip`, or other than two views.
    """

    columns: ClassVar[tuple[str, ...]] = ("gold", "good")
    joint: ClassVar = True

    def __init__(
        self, *, beta: float = 0.1, good: float = 1.0, bad: float = 1.0, clip: bool = True,
        signed: bool = False,
    ) -> None:  # fmt: skip
        if min(beta, good, bad) <= 0:
            raise UsageError(f"beta {beta}, good {good} and bad {bad} are to be over 0")
        if signed and not clip:
            raise UsageError("a signed anchor is a distance, so at least 0", remedy="leave clip on")
        self.beta, self.good, self.bad, self.clip, self.signed = beta, good, bad, clip, signed

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        own, strange = self.ratios(outputs, batch)
        anchor = strange.detach().mean()
        if self.clip:
            anchor = anchor.clamp(min=0)
        if self.signed:
            anchor = -own.detach().sign() * anchor  # [B]
        good = batch["good"].bool()  # [B]
        sign = torch.where(good, 1.0, -1.0)
        weight = torch.where(good, self.good, self.bad)
        total = (weight * (1 - torch.sigmoid(self.beta * sign * (own - anchor)))).mean()
        return Loss(total, {"kto": float(total.detach())})
