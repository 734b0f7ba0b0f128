"""A forward pass of BERT and its family without padding.

The texts of a batch lie one after the other in one matrix `[t, d]` of all their tokens, so that no
matrix product reads a padding token; only attention looks at text borders, and it takes all texts
of one length at once. Bias, activation and residual are fused into the products. Hidden states
equal those of transformers up to the order of float32 sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from isogloss.encode.pooling import EVERY, pool
from isogloss.encode.products import affine

_FAMILY = ("bert", "camembert", "roberta", "xlm-roberta")
Product = Callable[[torch.Tensor], torch.Tensor]


class Layer(NamedTuple):
    """One block: products `[t, d] -> [t, .]`, and scale and shift of its two norms."""

    inward: Product
    outward: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    first_norm: tuple[torch.Tensor, torch.Tensor]
    up: Product
    down: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    second_norm: tuple[torch.Tensor, torch.Tensor]


def can_pack(config: Any) -> bool:
    """Whether a configuration is one that `PackedForward` computes exactly."""
    return (
        config.model_type in _FAMILY
        and config.hidden_act == "gelu"
        and getattr(config, "position_embedding_type", "absolute") in (None, "absolute")
        and not config.is_decoder
        and not config.add_cross_attention
    )


class PackedForward:
    """BERT, RoBERTa, XLM-R and CamemBERT without padding.

    Args:
        body: the loaded model of transformers, see `load_body`; `can_pack(body.config)` holds.
    """

    def __init__(self, body: Any) -> None:
        config = body.config
        self.layers, self.width = int(config.num_hidden_layers), int(config.hidden_size)
        self._heads, self._eps = int(config.num_attention_heads), float(config.layer_norm_eps)
        # RoBERTa counts positions from padding_idx + 1 and gives padding tokens the padding_idx.
        self._padding = None if config.model_type == "bert" else int(config.pad_token_id)
        state = {name: tensor.detach() for name, tensor in body.state_dict().items()}
        self.table = state["embeddings.word_embeddings.weight"]  # [v, d]
        # There is one segment, so its row is added to every position once, here.
        self._positions = (
            state["embeddings.position_embeddings.weight"]
            + state["embeddings.token_type_embeddings.weight"][0]
        )  # [p, d]
        self._norm = _pair(state, "embeddings.LayerNorm")
        self._blocks = [_read_layer(state, f"encoder.layer.{i}") for i in range(self.layers)]

    def __call__(
        self, ids: list[np.ndarray], layers: Sequence[int], pooling: str
    ) -> dict[int, np.ndarray]:
        """Pooled `[b, d]`, or `[t, d]`, per layer; texts of one length must stand together."""
        lengths = [len(x) for x in ids]
        flat = torch.from_numpy(np.concatenate(ids)).long()  # [t]
        groups = _groups(lengths)
        with torch.inference_mode():
            hidden = self._embed(flat, lengths)  # [t, d]
            found = {0: _pool(hidden, groups, pooling)} if 0 in layers else {}
            for number, block in enumerate(self._blocks[: max(layers)], start=1):
                hidden = self._block(hidden, groups, block)  # [t, d]
                if number in layers:
                    found[number] = _pool(hidden, groups, pooling)
        return found

    def _embed(self, flat: torch.Tensor, lengths: list[int]) -> torch.Tensor:
        if self._padding is None:
            position = torch.cat([torch.arange(n) for n in lengths])  # [t]
        else:
            real = (flat != self._padding).long()  # [t]
            counted = torch.cat([part.cumsum(0) for part in real.split(lengths)])  # [t]
            position = counted * real + self._padding
        hidden = F.embedding(flat, self.table)  # [t, d]
        hidden += F.embedding(position, self._positions)
        return self._normed(hidden, self._norm)

    def _block(
        self, hidden: torch.Tensor, groups: list[tuple[int, int]], block: Layer
    ) -> torch.Tensor:
        mixed = _attend(block.inward(hidden), groups, self._heads)  # [t, d]
        hidden = self._normed(block.outward(mixed, hidden), block.first_norm)  # [t, d]
        return self._normed(block.down(block.up(hidden), hidden), block.second_norm)

    def _normed(
        self, hidden: torch.Tensor, norm: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        return F.layer_norm(hidden, (self.width,), norm[0], norm[1], self._eps)


def _groups(lengths: list[int]) -> list[tuple[int, int]]:
    """Runs of equal length: (number of texts, their length)."""
    groups: list[tuple[int, int]] = []
    for length in lengths:
        if groups and groups[-1][1] == length:
            groups[-1] = (groups[-1][0] + 1, length)
        else:
            groups.append((1, length))
    return groups


def _attend(inward: torch.Tensor, groups: list[tuple[int, int]], heads: int) -> torch.Tensor:
    """Self-attention inside each text, from queries, keys and values `[t, 3d]` to `[t, d]`."""
    width = inward.shape[1] // 3
    parts, start = [], 0
    for number, length in groups:
        rows = inward[start : start + number * length]
        # [3, n, heads, length, d / heads]
        q, k, v = rows.view(number, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v)  # [n, heads, length, d / heads]
        parts.append(mixed.transpose(1, 2).reshape(number * length, width))
        start += number * length
    return torch.cat(parts) if len(parts) > 1 else parts[0]


def _pool(hidden: torch.Tensor, groups: list[tuple[int, int]], pooling: str) -> np.ndarray:
    if pooling == EVERY:
        return hidden.numpy()
    parts, start = [], 0
    for number, length in groups:
        rows = hidden[start : start + number * length].view(number, length, -1)
        parts.append(pool(rows, torch.full((number,), length), pooling))
        start += number * length
    return torch.cat(parts).numpy()  # [b, d]


def _pair(state: dict[str, torch.Tensor], name: str) -> tuple[torch.Tensor, torch.Tensor]:
    return state[f"{name}.weight"], state[f"{name}.bias"]


def _read_layer(state: dict[str, torch.Tensor], name: str) -> Layer:
    qkv = [_pair(state, f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
    joined = torch.cat([w for w, _ in qkv]), torch.cat([b for _, b in qkv])  # [3d, d], [3d]
    return Layer(
        inward=affine(joined),
        outward=affine(_pair(state, f"{name}.attention.output.dense"), "add"),
        first_norm=_pair(state, f"{name}.attention.output.LayerNorm"),
        up=affine(_pair(state, f"{name}.intermediate.dense"), "gelu"),
        down=affine(_pair(state, f"{name}.output.dense"), "add"),
        second_norm=_pair(state, f"{name}.output.LayerNorm"),
    )
