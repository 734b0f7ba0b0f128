"""The mathematics of contrast: what belongs together is told among all else of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F

from isogloss.errors import UsageError


def own_among(
    scores: torch.Tensor, own: torch.Tensor | None = None, without: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean over i of -log softmax_j(s_ij) at the own j of each i.

    Args:
        scores: `[..., n, m]`.
        own: `[n]` the own j of each i; i by default.
        without: `[n, m]` which j are in no sum; the own one always is.
    """
    rows, columns = scores.shape[-2:]
    own = torch.arange(rows, device=scores.device) if own is None else own  # [n]
    if without is not None:
        others = torch.arange(columns, device=scores.device) != own[:, None]  # [n, m]
        scores = scores.masked_fill(without & others, -torch.inf)
    return F.cross_entropy(scores.reshape(-1, columns), own.expand(scores.shape[:-1]).reshape(-1))


def ranking(
    queries: torch.Tensor,
    candidates: torch.Tensor,
    temperature: float,
    margin: float = 0.0,
    without: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean over i of -log softmax_j((q_i c_j - margin [i = j]) / temperature) at j = i.

    Args:
        queries: `[..., B, d]`, unit vectors where the products are to be cosines.
        candidates: `[..., B + extra, d]`: the own one of each query, then what is nobody's own.
        temperature: of the softmax.
        margin: by how much the own one has to be nearer than the others.
        without: `[B, B + extra]` which candidates count neither for nor against a query.
    """
    scores = queries @ candidates.mT  # [..., B, B + extra]
    if margin:
        own = torch.eye(*scores.shape[-2:], dtype=scores.dtype, device=scores.device)
        scores = scores - margin * own
    return own_among(scores / temperature, without=without)


def rank_views(
    views: Sequence[torch.Tensor],
    temperature: float,
    *,
    negatives: torch.Tensor | None = None,
    margin: float = 0.0,
    both: bool = True,
) -> torch.Tensor:
    """`ranking` of each later view for each earlier one, and back, summed over the pairs of views.

    Args:
        views: unit vectors `[..., B, d]` of texts that mean the same.
        temperature: of the softmax.
        negatives: unit vectors `[k, B, d]`, further candidates on the way there.
        margin: see `ranking`.
        both: the mean of there and back; else there alone.
    """
    extra = [] if negatives is None else [*negatives]
    total = views[0].new_zeros(())
    for right in range(1, len(views)):
        for left in range(right):
            own = torch.cat([views[right], *extra]) if extra else views[right]
            loss = ranking(views[left], own, temperature, margin)
            if both:
                loss = (loss + ranking(views[right], views[left], temperature, margin)) / 2
            total = total + loss
    return total


class Among(NamedTuple):
    """Scores of all 2 B texts of B pairs, left ones first.

    Attributes:
        scores: dot products `[2 B, 2 B]`.
        own: the place of each text's pair `[2 B]`.
        others: where neither a text nor its pair stands `[2 B, 2 B]`.
    """

    scores: torch.Tensor
    own: torch.Tensor
    others: torch.Tensor

    @property
    def pairs(self) -> torch.Tensor:
        """The score of each text with its pair `[2 B]`."""
        return self.scores.gather(1, self.own[:, None])[:, 0]

    def outside(self) -> torch.Tensor:
        """Scores with all but `others` at minus infinity `[2 B, 2 B]`."""
        return self.scores.masked_fill(~self.others, -torch.inf)


def among(left: torch.Tensor, right: torch.Tensor) -> Among:
    """All scores of pairs of vectors `[B, d]`."""
    every = torch.cat([left, right])  # [2 B, d]
    own = torch.arange(len(every), device=every.device).roll(len(left))  # [2 B]
    others = ~torch.eye(len(every), dtype=torch.bool, device=every.device)
    others = others.scatter(1, own[:, None], False)
    return Among(every @ every.T, own, others)


def rank_all(left: torch.Tensor, right: torch.Tensor, temperature: float) -> torch.Tensor:
    """The mean over 2 B texts of -log softmax of the score of a text with its own pair.

    A text `[d]` of `left` or `right` `[B, d]` is to be told from all 2 B - 2 others, those of its
    own side among them. Scores are dot products over the temperature.
    Source: Chen, Kornblith, Norouzi and Hinton (2020), SimCLR, section 2.1.
    """
    found = among(left, right)
    return own_among(found.scores / temperature, found.own, ~found.others)


def two_views(vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit vectors `[B, d]` of either side of pairs `[2, B, d]`.

    Raises:
        UsageError: other than two views, or fewer than two rows.
    """
    if len(vectors) != 2 or vectors.shape[1] < 2:
        raise UsageError(
            f"{len(vectors)} views of {vectors.shape[1]} rows are not pairs among others",
            remedy="name a mixture of two views, such as lexicon.v1, and a batch of 2 at least",
        )
    left, right = F.normalize(vectors, dim=-1)
    return left, right
