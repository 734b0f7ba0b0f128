"""Approximate neighbours: vectors sorted into lists, of which each query looks into a few."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from isogloss.match.search import Neighbours, nearest

if TYPE_CHECKING:
    import torch

PART = 25_000  # vectors compared with the centres together
BYTES = 128 * 2**20  # of cosines that are looked through together
SAMPLE = 32  # vectors a list that the centres are fitted on
ROUNDS = 5  # of fitting; more do not find more
BLOCKS = 16  # of a list: its columns i, i + 16, i + 32 ... are block i
ROWS = 64  # a product of a shape not seen before has to be compiled: there should be few shapes


def by_lists(
    x: np.ndarray, y: np.ndarray, k: int, *, lists: int, probes: int, seed: int = 0
) -> Neighbours:
    """The k rows of `y` nearest to each row of `x`, of those in the `probes` lists nearest to it.

    The vectors of a list and all queries that look into it make one product, so that many queries
    together cost little more than reading the lists. Of a product only the maxima of 16 blocks are
    looked at first: the k nearest lie in the k blocks with the largest. Queries whose lists hold
    fewer than k vectors are answered exactly. Memory: one copy of y and, for the queries that are
    looked up together, themselves and an eighth of a GiB of cosines.

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
        queries, index = torch.from_numpy(x), torch.from_numpy(y)
        near = affine((spherical_centres(index, lists, seed), None))
        home = torch.cat([near(part).argmax(1) for part in index.split(PART)])  # [m]
        order = home.argsort(stable=True)
        starts = _starts(home[order], lists)
        made = [_list(index.index_select(0, order[a:b]), a) for a, b in pairwise(starts)]
        asked = torch.cat([near(part).topk(probes).indices for part in queries.split(PART)])
        scores, ids = torch.empty(len(x), k), torch.empty(len(x), k, dtype=torch.int64)
        for part in _parts(asked, made):
            scores[part], places = _look(queries.index_select(0, part), made, asked[part], k)
            ids[part] = order[places]
    found = Neighbours(ids.numpy(), scores.numpy())
    short = np.flatnonzero(~np.isfinite(found.scores[:, -1]))
    if len(short):
        found.ids[short], found.scores[short] = nearest(x, y, k, rows=short)
    return found


class _List(NamedTuple):
    """Vectors of one list.

    Attributes:
        product: from queries `[s, d]` to cosines `[s, 16 depth]`, -inf where the list has ended.
        depth: columns of a block; even, so that lists are of few shapes.
        start: place of the first vector among all, list by list.
    """

    product: Callable[[torch.Tensor], torch.Tensor]
    depth: int
    start: int


def _list(vectors: torch.Tensor, start: int) -> _List:
    import torch

    from isogloss.encode.products import affine

    depth = 2 * -(-len(vectors) // (2 * BLOCKS))
    ends = torch.full((depth * BLOCKS,), -torch.inf)
    ends[: len(vectors)] = 0
    padded = torch.nn.functional.pad(vectors, (0, 0, 0, len(ends) - len(vectors)))
    return _List(affine((padded, ends)), depth, start)


def _parts(asked: torch.Tensor, lists: list[_List]) -> tuple[torch.Tensor, ...]:
    """Queries that are looked up together, as many as `BYTES` allow.

    Queries whose nearest list is the same follow each other, so that what a list is asked lies
    close together.
    """
    import torch

    order = asked[:, 0].argsort(stable=True)
    depth = torch.tensor([one.depth for one in lists])
    sizes = 4 * BLOCKS * depth[asked[order]].sum(1)
    number = (sizes.cumsum(0) - sizes) // BYTES
    return order.split(number.unique_consecutive(return_counts=True)[1].tolist())


def _look(
    x: torch.Tensor, lists: list[_List], asked: torch.Tensor, k: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and places `[q, k]` of the best in the lists `asked` `[q, p]`; -inf for none.

    A probe is a query and a list; probes of one list are taken together.
    """
    import torch

    queries, probes = asked.shape
    asked = asked.reshape(-1)
    order = asked.argsort(stable=True)
    cuts = _starts(asked[order], len(lists))
    depth, start = (torch.tensor([getattr(one, of) for one in lists]) for of in ("depth", "start"))
    ends = (BLOCKS * depth[asked[order]]).cumsum(0)
    cosines, maxima = torch.empty(int(ends[-1])), torch.full((len(asked), BLOCKS), -torch.inf)
    begins = torch.empty(len(asked), dtype=torch.int32)  # of each probe among the cosines
    begins[order] = (ends - BLOCKS * depth[asked[order]]).int()
    whose = order // probes
    for one, (a, b) in zip(lists, pairwise(cuts), strict=True):
        if one.depth and b > a:
            up_to = a + ROWS * -(-(b - a) // ROWS)  # some of the next list's, for a known shape
            made = one.product(x.index_select(0, whose[a:up_to]))[: b - a]
            at = begins[order[a]]
            cosines[at : at + made.numel()] = made.view(-1)
            maxima[order[a:b]] = _maximum(made.view(b - a, one.depth, BLOCKS))
    best = maxima.view(queries, -1).topk(min(k, probes * BLOCKS)).indices  # [q, b]
    probe = best // BLOCKS + probes * torch.arange(queries)[:, None]
    block, steps = best % BLOCKS, torch.arange(max(int(depth.max()), -(-k // best.shape[1])))
    at = (begins[probe] + block.int())[..., None] + BLOCKS * steps.int()  # [q, b, steps]
    outside = steps >= depth[asked[probe]][..., None]
    found = cosines.index_select(0, at.masked_fill_(outside, 0).view(-1)).view_as(at)
    values, top = found.masked_fill_(outside, -torch.inf).flatten(1).topk(k)
    of, step = top // len(steps), top % len(steps)
    places = start[asked[probe.gather(1, of)]] + block.gather(1, of) + BLOCKS * step
    return values, places.where(values > -torch.inf, 0)


def _maximum(values: torch.Tensor) -> torch.Tensor:
    """Over the second of three dimensions, by halves: several times as fast as `amax` there."""
    import torch

    while values.shape[1] > 1:
        half = (values.shape[1] + 1) // 2
        values = torch.maximum(values[:, :half], values[:, -half:])
    return values[:, 0]


def spherical_centres(index: torch.Tensor, lists: int, seed: int) -> torch.Tensor:
    """Spherical k-means on a sample of unit vectors `[m, d]`: `[lists, d]` unit vectors."""
    # Apart from `clusters.kmeans`, whose well chosen beginnings take six times as long as all this.
    import torch

    from isogloss.encode.products import affine

    drawn = np.random.default_rng(seed).permutation(len(index))[: SAMPLE * lists]
    sample = index.index_select(0, torch.from_numpy(drawn))
    centres = sample[:lists].clone()
    rows = max(1, BYTES // (4 * lists))  # whose cosines are held together
    for _ in range(ROUNDS):
        near = affine((centres, None))
        home = torch.cat([near(part).argmax(1) for part in sample.split(rows)])
        sums = torch.zeros_like(centres).index_add_(0, home, sample)
        length = sums.norm(dim=1, keepdim=True)
        centres = torch.where(length > 0, sums / length.clamp(min=1e-12), centres)
    return centres


def _starts(sorted_lists: torch.Tensor, lists: int) -> list[int]:
    """Where each list begins among the sorted, and the end."""
    import torch

    return torch.searchsorted(sorted_lists, torch.arange(lists + 1)).tolist()
