"""A hypernetwork around a frozen body: only what predicts the embeddings changes."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from isogloss.errors import ModelError
from isogloss.registry import register
from isogloss.train.contracts import Batch
from isogloss.train.hypernetwork import Hypernetwork, Shape, save_hypernetwork
from isogloss.train.readers import open_body
from isogloss.train.reading import mean_of, padded, text_ends

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class Predicted(nn.Module):
    """vector(text) = mean of the frozen body's last hidden states over predicted embeddings."""

    table: torch.Tensor

    def __init__(
        self,
        body: Any,
        network: Hypernetwork,
        table: torch.Tensor,
        ends: tuple[list[int], list[int]],
    ) -> None:
        super().__init__()
        self.body: nn.Module = body.requires_grad_(False).eval()
        self.network = network
        self.register_buffer("table", table, persistent=False)
        self.ends = ends
        embedding = body.get_input_embeddings()
        self.width = embedding.weight.shape[1]
        self.factor = float(getattr(embedding, "embed_scale", 1.0))

    def train(self, mode: bool = True) -> Predicted:
        """The body stays as it is used: without dropout."""
        super().train(mode)
        self.body.eval()
        return self

    def forward(self, batch: Batch, wanted: Collection[str] = ()) -> dict[str, torch.Tensor]:
        """Column `pieces` `[u, k]` to `rows` `[u, C]`; with `ids` into them also `vectors`."""
        rows = self.network(batch["pieces"], self.table)
        if "ids" not in batch:
            return {"rows": rows}
        first, last = (len(ids) for ids in self.ends)
        local = {**batch, "ids": batch["ids"] + first + last}
        around = list(range(first)), list(range(first, first + last))
        ids, mask = padded(local, *around, 0)
        known = self.table[torch.tensor([*self.ends[0], *self.ends[1]], dtype=torch.long)]
        embedded = torch.cat([known, rows])[ids][..., : self.width] * self.factor  # [n, t, d]
        states = self.body(inputs_embeds=embedded, attention_mask=mask.long()).last_hidden_state
        vectors = mean_of(states, mask)  # [n, d]
        return {"rows": rows, "vectors": vectors.view(int(batch["views"]), -1, vectors.shape[-1])}


@register("parameters", "hypernetwork.v1")
class HypernetworkParameters:
    """The weights of a hypernetwork; the body that reads its predictions is frozen.

    Source: Minixhofer, Ponti and Vulić (2024), Zero-Shot Tokenizer Transfer, section 3.1.

    Args:
        folder: of the transformer.
        tokenizer: the transformer's own.
        seed: of the first values.
        rows: `[V, C]` the source's rows, input embeddings first; the body's own by default. Give
            them with those of an untied head beside, and both are predicted.
        shape: settings of `Shape` other than `columns`; the width is the body's by default.

    Raises:
        ModelError: rows that do not begin with the body's width.
    """

    def __init__(
        self,
        folder: Path,
        tokenizer: Tokenizer,
        seed: int,
        rows: np.ndarray | None = None,
        **shape: Any,
    ) -> None:
        body = open_body(folder, seed)
        body = body.get_encoder() if body.config.is_encoder_decoder else body
        own = body.get_input_embeddings().weight.detach()
        table = own.numpy() if rows is None else np.ascontiguousarray(rows, np.float32)
        if table.shape[1] < own.shape[1]:
            raise ModelError(
                f"rows of {table.shape[1]} columns for a body of width {own.shape[1]}", file=folder
            )
        network = Hypernetwork(Shape(columns=table.shape[1], **{"width": own.shape[1], **shape}))
        network.core.scale(table)
        self.table = table
        self.module = Predicted(body, network, torch.from_numpy(table), text_ends(tokenizer))

    def groups(self) -> list[dict[str, Any]]:
        """One group: the hypernetwork."""
        return [{"params": list(self.module.network.parameters())}]

    def save(self, folder: Path, about: dict[str, Any] | None = None) -> None:
        """Write the hypernetwork, without the body."""
        save_hypernetwork(folder, self.module.network, about)
