"""Contrast between a text and its romanisation in the middle of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.settings import Positive
from isogloss.train.contracts import Batch, Loss
from isogloss.train.contrast import rank_all


@register("objective", "transliteration_contrast.v1")
@dataclass(frozen=True, kw_only=True)
class TransliterationContrast:
    """A text's own romanisation among all other texts of the batch, in some layers.

    For the vectors u_i, v_i of text i and its romanisation in a layer, the mean over both of
    -log exp(s(u_i, v_i) / t) / sum_w exp(s(u_i, w) / t), w all 2 B - 1 others; averaged over
    layers. Unlike `contrast_views.v1` it has the texts of the same script as negatives too, which
    pulls a script apart while it pulls the two together, and it reads any layers.
    The paper has layer 8 of 12, temperature 1 and dot products of means over all but the special
    tokens, weighted by a half beside the sum of the two spellings' masked losses; cosines are the
    default here, as dot products depend on the scale of a model. Vectors are those of the hidden
    texts where the mixture hides tokens, as in the paper's code.
    Prefer it where scripts keep languages apart and there is no parallel text. Several layers, the
    table's 0 among them, are gentler than one.

    Reads: outputs `layer_vectors` `[layers + 1, 2, B, d]`.
    Raises: UsageError: a layer that the model has not, or rows of other than two views.
    Source: Liu, Ma, Ye and Schütze (2024), TransliCo: A Contrastive Learning Framework to Address
    the Script Barrier in Multilingual Pretrained Language Models, the section on transliteration
    contrastive modelling; the sentence-level objective of Xhelili, Liu and Schütze (2024).

    Attributes:
        layers: their numbers, 0 the embeddings, negative ones from the end.
        temperature: t.
        similarity: s.
    """

    outputs: ClassVar = ("layer_vectors",)
    joint: ClassVar = True

    layers: tuple[int, ...] = (8,)
    temperature: Positive = 0.05
    similarity: Literal["cosine", "dot"] = "cosine"

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        every = outputs["layer_vectors"]  # [layers + 1, 2, B, d]
        views, there = every.shape[1], range(-len(every), len(every))
        if views != 2 or not self.layers or any(layer not in there for layer in self.layers):
            raise UsageError(
                f"layers {list(self.layers)} of {views} views; the model has layers 0 to "
                f"{len(every) - 1}, and two views are needed",
                remedy="name layers that it has, and a mixture such as transliterated.v1",
            )
        chosen = every[list(self.layers)]  # [chosen, 2, B, d]
        if self.similarity == "cosine":
            chosen = F.normalize(chosen, dim=-1)
        losses = [rank_all(left, right, self.temperature) for left, right in chosen]
        total = torch.stack(losses).mean()
        return Loss(total, {"transliteration_contrast": float(total.detach())})
