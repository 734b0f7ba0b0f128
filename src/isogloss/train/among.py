"""Pairs of texts among all texts of a batch, those of their own side too."""

from __future__ import annotations

from typing import NamedTuple

import torch


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
