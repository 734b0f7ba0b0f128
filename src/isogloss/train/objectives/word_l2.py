"""Words in context are to lie where their translations lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from isogloss.registry import register
from isogloss.train.contracts import Batch, Loss
from isogloss.train.links import Whole, linked_words, output_of, states_of


@register("objective", "word_l2.v1")
@dataclass(frozen=True, kw_only=True)
class WordL2:
    """mean over links (i, j) of |x_i - y_j|^2, x and y vectors of words in their sentences.

    Alone it is least where all words are one point: use it with `near_start.v1`, which holds the
    pivot where it was. The paper sums over a batch; here the mean keeps a batch's size out of it.
    Prefer it for tasks that read tokens, and for few sentence pairs of good links.

    Reads: outputs `states` `[tokens, d]`, or `layer_states`; batch `links` `[k, 3]`, `word`.
    Source: Cao, Kitaev and Klein (2020), Multilingual Alignment of Contextual Word
    Representations, which takes the last layer and the last token of a word; with the start held
    it is also the adjustment of Efimov et al. (2023), The Impact of Cross-Lingual Adjustment of
    Contextual Word Representations on Zero-Shot Transfer.

    Attributes:
        whole: what stands for a word of several tokens.
        layer: whose states; the last by default.
    """

    columns: ClassVar = ("links", "word")

    whole: Whole = "last"
    layer: int | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        """The states of the layer."""
        return output_of(self.layer)

    def count(self, batch: Batch) -> int:
        """Links."""
        return len(batch["links"])

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        left, right = linked_words(states_of(outputs, self.layer), batch, self.whole)  # [k, d]
        total = (left - right).square().sum() / max(1, len(left))
        return Loss(total, {"word_l2": float(total.detach())})
