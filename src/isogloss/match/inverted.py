"""Approximate neighbours: vectors sorted into lists, of which each query looks into a few."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from isogloss.match.search import Neighbours, nearest

if TYPE_CHECKING:
    import torch

PART = 50_000  # queries looked up together
SAMPLE = 64  # vectors a list that the centres are fitted on
ROUNDS = 8  # of fitting; more do not find more


def by_lists(
    x: np.ndarray, y: np.ndarray, k: int, *, lists: int, probes: int, seed: int = 0
) -> Neighbours:
    """The k rows of `y` nearest to each row of `x`, of those in the `probes` lists nearest to it.

    The vectors of a list and all queries that look into it make one product, so that many queries
    together cost little more than reading the lists. Queries whose lists hold fewer than k vectors
    are answered exactly. Memory: k (probes + 1) numbers for each of `PART` queries, one copy of y.

    Args:
        x: `[n, d]` unit vectors.
        y: `[m, d]` unit vectors.
        k: neighbours to give.
        lists: into which y is sorted, by spherical k-means on a sample.
        probes: lists each query looks into.
        seed: of the sample.

    Source: Jégou, Douze and Schmid (2011), Product Quantization for Nearest Neighbor Search,
    section 4.1, without quantisation.
    """
    import torch

    from isogloss.encode.products import affine

    with torch.inference_mode():
        index = torch.from_numpy(y)
        near = affine((_centres(y, lists, seed), None))
        home = torch.cat([near(part).argmax(1) for part in index.split(PART)])  # [m]
        order = home.argsort(stable=True)
        starts = _starts(home[order], lists)
        kept = index[order]
        products = [affine((kept[a:b], None)) if b > a else None for a, b in pairwise(starts)]
        found = [_look(part, products, starts, near(part), k, probes)
                 for part in torch.from_numpy(x).split(PART)]  # fmt: skip
        scores = torch.cat([one[0] for one in found]).numpy()
        ids = order[torch.cat([one[1] for one in found])].numpy()
    short = np.flatnonzero(~np.isfinite(scores[:, -1]))
    if len(short):
        ids[short], scores[short] = nearest(x, y, k, rows=short)
    return Neighbours(ids, scores)


def _look(
    x: torch.Tensor, products: list, starts: list[int], near: torch.Tensor, k: int, probes: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores and places in the lists `[q, k]` of the best of all probes; -inf where there is none.

    A probe is a query and a list; probes of one list are taken together.
    """
    import torch

    asked = near.topk(probes).indices.reshape(-1)  # [q * probes] the list of each probe
    order = asked.argsort(stable=True)
    cuts = _starts(asked[order], len(products))
    scores = torch.full((len(asked), k), -torch.inf)
    places = torch.zeros((len(asked), k), dtype=torch.int32)
    for number, product in enumerate(products):
        some = order[cuts[number] : cuts[number + 1]]
        if product is not None and len(some):
            made = product(x[some // probes])  # [s, size of the list]
            best = made.topk(min(k, made.shape[1]))
            scores[some, : best.values.shape[1]] = best.values
            places[some, : best.values.shape[1]] = (best.indices + starts[number]).int()
    values, at = scores.view(len(x), -1).topk(k)
    return values, places.view(len(x), -1).gather(1, at).long()


def _centres(y: np.ndarray, lists: int, seed: int) -> torch.Tensor:
    """Spherical k-means on a sample: `[lists, d]` unit vectors."""
    import torch

    from isogloss.encode.products import affine

    drawn = np.random.default_rng(seed).permutation(len(y))[: SAMPLE * lists]
    sample = torch.from_numpy(y[drawn])
    centres = sample[:lists].clone()
    for _ in range(ROUNDS):
        home = affine((centres, None))(sample).argmax(1)
        sums = torch.zeros_like(centres).index_add_(0, home, sample)
        length = sums.norm(dim=1, keepdim=True)
        centres = torch.where(length > 0, sums / length.clamp(min=1e-12), centres)
    return centres


def _starts(sorted_lists: torch.Tensor, lists: int) -> list[int]:
    """Where each list begins among the sorted, and the end."""
    import torch

    return torch.searchsorted(sorted_lists, torch.arange(lists + 1)).tolist()
