"""The forward pass of transformers itself, on right-padded batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from isogloss.encode.pooling import EVERY, pool
from isogloss.encode.products import speed_up


class PaddedForward:
    """Any network with the usual `input_ids` and `attention_mask`.

    Args:
        body: a loaded model of transformers in evaluation mode, see `load_body`.
        fast: replace its affine maps, see `speed_up`.
    """

    def __init__(self, body: Any, *, fast: bool = True) -> None:
        if fast:
            speed_up(body)
        self._body = body
        text = body.config.get_text_config()
        self.layers, self.width = int(text.num_hidden_layers), int(text.hidden_size)
        pad = getattr(text, "pad_token_id", None)
        self._pad = pad if isinstance(pad, int) and pad >= 0 else 0
        self._extra = {} if text.is_encoder_decoder or not _caches(body) else {"use_cache": False}

    @property
    def table(self) -> torch.Tensor:
        """`[V, C]` the rows that ids mean."""
        return self._body.get_input_embeddings().weight.detach()

    @table.setter
    def table(self, rows: torch.Tensor) -> None:
        self._body.get_input_embeddings().weight = torch.nn.Parameter(rows, requires_grad=False)

    def __call__(
        self, ids: list[np.ndarray], layers: Sequence[int], pooling: str
    ) -> dict[int, np.ndarray]:
        """Pooled `[b, d]`, or `[t, d]`, per layer."""
        lengths = torch.tensor([len(x) for x in ids])  # [b]
        padded = torch.full((len(ids), int(lengths.max())), self._pad)  # [b, t]
        for row, tokens in zip(padded, ids, strict=True):
            row[: len(tokens)] = torch.from_numpy(tokens)
        mask = (torch.arange(padded.shape[1])[None] < lengths[:, None]).long()  # [b, t]
        lower = any(layer < self.layers for layer in layers)
        with torch.inference_mode():
            out = self._body(
                input_ids=padded,
                attention_mask=mask,
                output_hidden_states=lower,
                return_dict=True,
                **self._extra,
            )
            found = {
                layer: out.last_hidden_state if layer == self.layers else out.hidden_states[layer]
                for layer in layers
            }
            if pooling == EVERY:
                return {layer: x[mask.bool()].float().numpy() for layer, x in found.items()}
            return {layer: pool(x, lengths, pooling).numpy() for layer, x in found.items()}


def _caches(body: Any) -> bool:
    """Whether the forward pass takes `use_cache`."""
    import inspect

    return "use_cache" in inspect.signature(body.forward).parameters
