"""Whether a token belongs to the translation of a marked word: one question a token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.registry import register
from isogloss.train.aligner import save_aligner
from isogloss.train.batch import UNKNOWN, Texts
from isogloss.train.contracts import Batch, Loss


@register("objective", "binary_links.v1")
class BinaryLinks(nn.Module):
    """-[l log s + (1 - l) log(1 - s)], mean over tokens of the other sentence, s = sigmoid(w . h).

    l is whether the token's word is linked with the marked word, h its last state. Any number of
    tokens may belong to it, next to each other or not, or none. w and its bias are saved beside the
    model, for `align_marked.v1`.

    Reads: outputs `states` `[tokens, d]`; batch `linked` `[tokens]`, as `marked.v1` gives it.
    Source: Latouche, Carbonneau and Swanson (2024), BinaryAlign: Word Alignment as Binary Sequence
    Labeling; every token of a word is asked.
    """

    outputs: ClassVar = ("states",)
    columns: ClassVar = ("linked",)

    def begin(self, model: Any) -> None:
        """Make the weights of the model's width."""
        kind = next(model.parameters()).dtype
        self.score = nn.Linear(model.body.config.hidden_size, 1, dtype=kind)

    def count(self, batch: Batch) -> int:
        """Tokens that are asked."""
        return int((batch["linked"] != UNKNOWN).sum())

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        asked = batch["linked"] != UNKNOWN
        scores = self.score(outputs["states"][asked]).ravel()
        gold = batch["linked"][asked].to(scores.dtype)
        total = F.binary_cross_entropy_with_logits(scores, gold)
        return Loss(total, {"binary_links": float(total.detach())})

    def shares(self, outputs: Mapping[str, torch.Tensor], batch: Texts) -> torch.Tensor:
        """How likely each token is linked with the marked word `[tokens]`."""
        found = self.score(outputs["states"]).ravel().sigmoid()
        return found * (batch["side"] == 1)

    def save(self, folder: Path, names: Sequence[str] = ()) -> None:
        """Write the weights beside the model."""
        save_aligner(folder, "binary_links.v1", self)
