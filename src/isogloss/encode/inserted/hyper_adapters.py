"""Adapters that a network makes from a vector of the language and one of the place."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.encode.inserted.blocks import Layers
from isogloss.encode.inserted.bottleneck import check_reduction, silence, sublayers
from isogloss.encode.inserted.now import Now, by_language, places_of
from isogloss.encode.inserted.per_language import languages_of
from isogloss.encode.inserted.sites import Placement, add_at, inner_layers
from isogloss.errors import UsageError
from isogloss.registry import register


class Adapter(NamedTuple):
    """f(z) = U relu(D (g * norm(z) + b)): D `[m, d]`, U `[d, m]`, g and b `[d]`."""

    down: torch.Tensor
    up: torch.Tensor
    scale: torch.Tensor
    shift: torch.Tensor

    def __call__(self, z: torch.Tensor) -> torch.Tensor:
        """What is added to states `[..., d]`."""
        normed = F.layer_norm(z, z.shape[-1:]) * self.scale + self.shift
        return F.relu(normed @ self.down.T) @ self.up.T


class HyperAdapters(nn.Module):
    """h = norm(E [language; place] + blocks), and each weight of an adapter is in H h / sqrt(w).

    A sum over the w numbers of h grows as their root, so without the division a wider network makes
    larger adapters, and training it fails.

    Args:
        languages: canonical tags.
        places: number of sites.
        width: d.
        inner: m.
        hidden: w.
        embedding: numbers of a language's and of a place's vector.
        blocks: h <- h + V relu(W norm(h)).
    """

    def __init__(
        self,
        languages: tuple[str, ...],
        places: int,
        width: int,
        inner: int,
        *,
        hidden: int,
        embedding: int,
        blocks: int,
    ) -> None:
        super().__init__()
        self.languages, self.width, self.inner = languages, width, inner
        self.of_language = nn.Embedding(len(languages), embedding)
        self.of_place = nn.Embedding(places, embedding)
        self.enter = nn.Linear(2 * embedding, hidden)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.ReLU(),
                          nn.Linear(hidden, hidden)) for _ in range(blocks)
        )  # fmt: skip
        self.down, self.up = (nn.Linear(hidden, width * inner, bias=False) for _ in range(2))
        self.scale, self.shift = (nn.Linear(hidden, width, bias=False) for _ in range(2))
        nn.init.normal_(self.down.weight, std=0.02)
        for still in (self.up, self.scale, self.shift):
            nn.init.zeros_(still.weight)

    def make(self, language: int, place: int) -> Adapter:
        """The adapter of a language at a place."""
        h = self.enter(torch.cat([self.of_language.weight[language], self.of_place.weight[place]]))
        for block in self.blocks:
            h = h + block(h)
        h = F.layer_norm(h, h.shape) / h.shape[0] ** 0.5
        down, up = self.down(h).view(self.inner, self.width), self.up(h).view(self.width, -1)
        return Adapter(down, up, 1 + self.scale(h), self.shift(h))


@register("inserted", "hyper_adapters.v1")
def hyper_adapters(
    body: Any,
    now: Now,
    *,
    languages: tuple[str, ...] = (),
    placement: Placement = "pfeiffer",
    reduction: int = 16,
    hidden: int = 128,
    embedding: int = 32,
    blocks: int = 1,
    layers: Layers = "all",
    drop: Layers | None = None,
    seed: int = 0,
) -> HyperAdapters:
    """A bottleneck for each language and layer, made by one network; see `HyperAdapters`.

    Args:
        body: of transformers.
        now: what is read at the moment.
        languages: canonical tags; those of the run by default.
        placement: see `Site`.
        reduction: d over the width of the bottleneck.
        hidden: w, the width of the network.
        embedding: numbers of a language's and of a place's vector.
        blocks: of the network.
        layers: that have one.
        drop: layers in which nothing inserted works from now on.
        seed: of the first values.

    Raises:
        UsageError: no languages, a layer that the body has not, or a size that leaves nothing.
        ModelError: an architecture that nothing is put into.
    """
    tags, width = languages_of(now, languages), int(body.config.hidden_size)
    check_reduction(reduction, width)
    if min(hidden, embedding) < 1 or blocks < 0:
        raise UsageError(
            f"a network of width {hidden}, embeddings of {embedding}, {blocks} blocks",
            remedy="hidden and embedding are 1 or more, blocks 0 or more",
        )
    torch.manual_seed(seed)
    silence(body, now, drop)
    sites = [(n, where) for n in inner_layers(body, layers) for where in sublayers(placement)]
    made = HyperAdapters(
        tags, len(sites), width, width // reduction, hidden=hidden, embedding=embedding,
        blocks=blocks,
    )  # fmt: skip
    for place, (layer, where) in enumerate(sites):

        def added(z: torch.Tensor, place: int = place) -> torch.Tensor:
            languages = places_of(now, tags)
            return by_language(languages, z, lambda rows, tag: made.make(tag, place)(rows))

        add_at(body, now, layer, where, placement, added)
    return made
