"""Contrast against a queue of vectors that a slow copy of the model gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.settings import Positive
from isogloss.train.batch import told_apart
from isogloss.train.contracts import Batch, Loss
from isogloss.train.contrast import own_among


@register("objective", "momentum_contrast.v1")
class MomentumContrast(nn.Module):
    """A sentence finds its translation, as a slow copy reads it, among those of past batches.

    q = unit vectors of the model, k = those of a copy whose weights follow w' <- m w' + (1 - m) w.
    For sentence x and translation y of it the loss is
    -log(e^{q_x k_y / T} / (e^{q_x k_y / T} + sum_n e^{q_x k_n / T})), n in a queue of the vectors k
    of the last batches, of all languages. Averaged over x and over both ways, summed over the pairs
    of views. The queue begins empty. Views that the mixture marks as `negative` are candidates
    too, for their batch alone. The copy holds only the weights that train, reads without dropout,
    and is in checkpoints with the queue, so that a killed run ends as one that was not.

    Reads: outputs `vectors` `[views, B, d]` or `layer_vectors`, batch `negative` if there is one.
    Prefer it where memory or texts a second allow small batches only and `accumulate` would be too
    slow: negatives are many and cheap, but a little old, and the copy reads every batch once more.
    With little text keep the queue well under the rows there are, or a sentence meets itself in it.
    Source: Chi et al. (2021), InfoXLM: An Information-Theoretic Framework for Cross-Lingual
    Language Model Pre-Training, the contrast (XlCo) without their mixing of sentence pairs; the
    queue after He et al. (2020), Momentum Contrast for Unsupervised Visual Representation Learning.
    As remembered, InfoXLM has a queue of 131,072 and m = 0.9999, by which a copy hardly moves in
    hundreds of steps.

    Args:
        queue: vectors in it.
        momentum: m.
        temperature: T.
        layer: whose vectors are compared; the last by default. InfoXLM takes an inner one.

    Raises:
        UsageError: a queue of none, or a momentum outside 0 to 1.
    """

    joint: ClassVar = True
    views: ClassVar = 2

    queue: torch.Tensor
    written: torch.Tensor

    def __init__(
        self,
        *,
        queue: int = 2048,
        momentum: float = 0.999,
        temperature: Positive = 0.2,
        layer: int | None = None,
    ) -> None:
        super().__init__()
        if queue < 1 or not 0 <= momentum < 1:
            raise UsageError(
                f"a queue of {queue} vectors with momentum {momentum}",
                remedy="set queue to 1 or more and momentum from 0 to below 1",
            )
        self.size, self.momentum, self.temperature, self.layer = queue, momentum, temperature, layer
        self.outputs = ("vectors",) if layer is None else ("layer_vectors",)
        self._fresh: torch.Tensor | None = None

    def begin(self, model: Any) -> None:
        """Copy the weights that train, and make room for the queue."""
        self._model = (model,)  # not a module of this one, whose weights would train twice
        self._names = [name for name, weight in model.named_parameters() if weight.requires_grad]
        for number, weight in enumerate(self._live()):
            self.register_buffer(f"weight_{number}", weight.detach().clone())
        like = next(model.parameters())
        self.register_buffer("queue", like.new_zeros(self.size, model.width))
        self.register_buffer("written", torch.zeros((), dtype=torch.long, device=like.device))

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        views, _ = told_apart(self._vectors(outputs), batch)  # [v, B, d]
        keys, negatives = told_apart(self._keys(batch).to(views), batch)
        if self.training:  # an evaluation leaves the queue as it is
            self._fresh = keys.flatten(0, 1)  # enters the queue when the step is done
        past = self.queue[: min(int(self.written), self.size)].to(views)
        others = torch.cat([past, negatives.flatten(0, 1)])  # [n, d]
        first = torch.zeros(views.shape[1], dtype=torch.long, device=views.device)
        total = views.new_zeros(())
        for i, query in enumerate(views):
            far = query @ others.T  # [B, n]
            for j, key in enumerate(keys):
                if i != j:
                    scores = torch.cat([(query * key).sum(-1, keepdim=True), far], 1)
                    total = total + own_among(scores / self.temperature, first) / 2
        return Loss(total, {"momentum": float(total.detach())})

    @torch.no_grad()
    def stepped(self, share: float) -> None:
        """The copy follows the model, and the queue takes the vectors of this step."""
        for slow, weight in zip(self._slow(), self._live(), strict=True):
            slow.lerp_(weight.to(slow), 1 - self.momentum)
        if self._fresh is not None:
            fresh = self._fresh[-self.size :].to(self.queue)
            places = (self.written + torch.arange(len(fresh)).to(self.written)) % self.size
            self.queue[places] = fresh
            self.written += len(fresh)
            self._fresh = None

    def _vectors(self, outputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        [name] = self.outputs
        found = outputs[name] if self.layer is None else outputs[name][self.layer]
        return F.normalize(found, dim=-1)

    @torch.no_grad()
    def _keys(self, batch: Batch) -> torch.Tensor:
        """The copy's unit vectors `[views, B, d]`."""
        [model] = self._model
        training = model.training
        model.eval()  # processes that share a batch must read the same
        try:
            weights = dict(zip(self._names, self._slow(), strict=True))
            return self._vectors(torch.func.functional_call(model, weights, (batch, self.outputs)))
        finally:
            model.train(training)

    def _live(self) -> list[torch.Tensor]:
        weights = dict(self._model[0].named_parameters())
        return [weights[name] for name in self._names]

    def _slow(self) -> list[torch.Tensor]:
        return [getattr(self, f"weight_{number}") for number in range(len(self._names))]
