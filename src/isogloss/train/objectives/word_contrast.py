"""In-batch contrast of words in their sentences, at some layers of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F

from isogloss.registry import register
from isogloss.settings import Positive
from isogloss.train.contracts import Batch, Loss
from isogloss.train.contrast import ranking
from isogloss.train.links import Whole, linked_equal, linked_words
from isogloss.train.objectives.layer_contrast import chosen_layers


@register("objective", "word_contrast.v1")
@dataclass(frozen=True, kw_only=True)
class WordContrast:
    """A word's own translation among those of all links of the batch, both ways, mean over layers.

    s = cos(x_i, y_j) / temperature for links i and j. Where y_j is spelled as y_i it counts neither
    for nor against, as it would be no wrong answer. Unlike `word_l2.v1` it is not least where all
    words are one point, so that nothing need be held; it only asks for nearer than the others, and
    wants many links in a batch.

    Reads: outputs `layer_states` `[layers + 1, tokens, d]`; batch `links` `[k, 3]`, `word`.
    Source: the loss of Li et al. (2024), PreAlign: Boosting Cross-Lingual Transfer by Early
    Establishment of Multilingual Alignment, which has words of a dictionary, each alone: for that,
    `layer_contrast.v1` over a text whose rows are words.

    Attributes:
        layers: `middle`, `all`, or numbers, 0 the embeddings.
        temperature: of the softmax.
        whole: what stands for a word of several tokens.
    """

    joint: ClassVar = True
    outputs: ClassVar = ("layer_states",)
    columns: ClassVar = ("links", "word")

    layers: Literal["middle", "all"] | tuple[int, ...] = "all"
    temperature: Positive = 0.1
    whole: Whole = "mean"

    def __call__(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        every = outputs["layer_states"]
        states = every[chosen_layers(self.layers, len(every))]  # [l, tokens, d]
        left, right = (
            F.normalize(words, dim=-1) for words in linked_words(states, batch, self.whole)
        )  # [l, k, d]
        source, target = linked_equal(batch)  # [k, k]
        there = ranking(left, right, self.temperature, without=target)
        back = ranking(right, left, self.temperature, without=source)
        total = (there + back) / 2
        return Loss(total, {"word_contrast": float(total.detach())})
