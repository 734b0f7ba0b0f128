"""Whether the vectors of a batch still differ: a collapse shows here before it does in a loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F

ROWS, COSINE, SPREAD, VARIANCE, TIMES = 8, 0.98, 0.5, 1e-4, 3
"""When vectors count as collapsed: see `Collapse`."""


class Spread:
    """Mean random cosine and variance of the vectors of a batch, also of one read in parts.

    With the vectors x `[n, d]` of a view and u = x / |x|:

        random_cosine = (|sum_i u_i|^2 - sum_i |u_i|^2) / (n (n - 1))
        variance = mean over dimensions of var(x)

    both averaged over views. Different rows are taken for unrelated.

    Source: the mean random cosine is that of Ethayarajh (2019), How Contextual are Contextualized
    Word Representations?; variance by dimension as a sign of collapse as in Bardes, Ponce and
    LeCun (2022), VICReg.
    """

    def __init__(self) -> None:
        self.count, self.sums = 0, None

    def add(self, outputs: Mapping[str, torch.Tensor]) -> None:
        """Add the `vectors` `[views, n, d]` of a part, if there are any."""
        vectors = outputs.get("vectors")
        if vectors is None or vectors.ndim < 2:
            return
        x = vectors.detach().to("cpu", torch.float64)
        x = x.reshape(-1, *x.shape[-2:])  # [views, n, d]
        u = F.normalize(x, dim=-1)
        sums = torch.stack([f.sum(1) for f in (u, u.square(), x, x.square())])  # [4, views, d]
        self.count += x.shape[1]
        self.sums = sums if self.sums is None else self.sums + sums

    def gather(self, accelerator: Any) -> None:
        """Add what the other processes have."""
        if accelerator.num_processes == 1:
            return
        from accelerate.utils import gather_object

        every = gather_object([(self.count, self.sums)])
        self.count = sum(count for count, _ in every)
        there = [sums for _, sums in every if sums is not None]
        self.sums = torch.stack(there).sum(0) if there else None

    def values(self) -> dict[str, float]:
        """`random_cosine` and `variance`; nothing of fewer than two rows, or if one is infinite."""
        if self.sums is None or self.count < 2 or not self.sums.isfinite().all():
            return {}
        n = self.count
        u, squared_u, x, squared_x = self.sums  # [views, d]
        cosine = (u.square().sum(-1) - squared_u.sum(-1)) / (n * (n - 1))
        variance = (squared_x / n - (x / n).square()).clamp(min=0)
        return {"random_cosine": float(cosine.mean()), "variance": float(variance.mean())}


@dataclass
class Collapse:
    """Whether vectors have collapsed, told from what they were at first.

    They have where, `TIMES` measurements on end, of `ROWS` rows or more,

    - the mean random cosine is `COSINE` or more, and what it lacks of 1 is under `SPREAD` of what
      it lacked at first (models such as XLM-R begin near 1), or
    - the variance is under `VARIANCE` of what it was at first.

    The four numbers are ours; no paper is followed in them.

    Attributes:
        first: the values measured first.
        times: measurements on end in which they had.
        since: the step of the first of these, 0 for none.
    """

    first: dict[str, float] = field(default_factory=dict)
    times: int = 0
    since: int = 0

    def see(self, spread: Spread, step: int) -> dict[str, float]:
        """Take a measurement in, and give its values."""
        values = spread.values()
        if not values or spread.count < ROWS:
            return values
        self.first = self.first or values
        cosine, variance = values["random_cosine"], values["variance"]
        lacked = 1 - self.first["random_cosine"]
        alike = cosine >= COSINE and 1 - cosine < SPREAD * lacked
        if alike or variance < VARIANCE * self.first["variance"]:
            self.times, self.since = self.times + 1, self.since or step
        else:
            self.times, self.since = 0, 0
        return values

    @property
    def certain(self) -> bool:
        """Whether they have, rather than only seem to."""
        return self.times >= TIMES
