"""Representation translation: the pivot's tokens read off the token vectors of a translation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.registry import register
from isogloss.train.batch import Texts
from isogloss.train.contracts import Batch, Loss
from isogloss.train.grids import pad_texts
from isogloss.train.word_head import WordHead


@register("objective", "rtl.v1")
class RepresentationTranslation(nn.Module):
    """-log p(y_t | x), mean over the tokens t of the pivot y, x the states of a translation.

    A few transformer layers read the states of x, and behind them for every token of y one vector
    that holds nothing but its place; a head tied to the token table names the token. So the states
    of x must hold what their translation says. Only the pivot is named: other languages would need
    the layers to know which one is wanted. The layers train beside the model and are not saved.
    Prefer it over translation language modelling for sentence encoders: texts are read apart, as
    they are used, and once. Use it with `contrast_views.v1`. Logits take tokens of y times the
    vocabulary.

    Reads: outputs `states` `[tokens, d]`; two views or more, the pivot first.
    Source: Li et al. (2023), Dual-Alignment Pre-training for Cross-lingual Sentence Embedding; all
    of y is hidden, the layers begin at random, and places are sinusoids.

    Args:
        layers: of the transformer.
    """

    outputs: ClassVar = ("states",)
    columns: ClassVar = ()
    views: ClassVar = 2

    def __init__(self, *, layers: int = 2) -> None:
        super().__init__()
        self.layers = layers

    def begin(self, model: Any) -> None:
        """Remember the model's token table, and make the layers of its width."""
        config, kind = model.body.config, next(model.parameters()).dtype
        width = config.hidden_size
        self._table = [model.body.get_input_embeddings()]  # in a list: no part of this module
        layer = nn.TransformerEncoderLayer(
            width, config.num_attention_heads, 4 * width, dropout=0.0, activation="gelu",
            batch_first=True, dtype=kind,
        )  # fmt: skip
        self.body = nn.TransformerEncoder(layer, self.layers, enable_nested_tensor=False)
        self.place = nn.Parameter(0.02 * torch.randn(width, dtype=kind))
        rows, columns = self._table[0].weight.shape
        self.head = WordHead(width, columns, rows).to(kind)

    def count(self, batch: Texts) -> int:
        """Tokens that are named."""
        return len(batch.view(0).ids) * (batch.views - 1)

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        assert isinstance(batch, Texts)
        pivot = batch.view(0)
        lengths, size = batch.lengths(), batch.size
        here = _there(pivot.lengths())  # [B, n]
        total = outputs["states"].new_zeros(())
        for view in range(1, batch.views):
            at = slice(view * size, (view + 1) * size)
            states, real = pad_texts(outputs["states"], batch.offsets[at], lengths[at])
            found = self._read(states, real, here)[here]  # [pivot tokens, d]
            logits = self.head(found, self._table[0])
            total = total + F.cross_entropy(logits, pivot.ids)
        total = total / (batch.views - 1)
        return Loss(total, {"rtl": float(total.detach())})

    def _read(self, states: torch.Tensor, real: torch.Tensor, here: torch.Tensor) -> torch.Tensor:
        """What the layers make of places `[B, n]` behind states `[B, m, d]`: `[B, n, d]`."""
        size, places, width = *here.shape, states.shape[2]
        asked = self.place + _sinusoids(places, width).to(states)  # [n, d]
        both = torch.cat([states, asked.expand(size, -1, -1)], 1)
        made = self.body(both, src_key_padding_mask=~torch.cat([real, here], 1))
        return made[:, states.shape[1] :]


def _there(lengths: torch.Tensor) -> torch.Tensor:
    """Where texts have tokens `[n, t]`."""
    return torch.arange(int(lengths.max()), device=lengths.device) < lengths[:, None]


def _sinusoids(places: int, width: int) -> torch.Tensor:
    """Sines and cosines of place / 10000^(2k / width) `[places, width]`, Vaswani et al. (2017)."""
    rates = 10000 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.arange(places, dtype=torch.float64)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[:, :width]
