"""Bottleneck adapters behind sublayers, and invertible ones at the embeddings."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.encode.inserted.blocks import Layers
from isogloss.encode.inserted.now import Now
from isogloss.encode.inserted.sites import (
    Placement,
    add_at,
    at_embeddings,
    before_scores,
    inner_layers,
)
from isogloss.errors import UsageError
from isogloss.registry import register

Activation = Literal["relu", "gelu", "swish"]
ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu, "swish": F.silu}


class Bottleneck(nn.Module):
    """f(z) = U s(D z + b) + c: `[..., d]` to m numbers and back. U and c are zero at first.

    Args:
        width: d.
        inner: m.
        activation: s.
    """

    def __init__(self, width: int, inner: int, activation: Activation = "relu") -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, inner), nn.Linear(inner, width)
        self.activation = ACTIVATIONS[activation]
        self.reset()

    def reset(self) -> None:
        """First values."""
        nn.init.normal_(self.down.weight, std=0.02)
        for still in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(still)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """What is added."""
        return self.up(self.activation(self.down(z)))


class Coupling(nn.Module):
    """o_1 = e_1 + f(e_2), o_2 = e_2 + g(o_1), e_1 and e_2 the halves of e `[..., d]`; it inverts.

    Source: Dinh, Krueger and Bengio (2015), NICE, section 3.2; Pfeiffer et al. (2020), MAD-X,
    invertible adapters, where f and g are bottlenecks of d / 4.

    Args:
        width: d, even.
        activation: of f and g.
    """

    def __init__(self, width: int, activation: Activation = "relu") -> None:
        super().__init__()
        if width % 2:
            raise UsageError(f"embeddings of {width} columns have no halves", remedy="leave "
                             "invertible away")  # fmt: skip
        half = width // 2
        self.f, self.g = (Bottleneck(half, max(1, half // 2), activation) for _ in range(2))

    def forward(self, e: torch.Tensor) -> torch.Tensor:
        """O of e."""
        one, two = e.chunk(2, -1)
        one = one + self.f(two)
        return torch.cat([one, two + self.g(one)], -1)

    def invert(self, o: torch.Tensor) -> torch.Tensor:
        """E of o."""
        one, two = o.chunk(2, -1)
        two = two - self.g(one)
        return torch.cat([one - self.f(two), two], -1)


@register("inserted", "bottleneck.v1")
def bottleneck(
    body: Any,
    now: Now,
    *,
    placement: Placement = "pfeiffer",
    reduction: int = 16,
    activation: Activation = "relu",
    layers: Layers = "all",
    drop: Layers | None = None,
    invertible: bool = False,
    seed: int = 0,
) -> nn.Module:
    """Bottlenecks of d / `reduction` behind the feed-forward layers, with `houlsby` also attention.

    What is put into a body that has some is stacked on them: see `Site`.

    Args:
        body: of transformers.
        now: what is read at the moment.
        placement: see `Site`; `xmod` is that of `per_language.v1`.
        reduction: d over the width of the bottleneck.
        activation: in it.
        layers: that have one, as in `layers.v1`.
        drop: layers in which nothing inserted works from now on, neither this nor what was there.
        invertible: one more at the embeddings, inverted before the head meets the token table.
        seed: of the first values.

    Raises:
        UsageError: a layer that the body has not, or a reduction that leaves nothing.
        ModelError: an architecture that nothing is put into.
    """
    width = int(body.config.hidden_size)
    check_reduction(reduction, width)
    torch.manual_seed(seed)
    silence(body, now, drop)
    made = nn.ModuleDict()
    for layer in inner_layers(body, layers):
        for where in sublayers(placement):
            one = Bottleneck(width, width // reduction, activation)
            made[f"{layer}_{where}"] = one
            add_at(body, now, layer, where, placement, one)
    if invertible:
        coupling = made["embeddings"] = Coupling(width, activation)
        at_embeddings(body, coupling)
        before_scores(body, now, coupling.invert)
    return made


def check_reduction(reduction: int, width: int) -> None:
    """Raise a `UsageError` for one that leaves nothing."""
    if not 1 <= reduction <= width:
        raise UsageError(f"reduction {reduction} of states of {width} numbers", remedy="1 or more")


def silence(body: Any, now: Now, drop: Layers | None) -> None:
    """Nothing inserted works in some layers from now on."""
    now.silent.update(inner_layers(body, drop) if drop is not None else ())


def sublayers(placement: Placement) -> tuple[str, ...]:
    """Which sublayers have an adapter."""
    return ("attention", "feed_forward") if placement == "houlsby" else ("feed_forward",)
