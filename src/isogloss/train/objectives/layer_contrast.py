"""In-batch contrast of sentences, or of words read alone, inside the model."""

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
from isogloss.train.contrast import rank_views


@register("objective", "layer_contrast.v1")
@dataclass(frozen=True, kw_only=True)
class LayerContrast:
    """A row's own translation among those of the batch, at some layers, summed over pairs of views.

    The loss of `contrast_views.v1`, cosine over temperature both ways, over the mean states of a
    layer; the mean over the layers.

    - At the middle layer, beside a task's own objective in another lesson, it aligns what the model
      thinks with and leaves its last layers to the task. Prefer it for decoders, and where a task
      is trained on the pivot alone.
    - At all layers, the embeddings among them, over a text whose rows are words, it joins words
      before there is anything else to join: run it first, then train on text.

    Reads: outputs `layer_vectors` `[layers + 1, views, B, d]`.
    Source: Liu and Niehues (2025), Middle-Layer Representation Alignment for Cross-Lingual Transfer
    in Fine-Tuned LLMs; Li et al. (2024), PreAlign: Boosting Cross-Lingual Transfer by Early
    Establishment of Multilingual Alignment, which trains a language model beside.

    Attributes:
        layers: `middle`, `all`, or numbers, 0 the embeddings.
        temperature: of the softmax.
    """

    joint: ClassVar = True
    views: ClassVar = 2
    outputs: ClassVar = ("layer_vectors",)
    columns: ClassVar = ()

    layers: Literal["middle", "all"] | tuple[int, ...] = "middle"
    temperature: Positive = 0.1

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        every = outputs["layer_vectors"]
        chosen = every[chosen_layers(self.layers, len(every))]
        views = F.normalize(chosen, dim=-1).unbind(1)  # [l, B, d] each
        total = rank_views(views, self.temperature)
        return Loss(total, {"layer_contrast": float(total.detach())})


def chosen_layers(layers: Literal["middle", "all"] | tuple[int, ...], count: int) -> list[int]:
    """Numbers of layers, of `count` with the embeddings.

    Raises:
        UsageError: a layer that the model has not, or none.
    """
    if layers == "middle":
        return [count // 2]
    found = list(range(count)) if isinstance(layers, str) else list(layers)
    if not found or not all(0 <= layer < count for layer in found):
        raise UsageError(
            f"layers {found}; the model has 0, its embeddings, to {count - 1}",
            remedy="set layers to some of these, 'middle' or 'all'",
        )
    return found
