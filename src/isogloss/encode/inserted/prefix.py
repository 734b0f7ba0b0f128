"""Learned keys and values that every token of every text sees, in each layer."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.encode.inserted.blocks import Layers
from isogloss.encode.inserted.now import Now
from isogloss.encode.inserted.sites import inner_layers, take
from isogloss.errors import ModelError, UsageError
from isogloss.registry import register

_NAME = "isogloss_prefix"  # of the attention function, for transformers
_SEEN = "_isogloss_prefixes"  # of an attention module: what was put into it


class Prefix(nn.Module):
    """Keys and values `[p, heads, d / heads]` of one layer.

    Args:
        length: p.
        heads: that keys and values have.
        width: of one head.
    """

    def __init__(self, length: int, heads: int, width: int) -> None:
        super().__init__()
        self.keys, self.values = (
            nn.Parameter(torch.empty(length, heads, width).normal_(0.0, 0.02)) for _ in range(2)
        )


@register("inserted", "prefix.v1")
def prefix(
    body: Any, now: Now, *, length: int = 16, layers: Layers = "all", seed: int = 0
) -> nn.Module:
    """Keys P and values Q in layers: softmax(q [P; K]^T / sqrt(d_h)) [Q; V].

    The text has the positions that it had, and as many tokens, so that means are over the text.
    What is put into a body that has some stands before them.

    Args:
        body: of transformers.
        now: what is read at the moment.
        length: p.
        layers: that have them.
        seed: of the first values.

    Raises:
        UsageError: a length below 1, or a layer that the body has not.
        ModelError: an architecture whose attention transformers does not let be exchanged.
    """
    if length < 1:
        raise UsageError(f"a prefix of {length}", remedy="give 1 or more")
    modules = _attentions(body)
    torch.manual_seed(seed)
    made = nn.ModuleDict()
    for layer in inner_layers(body, layers):
        take(now, layer)
        module, heads, width = modules[layer - 1]
        made[str(layer)] = one = Prefix(length, heads, width)
        if not hasattr(module, _SEEN):
            # Not as a submodule: what is put in is not part of the body that is saved.
            object.__setattr__(module, _SEEN, [])
        getattr(module, _SEEN).insert(0, (one, lambda layer=layer: layer not in now.silent))
    return made


def attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **more: Any,
) -> Any:
    """That of torch, over what stands before the keys and values of a text.

    Args:
        module: of the layer, with what was put into it.
        query: `[n, heads, t, d / heads]`.
        key: the same of as many heads as keys have; after rotation, where positions rotate.
        value: the same.
        attention_mask: `[n or 1, heads or 1, t, t]`, of bool or what is added to scores, or None.
        more: what torch's takes.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    for one, active in reversed(getattr(module, _SEEN, [])):
        if not active():
            continue
        keys, values = (
            x.to(key.dtype).transpose(0, 1).expand(len(key), -1, -1, -1)
            for x in (one.keys, one.values)
        )  # [n, heads, p, d / heads]
        causal = more.get("is_causal")
        causal = getattr(module, "is_causal", True) if causal is None else causal
        attention_mask = _wider(attention_mask, query, key, keys.shape[2], causal=bool(causal))
        key, value = torch.cat([keys, key], 2), torch.cat([values, value], 2)
        if (bias := more.get("position_bias")) is not None:
            more["position_bias"] = F.pad(bias, (keys.shape[2], 0))
    return sdpa_attention_forward(module, query, key, value, attention_mask, **more)


def _wider(
    mask: torch.Tensor | None, query: torch.Tensor, key: torch.Tensor, more: int, *, causal: bool
) -> torch.Tensor | None:
    """The mask with columns before it that all see."""
    if mask is None:
        if not causal:
            return None
        shape = (query.shape[2], key.shape[2])
        mask = torch.ones(shape, dtype=torch.bool, device=key.device).tril()[None, None]
    seen = 1.0 if mask.dtype == torch.bool else 0.0
    return F.pad(mask, (more, 0), value=seen)


def _attentions(body: Any) -> list[tuple[nn.Module, int, int]]:
    """Of each layer the module that attends, its heads of keys, and their width.

    Raises:
        ModelError: not one a layer.
    """
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    found: list[tuple[nn.Module, int, int]] = []

    def seen(module: nn.Module, query: Any, key: torch.Tensor, *rest: Any, **more: Any) -> Any:
        found.append((module, key.shape[1], key.shape[3]))
        return attention(module, query, key, *rest, **more)

    base, training = body.base_model, body.training
    AttentionMaskInterface.register(_NAME, sdpa_mask)
    AttentionInterface.register(_NAME, seen)
    base.set_attn_implementation(_NAME)
    base.eval()
    try:
        with torch.no_grad():
            base(input_ids=torch.zeros(1, 2, dtype=torch.long), attention_mask=torch.ones(1, 2))
    finally:
        AttentionInterface.register(_NAME, attention)
        body.train(training)
    if len(found) != int(body.config.get_text_config().num_hidden_layers):
        raise ModelError(
            f"nothing can stand before the keys of the architecture {body.config.model_type}",
            file=body.name_or_path, remedy="take a model such as BERT, XLM-R, GPT-2 or Llama",
        )  # fmt: skip
    return found
