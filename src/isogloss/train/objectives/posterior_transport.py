"""Transport between the posteriors of a text and of its translation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.train.contracts import Batch, Loss


class Gaussians(NamedTuple):
    """Normal distributions of independent numbers: `mean` and `spread`, each `[B, k]`."""

    mean: torch.Tensor
    spread: torch.Tensor


def wasserstein(left: Gaussians, right: Gaussians) -> torch.Tensor:
    """The squared 2-Wasserstein distance of each pair, |m - m'|^2 + |s - s'|^2: `[B]`."""
    away = (left.mean - right.mean).square() + (left.spread - right.spread).square()
    return away.sum(-1)


def discrepancy(left: Gaussians, right: Gaussians, scales: Sequence[float]) -> torch.Tensor:
    """The squared maximum mean discrepancy of two even mixtures of Gaussians, a number.

    The kernel is exp(-|z - z'|^2 / 2 h), h a scale times k, summed over scales. Its mean over two
    Gaussians has a closed form, so that nothing is sampled.
    """
    found = left.mean.new_zeros(())
    for scale in scales:
        width = scale * left.mean.shape[-1]
        one, other = (_likeness(each, each, width).mean() for each in (left, right))
        found = found + one + other - 2 * _likeness(left, right, width).mean()
    return found


def _likeness(left: Gaussians, right: Gaussians, width: float) -> torch.Tensor:
    """The mean of the kernel over every two Gaussians `[B, B']`, dimension by dimension."""
    spread = left.spread[:, None].square() + right.spread[None].square()  # [B, B', k]
    away = (left.mean[:, None] - right.mean[None]).square()  # [B, B', k]
    total = width + spread
    return ((width / total).log() - away / total).sum(-1).mul(0.5).exp()


@register("objective", "posterior_transport.v1")
class PosteriorTransport(nn.Module):
    """How far the latent posteriors of two languages are apart, pair by pair and as a whole.

    Two linear maps of a text's vector v give its posterior N(m(v), diag s(v)^2) over k numbers.
    Between the first view and each other one, the loss is the sum of

    - individual: (|m - m'|^2 + |s - s'|^2) / k, the squared 2-Wasserstein distance, averaged over
      rows, which needs the rows to be translations;
    - aggregate: the squared maximum mean discrepancy of all posteriors of one view from all of the
      other, which does not, and sees what an average over pairs hides;

    each weighted, and of prior: the squared discrepancy of all posteriors from N(0, I), without
    which both are 0 where every text has the same posterior. In the paper the posteriors are of
    tokens, the decoder of a parser reads a sample, and kernels are averaged over samples; here they
    are of texts, nothing is sampled, and what keeps meaning is another objective beside it.
    Prefer it with few translations and much text: `individual = 0` reads rows that do not belong
    together. Where all rows are translations, contrast retrieves better.

    Reads: outputs `vectors` `[views, B, d]`, the first being the pivot.
    Raises: UsageError: one view, or weights, scales or a size that cannot be.
    Source: Sherborne, Hosking and Lapata (2023), Optimal Transport Posterior Alignment for
    Cross-lingual Semantic Parsing (Minotaur); kernels of several scales as in Tolstikhin et al.
    (2018), Wasserstein Auto-Encoders, but Gaussian ones.

    Args:
        size: k.
        individual: weight of the pairs.
        aggregate: weight of the languages as wholes.
        prior: weight of the prior.
        scales: of the kernel, times k.
        factor: how many times as fast as the model the maps learn.
    """

    joint: ClassVar = True

    def __init__(
        self,
        *,
        size: int = 64,
        individual: float = 1.0,
        aggregate: float = 1.0,
        prior: float = 1.0,
        scales: tuple[float, ...] = (0.2, 1.0, 5.0),
        factor: float = 30.0,
    ) -> None:
        super().__init__()
        weights = {"individual": individual, "aggregate": aggregate, "prior": prior}
        some = min(weights.values()) >= 0 and any(weights.values())
        if not some or not scales or min(scales) <= 0 or size < 1:
            raise UsageError(
                f"{weights}, scales {scales}, size {size} cannot be",
                remedy="give weights from 0, not all 0, and scales and a size over 0",
            )
        self.weights, self.scales, self.size, self.factor = weights, scales, size, factor
        self.latent: Any = None

    def begin(self, model: Any) -> None:
        """Maps for vectors of the model's width; the spread begins near 1."""
        self.latent = nn.Linear(model.body.config.hidden_size, 2 * self.size)
        with torch.no_grad():
            self.latent.bias[self.size :] = 0.5413  # softplus of it is 1

    def posterior(self, vectors: torch.Tensor) -> Gaussians:
        """Of vectors `[B, d]`."""
        mean, spread = self.latent(vectors).split(self.size, -1)
        return Gaussians(mean, F.softplus(spread))

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        if len(outputs["vectors"]) < 2:
            raise UsageError(
                "one view has nothing to be carried to", remedy="name a mixture such as parallel.v1"
            )
        first, *others = (self.posterior(vectors) for vectors in outputs["vectors"])
        every = Gaussians(*(torch.cat(side) for side in zip(first, *others, strict=True)))
        standard = Gaussians(torch.zeros_like(every.mean[:1]), torch.ones_like(every.mean[:1]))
        asked = {
            "individual": lambda: [wasserstein(first, o).mean() / self.size for o in others],
            "aggregate": lambda: [discrepancy(first, other, self.scales) for other in others],
            "prior": lambda: [discrepancy(every, standard, self.scales)],
        }
        parts = {
            f"posterior_{name}": weight * torch.stack(asked[name]()).sum()
            for name, weight in self.weights.items()
            if weight
        }
        total = torch.stack(list(parts.values())).sum()
        return Loss(total, {name: float(value.detach()) for name, value in parts.items()})
