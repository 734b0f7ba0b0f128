"""Where in a body modules are put: behind a sublayer, at the embeddings and before the head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from isogloss.encode.inserted.blocks import Layers, blocks_of, chosen_layers
from isogloss.encode.inserted.now import Now
from isogloss.errors import ModelError, UsageError

Placement = Literal["pfeiffer", "houlsby", "xmod"]
Added = Callable[[torch.Tensor], torch.Tensor]
"""From states `[n, t, d]` to what is added to them."""


class Sublayer(NamedTuple):
    """Names in a block: what gives r, and the norm that reads a + r (`post`), else that reads a."""

    result: str
    norm: str
    post: bool


class Family(NamedTuple):
    """Names in a body and its blocks.

    Attributes:
        attention: one sublayer.
        feed_forward: the other.
        embedded: what gives the states that enter the first block.
        maps: of queries and values, in a block.
    """

    attention: Sublayer
    feed_forward: Sublayer
    embedded: str
    maps: tuple[str, ...]


_BERT = Family(
    Sublayer("attention.output.dropout", "attention.output.LayerNorm", True),
    Sublayer("output.dropout", "output.LayerNorm", True),
    "embeddings",
    ("attention.self.query", "attention.self.value"),
)
_LLAMA = Family(
    Sublayer("self_attn", "input_layernorm", False),
    Sublayer("mlp", "post_attention_layernorm", False),
    "embed_tokens",
    ("self_attn.q_proj", "self_attn.v_proj"),
)
FAMILIES = {
    **dict.fromkeys(("bert", "camembert", "roberta", "xlm-roberta"), _BERT),
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3"), _LLAMA),
    "mpnet": Family(
        Sublayer("attention.dropout", "attention.LayerNorm", True),
        Sublayer("output.dropout", "output.LayerNorm", True),
        "embeddings",
        ("attention.attn.q", "attention.attn.v"),
    ),
    "distilbert": Family(
        Sublayer("attention", "sa_layer_norm", True),
        Sublayer("ffn", "output_layer_norm", True),
        "embeddings",
        ("attention.q_lin", "attention.v_lin"),
    ),
    "gpt2": Family(
        Sublayer("attn", "ln_1", False), Sublayer("mlp", "ln_2", False), "drop", ("attn.c_attn",)
    ),
    "modernbert": Family(
        Sublayer("attn", "attn_norm", False),
        Sublayer("mlp", "mlp_norm", False),
        "embeddings",
        ("attn.Wqkv",),
    ),
}


def family_of(body: Any) -> Family:
    """The names of a body's parts.

    Raises:
        ModelError: an architecture that nothing is put into.
    """
    kind = body.config.model_type
    if kind not in FAMILIES:
        raise ModelError(
            f"modules are not put into bodies of the architecture {kind}",
            file=body.name_or_path, remedy=f"architectures: {', '.join(sorted(FAMILIES))}",
        )  # fmt: skip
    return FAMILIES[kind]


def inner_layers(body: Any, layers: Layers) -> list[int]:
    """Sorted numbers of the chosen layers above the embeddings.

    Raises:
        UsageError: the embeddings, or a layer that the body has not.
    """
    found = chosen_layers(layers, len(blocks_of(body)))
    if 0 in found:
        raise UsageError("layers: the embeddings have no sublayers", remedy="name layers from 1")
    return found


class Site:
    """What is added behind one sublayer, one after the other.

    With r what the sublayer gives, a what it is added to, x = a + r and h = norm(x), or x where the
    norm stands before the sublayer, the last of f_1 ... f_k changes x to

    - `pfeiffer`: x + f_k(z_k), z_1 = h, z_i+1 = r + f_i(z_i);
    - `xmod`: h + f_k(z_k), z_1 = h, z_i+1 = h + f_i(z_i);
    - `houlsby`: x + f_k(z_k), z_1 = r, z_i+1 = r + f_i(z_i).

    So one that stands on another has of it what it reads: while f_k gives 0, those below count for
    nothing. And `xmod` normalises twice, which is for bodies that were pretrained so.
    Source: Houlsby et al. (2019), Parameter-Efficient Transfer Learning for NLP; Pfeiffer, Vulić,
    Gurevych and Ruder (2020), MAD-X, for h and r and for stacks; Pfeiffer et al. (2022), Lifting
    the Curse of Multilinguality by Pre-training Modular Transformers, X-MOD.

    Args:
        block: of the body.
        sublayer: names in it.
        placement: as above.
        active: whether what is here works now.
    """

    def __init__(
        self, block: nn.Module, sublayer: Sublayer, placement: Placement, active: Callable[[], bool]
    ) -> None:
        self.added: list[Added] = []
        self.placement, self.active = placement, active
        result, norm = block.get_submodule(sublayer.result), block.get_submodule(sublayer.norm)
        self._other = torch.empty(0)  # r, or a where the norm stands before
        if placement == "houlsby":
            result.register_forward_hook(self._behind)
        elif sublayer.post:
            result.register_forward_hook(self._keep)
            norm.register_forward_hook(self._normed)
        else:
            norm.register_forward_pre_hook(self._enter)
            result.register_forward_hook(self._summed)

    def _last(self, states: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
        """f_k(z_k)."""
        found = self.added[0](states)
        for each in self.added[1:]:
            found = each(rest + found)
        return found

    def _keep(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self._other = _first(output)

    def _enter(self, module: nn.Module, inputs: Any) -> None:
        self._other = inputs[0]

    def _behind(self, module: nn.Module, inputs: Any, output: Any) -> Any:
        if not self.active():
            return None
        r = _first(output)
        return _instead(output, r + self._last(r, r))

    def _normed(self, norm: nn.Module, inputs: Any, h: torch.Tensor) -> Any:
        r, self._other = self._other, torch.empty(0)
        if not self.active():
            return None
        if self.placement == "xmod":
            return norm.forward(h + self._last(h, h))
        return norm.forward(inputs[0] + self._last(h, r))

    def _summed(self, module: nn.Module, inputs: Any, output: Any) -> Any:
        a, self._other = self._other, torch.empty(0)
        if not self.active():
            return None
        r = _first(output)
        x = a + r
        return _instead(output, r + self._last(x, x if self.placement == "xmod" else r))


def add_at(body: Any, now: Now, layer: int, where: str, placement: Placement, added: Added) -> None:
    """Put something behind a sublayer, and behind what was put there before.

    Args:
        body: of transformers.
        now: of that body.
        layer: from 1.
        where: `attention` or `feed_forward`.
        placement: see `Site`.
        added: see there.

    Raises:
        UsageError: blocks of that layer are a language's own.
    """
    take(now, layer)
    key = (layer, where, placement)
    if key not in now.sites:
        block = blocks_of(body)[layer - 1]
        sublayer = getattr(family_of(body), where)
        now.sites[key] = Site(block, sublayer, placement, lambda: layer not in now.silent)
    now.sites[key].added.append(added)


def take(now: Now, layer: int) -> None:
    """Say that something is put into a layer.

    Raises:
        UsageError: its blocks are a language's own.
    """
    if layer in now.branched:
        raise UsageError(
            f"blocks of layer {layer} are a language's own, and nothing is put into those",
            remedy="train them whole, or name other layers",
        )
    now.taken.add(layer)


def at_embeddings(body: Any, change: Added) -> None:
    """Change the states `[n, t, d]` that enter the first block."""
    module = body.base_model.get_submodule(family_of(body).embedded)
    module.register_forward_hook(lambda module, inputs, output: change(output))


def before_scores(body: Any, now: Now, change: Added) -> None:
    """Change the states whose products with the rows of a table are logits, if there are such."""
    head = body.get_output_embeddings()
    if now.scores is not None:
        now.scores.register_forward_hook(lambda module, inputs, output: change(output))
    elif head is not None:
        head.register_forward_pre_hook(lambda module, inputs: (change(inputs[0]), *inputs[1:]))


def _first(output: Any) -> torch.Tensor:
    return output[0] if isinstance(output, tuple) else output


def _instead(output: Any, value: torch.Tensor) -> Any:
    return (value, *output[1:]) if isinstance(output, tuple) else value
