"""Several low-rank changes of an affine map, mixed by language or by text."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.encode.inserted.blocks import Layers, blocks_of
from isogloss.encode.inserted.now import Now, places_of
from isogloss.encode.inserted.per_language import languages_of
from isogloss.encode.inserted.sites import family_of, inner_layers, take
from isogloss.errors import UsageError
from isogloss.registry import register

Gate = Literal["language", "text"]
_OWN = 2.0  # what a language begins to favour its own with: a share of 0.88 of two


class MixedMap(nn.Module):
    """y + s sum_k g_k B_k A_k x, g = softmax of scores `[n, K]`: what is added to y of a map.

    Args:
        inputs: i.
        outputs: o.
        experts: K.
        rank: r of each `A_k` `[r, i]` and `B_k` `[o, r]`.
        scale: s.
        gate: gives scores.
    """

    def __init__(
        self, inputs: int, outputs: int, experts: int, rank: int, scale: float, gate: nn.Module
    ) -> None:
        super().__init__()
        self.experts, self.rank, self.scale, self.gate = experts, rank, scale, gate
        self.down = nn.Parameter(torch.empty(experts * rank, inputs))
        self.up = nn.Parameter(torch.zeros(outputs, experts * rank))
        nn.init.uniform_(self.down, -(inputs**-0.5), inputs**-0.5)  # as LoRA of peft begins

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`[n, t, i]` to `[n, t, o]`."""
        shares = self.gate(x).softmax(-1)[:, None, :, None]  # [n, 1, K, 1]
        inner = F.linear(x, self.down).unflatten(-1, (self.experts, self.rank)) * shares
        return F.linear(inner.flatten(-2), self.up) * self.scale


class LanguageGate(nn.Module):
    """Scores of each language `[L, K]`; where K = L each begins to favour its own."""

    def __init__(self, languages: tuple[str, ...], experts: int, now: Now) -> None:
        super().__init__()
        self.languages, self.now = languages, now
        same = torch.eye(experts) * _OWN if experts == len(languages) else None
        empty = torch.zeros(len(languages), experts)
        self.scores = nn.Parameter(empty if same is None else same)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`[n, K]`, or `[1, K]` of all texts."""
        return self.scores[places_of(self.now, self.languages)]


class TextGate(nn.Module):
    """Scores V m, m the mean of what the map reads of a text; V `[K, i]` is zero at first."""

    def __init__(self, inputs: int, experts: int, now: Now) -> None:
        super().__init__()
        self.scores, self.now = nn.Parameter(torch.zeros(experts, inputs)), now

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`[n, K]`."""
        mask = self.now.mask
        if mask is None:
            return x.mean(1) @ self.scores.T
        there = mask[..., None].to(x.dtype)  # [n, t, 1]
        return (x * there).sum(1) / there.sum(1) @ self.scores.T


@register("inserted", "lora_mixture.v1")
def lora_mixture(
    body: Any,
    now: Now,
    *,
    languages: tuple[str, ...] = (),
    experts: int | None = None,
    gate: Gate = "language",
    rank: int = 8,
    alpha: float = 16.0,
    targets: tuple[str, ...] = (),
    layers: Layers = "all",
    seed: int = 0,
) -> nn.Module:
    """K low-rank changes of each map, mixed; see `MixedMap`.

    Args:
        body: of transformers.
        now: what is read at the moment.
        languages: canonical tags; those of the run by default.
        experts: K; as many as languages by default.
        gate: `language`, learned shares a language; `text`, by what the map reads of a text, so
            that a text of any language can be read.
        rank: r of each.
        alpha: over r, what the products are multiplied with.
        targets: names of maps in a block; queries and values by default.
        layers: whose maps change.
        seed: of the first values.

    Raises:
        UsageError: no languages, no such map or layer, or a size below 1.
        ModelError: an architecture that nothing is put into.
    """
    tags = () if gate == "text" and experts else languages_of(now, languages)
    count = len(tags) if experts is None else experts
    if min(count, rank) < 1:
        raise UsageError(f"{count} experts of rank {rank}", remedy="1 or more of each")
    torch.manual_seed(seed)
    made = nn.ModuleDict()
    for layer in inner_layers(body, layers):
        take(now, layer)
        block = blocks_of(body)[layer - 1]
        for name in targets or family_of(body).maps:
            own, inputs, outputs = _map_of(block, name)
            scores = (
                TextGate(inputs, count, now) if gate == "text" else LanguageGate(tags, count, now)
            )
            one = MixedMap(inputs, outputs, count, rank, alpha / rank, scores)
            made[f"{layer}_{name.replace('.', '_')}"] = one
            own.register_forward_hook(lambda m, read, given, one=one: given + one(read[0]))
    return made


def _map_of(block: nn.Module, name: str) -> tuple[nn.Module, int, int]:
    """A map of a block, with how many numbers it reads and gives."""
    own: Any = dict(block.named_modules()).get(name)
    if isinstance(own, nn.Linear):
        return own, own.in_features, own.out_features
    if own is not None and type(own).__name__ == "Conv1D":
        return own, own.nx, own.nf
    raise UsageError(
        f"a block has no affine map {name}", remedy="name one as it is called in a block, such as "
        "attention.self.query or self_attn.q_proj",
    )  # fmt: skip
