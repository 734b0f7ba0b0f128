"""A connector from a frozen multilingual encoder to a frozen decoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from isogloss.encode.connector import Connector, Sizes, check_decoder, decoded, save_connected
from isogloss.encode.folder import open_folder
from isogloss.encode.pooling import pool
from isogloss.errors import ModelError
from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.readers import open_body
from isogloss.train.student import Change, only


class Connected(nn.Module):
    """The connector and the decoder behind it, which is frozen and read without dropout.

    Args:
        connector: what learns.
        decoder: a model of transformers.
    """

    def __init__(self, connector: Connector, decoder: Any) -> None:
        super().__init__()
        self.connector, self.decoder = connector, decoder.requires_grad_(False)
        self.layered = bool(connector.sizes.layers)

    def train(self, mode: bool = True) -> Connected:
        """The decoder stays as it is used."""
        super().train(mode)
        self.decoder.eval()
        return self

    def forward(
        self, last: torch.Tensor, every: Sequence[torch.Tensor] | None, mask: torch.Tensor
    ) -> torch.Tensor:
        """States of right-padded texts `[n, t, C]` to vectors `[n, D]`."""
        rows, behind = self.connector(last, every, mask)
        states = decoded(self.decoder, rows, behind).last_hidden_state
        return pool(states, behind.sum(1), self.connector.sizes.pooling)


@register("parameters", "connector.v1")
def connector(
    module: Body,
    *,
    decoder: str,
    hidden: int | None = None,
    layers: Literal["last", "all"] = "last",
    pooling: Literal["last", "mean"] = "last",
    seed: int = 0,
) -> Change:
    """What a frozen decoder reads instead of words: a frozen encoder's states, through two layers.

    The encoder gives all languages much the same states, so a decoder that is taught to read those
    of the pivot reads others. A row that is learned stands behind each text; its state is the
    vector (`pooling = "last"`), or the mean of all is. What is saved holds both models and the
    connector, and is read by `load_encoder`; there is no plain model of it. The step `connect.v1`
    of a recipe names the decoder.
    Prefer it where the decoder's vectors are better than any multilingual encoder's, and text of
    the pivot alone is there; it costs the memory and time of both models.
    Source: LUSIFER: Language Universal Space Integration for Enhanced Multilingual Embeddings with
    Large Language Models (2025), the connector and the row behind the text; there the decoder has
    adapters that learn too. LinguaLIFT (2024) trains one on code-switched text, which is a mixture.
    `layers = "all"` gives it a mean of all layers with learned weights, as LayAlign (2025) has
    found to be more than the last; there each layer of the decoder reads its own mean.

    Args:
        module: how texts are read with the encoder.
        decoder: folder of the decoder.
        hidden: width of the layer between; the decoder's by default.
        layers: of the encoder that are read.
        pooling: of the decoder's states.
        seed: of what it begins as.

    Raises:
        ModelError: no decoder, or one that reads fewer tokens than the encoder.
    """
    folder = open_folder(Path(decoder), decoder)
    config = module.body.config.get_text_config()
    check_decoder(folder, int(getattr(config, "max_position_embeddings", 0) or 0))
    other = open_body(folder.body, seed)
    torch.manual_seed(seed)
    width = other.config.get_text_config().hidden_size
    count = config.num_hidden_layers + 1 if layers == "all" else 0
    made = Connector(Sizes(config.hidden_size, hidden or width, width, count, pooling))
    table = other.get_input_embeddings().weight.detach()
    with torch.no_grad():  # it begins with rows about as long as words have
        made.second.weight *= table.std() / made.second.weight.std()
        made.second.bias.zero_()
        made.end.normal_(0.0, float(table.std()))
    if module.head is not None or module.body.get_output_embeddings() is not None:
        raise ModelError("a connector is trained for vectors, and the objectives want words",
                         file=folder.path)  # fmt: skip
    module.pooling = Connected(made, other)
    return Change(
        only(module, made.parameters()),
        more=lambda into: save_connected(into, made, folder.body),
    )
