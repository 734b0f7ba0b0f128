"""An intent of a text and a tag of its words, at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from isogloss.registry import register
from isogloss.settings import Count, Positive, Share
from isogloss.train.batch import Texts
from isogloss.train.contracts import Batch, Loss
from isogloss.train.objectives.classify import Classify
from isogloss.train.objectives.tag import Tag


@register("objective", "intents.v1")
class Intents(nn.Module):
    """(1/B) sum over B texts of -log p(label | text) - sum_n log p(tag n | text).

    The surprise at all that is to be told of a text, by the heads of `classify.v1` and `tag.v1` on
    one body. What is not known costs nothing.

    Reads: outputs `vectors` `[1, B, d]`, `states` `[tokens, d]`; batch `label` `[B]`, `tag`
    `[tokens]`.
    Source: Chen, Zhuo and Wang (2019), BERT for Joint Intent Classification and Slot Filling,
    section 3.2, over the mean of the last states instead of the first.

    Args:
        classes: how many intents there are.
        tags: how many tags.
        factor: of the heads' learning rate, over that of the model.
        drop: share of the numbers of a state that are left out in training.
        seed: of the first weights.
    """

    outputs: ClassVar = ("vectors", "states")
    columns: ClassVar = ("label", "tag")

    def __init__(
        self, *, classes: Count, tags: Count, factor: Positive = 10.0, drop: Share = 0.1,
        seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.factor = factor
        self.intent = Classify(classes=classes, factor=factor, drop=drop, seed=seed)
        self.slots = Tag(classes=tags, factor=factor, drop=drop, seed=seed)

    def begin(self, model: Any) -> None:
        """Make the weights, unless they are there."""
        self.intent.begin(model)
        self.slots.begin(model)

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        assert isinstance(batch, Texts)
        total, parts = outputs["vectors"].new_zeros(()), {}
        for head in (self.intent, self.slots):
            if many := head.count(batch):
                mean = head(outputs, batch).total * (many / batch.size)
                total, parts[head.part] = total + mean, float(mean.detach())
        return Loss(total, parts)

    def tell(
        self, outputs: Mapping[str, torch.Tensor], batch: Texts
    ) -> list[dict[str, torch.Tensor]]:
        """Of each text the shares `label` `[classes]` and, of its tokens, `tag` `[t, tags]`."""
        labels, tags = self.intent.tell(outputs, batch), self.slots.tell(outputs, batch)
        return [{"label": label, "tag": tag} for label, tag in zip(labels, tags, strict=True)]

    def save(self, folder: Path, names: Any = ()) -> None:
        """Write both heads beside the model."""
        self.intent.save(folder)
        self.slots.save(folder)
