"""How likely each token of a text is the translation of each token of the other, with gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from isogloss import registry
from isogloss.errors import UsageError
from isogloss.match.grid import make_grid
from isogloss.train.batch import Texts


class Grids(NamedTuple):
    """The tokens of B sentence pairs against each other, padded.

    Attributes:
        dots: `[B, m, n]` products of their states.
        real: `[B, m, n]` whether both tokens are there.
        sides: states `[B, m, d]` and `[B, n, d]`.
        lengths: tokens `[B]` and `[B]`.
    """

    dots: torch.Tensor
    real: torch.Tensor
    sides: tuple[torch.Tensor, torch.Tensor]
    lengths: tuple[torch.Tensor, torch.Tensor]

    def shares(self, dim: int) -> torch.Tensor:
        """Softmax of the products along a dimension `[B, m, n]`, 0 where there is no token.

        Source: Dou and Neubig (2021), awesome-align, section 2.2.
        """
        # Finite, as a row of padding alone would otherwise have no softmax.
        least = torch.finfo(self.dots.dtype).min / 2
        found = torch.softmax(self.dots.masked_fill(~self.real, least), dim)
        return found.masked_fill(~self.real, 0.0)

    def links(self, extraction: str) -> torch.Tensor:
        """Which tokens an extraction of `isogloss.match` links `[B, m, n]`, without a gradient."""
        x, y = (side.detach().float().cpu().numpy() for side in self.sides)
        grid = make_grid(x, y, (_numpy(self.lengths[0]), _numpy(self.lengths[1])))
        made = registry.get("extraction", extraction)(grid).links
        return torch.from_numpy(made).to(self.dots.device)


def grids(states: torch.Tensor, batch: Texts) -> Grids:
    """The grids of a batch of two views.

    Args:
        states: `[tokens, d]`.
        batch: whose tokens they are.

    Raises:
        UsageError: another number of views.
    """
    if batch.views != 2:
        raise UsageError(
            f"words are linked between 2 views, and the mixture gives {batch.views}",
            remedy="set views = 2 in the mixture",
        )
    lengths, size = batch.lengths(), batch.size
    halves = (slice(0, size), slice(size, 2 * size))
    return _grids(states, [(batch.offsets[at], lengths[at]) for at in halves])


def grids_within(states: torch.Tensor, batch: Texts) -> Grids:
    """The grids of two sentences that stand in one text, by the column `side` `[tokens]`."""
    end = batch.offsets + batch.lengths()
    row = torch.repeat_interleave(torch.arange(batch.size, device=end.device), batch.lengths())
    m, n = (torch.bincount(row[batch["side"] == side], minlength=batch.size) for side in (0, 1))
    return _grids(states, [(batch.offsets, m), (end - n, n)])


def _grids(states: torch.Tensor, sides: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> Grids:
    (x, here), (y, there) = (pad_texts(states, *side) for side in sides)
    real = here[:, :, None] & there[:, None, :]
    return Grids(x @ y.transpose(1, 2), real, (x, y), (sides[0][1], sides[1][1]))


def pad_texts(
    values: torch.Tensor, offsets: torch.Tensor, lengths: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Values `[tokens, ...]` of some texts, side by side `[n, t, ...]`, and where there are any."""
    at = torch.arange(int(lengths.max()), device=values.device)
    here = at < lengths[:, None]  # [n, t]
    places = torch.where(here, offsets[:, None] + at, 0)
    shape = (*here.shape, *[1] * (values.ndim - 1))
    return values[places] * here.view(shape).to(values.dtype), here


def _numpy(values: torch.Tensor) -> np.ndarray:
    return values.cpu().numpy()
