"""A decoder that reads the states of a multilingual encoder through a connector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from isogloss.encode.connector import (
    Connector,
    check_decoder,
    decoded,
    load_connector,
    open_decoder,
)
from isogloss.encode.folder import ModelFolder
from isogloss.encode.pooling import EVERY, pool
from isogloss.encode.transformer import TransformerEncoder, open_tokenizer
from isogloss.encode.weights import load_body
from isogloss.registry import register


@register("encoder", "connected.v1")
class ConnectedEncoder(TransformerEncoder):
    """States of a decoder over rows that a connector made of an encoder's states.

    Layers are the decoder's; layer 0 is what the connector gives. A text is cut by the encoder's
    tokenizer, at the encoder's window.

    Args:
        folder: with `encoder/`, `decoder/` and the connector.
        fast: see `load_encoder`; both models are read by transformers itself.

    Raises:
        ModelError: a part is missing, or parts do not fit.
    """

    def __init__(self, folder: ModelFolder, *, fast: str = "auto") -> None:
        self.name, self.fingerprint, self.licence = folder.name, folder.fingerprint, folder.licence
        self._tokenizer = open_tokenizer(folder)
        self.window = self._tokenizer.window
        other = open_decoder(folder.path)
        check_decoder(other, self.window)
        connector = load_connector(folder.path)
        encoder = load_body(replace(folder, kind="transformer.v1"))
        self._forward = _Connected(encoder, connector, load_body(other))
        self.layers = tuple(range(self._forward.layers + 1))
        self.pooling = connector.sizes.pooling
        self._dense: list[Any] = []
        self._prompt, self._lower = folder.prompt, folder.lower


class _Connected:
    """The forward pass through both models."""

    def __init__(self, encoder: Any, connector: Connector, decoder: Any) -> None:
        self._encoder, self._connector, self._decoder = encoder, connector, decoder
        text = decoder.config.get_text_config()
        self.layers, self.width = int(text.num_hidden_layers), int(text.hidden_size)
        self.table = encoder.get_input_embeddings().weight.detach()

    def __call__(
        self, ids: list[np.ndarray], layers: Sequence[int], pooling: str
    ) -> dict[int, np.ndarray]:
        """Pooled `[b, d]`, or `[t, d]` without the row behind a text, per layer."""
        lengths = torch.tensor([len(x) for x in ids])  # [b]
        padded = torch.full((len(ids), int(lengths.max())), self._encoder.config.pad_token_id or 0)
        for row, tokens in zip(padded, ids, strict=True):
            row[: len(tokens)] = torch.from_numpy(tokens)
        mask = torch.arange(padded.shape[1])[None] < lengths[:, None]  # [b, t]
        with torch.inference_mode():
            read = self._encoder(
                input_ids=padded, attention_mask=mask.long(), return_dict=True,
                output_hidden_states=bool(self._connector.sizes.layers),
            )  # fmt: skip
            rows, behind = self._connector(read.last_hidden_state, read.get("hidden_states"), mask)
            out = decoded(self._decoder, rows, behind, layered=any(n < self.layers for n in layers))
            found = {
                layer: out.last_hidden_state if layer == self.layers else out.hidden_states[layer]
                for layer in layers
            }
            if pooling == EVERY:
                return {layer: x[:, :-1][mask].float().numpy() for layer, x in found.items()}
            return {layer: pool(x, lengths + 1, pooling).numpy() for layer, x in found.items()}
