"""Where the translation of a marked word begins and ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from isogloss.registry import register
from isogloss.train.aligner import save_aligner
from isogloss.train.batch import Texts
from isogloss.train.contracts import Batch, Loss
from isogloss.train.grids import pad_texts


@register("objective", "span_links.v1")
class SpanLinks(nn.Module):
    """-log p_begin(s) - log p_end(e), halved, mean over texts; s to e is the longest linked run.

    p_begin and p_end are softmaxes of u . h and w . h over the tokens of the other sentence and the
    first token of the text, which stands for no translation, as [CLS] is not among the states. The
    first of several longest runs is taken; words that are linked apart are thus learned in part,
    which `binary_links.v1` is free of. u, w and their biases are saved beside the model, for
    `align_marked.v1`.

    Reads: outputs `states` `[tokens, d]`; batch `linked`, `side` `[tokens]`, as `marked.v1` gives
    them.
    Source: Nagata, Chousa and Nishino (2020), A Supervised Word Alignment Method based on
    Cross-Language Span Prediction using Multilingual BERT.
    """

    outputs: ClassVar = ("states",)
    columns: ClassVar = ("linked", "side")

    def begin(self, model: Any) -> None:
        """Make the weights of the model's width."""
        kind = next(model.parameters()).dtype
        self.score = nn.Linear(model.body.config.hidden_size, 2, dtype=kind)

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        assert isinstance(batch, Texts)
        logs = self._logs(outputs, batch)  # [B, t, 2]
        linked = pad_texts((batch["linked"] == 1).long(), batch.offsets, batch.lengths())[0] > 0
        spans = longest_runs(linked)  # [B, 2]
        total = -logs.gather(1, spans[:, None]).mean()
        return Loss(total, {"span_links": float(total.detach())})

    def shares(self, outputs: Mapping[str, torch.Tensor], batch: Texts) -> torch.Tensor:
        """The probability of the likeliest span at its tokens `[tokens]`, 0 elsewhere."""
        begin, end = self._logs(outputs, batch).unbind(2)  # [B, t]
        both = begin[:, :, None] + end[:, None]  # [B, t, t]
        both = both.masked_fill(~torch.ones_like(both[0], dtype=torch.bool).triu(), float("-inf"))
        both[:, 0, 1:] = float("-inf")  # what stands for none is no part of a span
        best, at = both.flatten(1).max(1)
        first, last = at // both.shape[2], at % both.shape[2]
        places = torch.arange(both.shape[1], device=at.device)
        inside = (places >= first[:, None]) & (places <= last[:, None]) & (first > 0)[:, None]
        here = pad_texts(batch["side"], batch.offsets, batch.lengths())[1]
        return (inside * best.exp()[:, None])[here] * (batch["side"] == 1)

    def _logs(self, outputs: Mapping[str, torch.Tensor], batch: Texts) -> torch.Tensor:
        """Log-probabilities of begin and end `[B, t, 2]`, -inf where neither can be."""
        states, here = pad_texts(outputs["states"], batch.offsets, batch.lengths())
        side = pad_texts(batch["side"] + 1, batch.offsets, batch.lengths())[0] - 1  # 1 is other
        may = here & (side == 1)
        may[:, 0] = True
        scores = self.score(states).masked_fill(~may[:, :, None], float("-inf"))
        return scores.log_softmax(1)

    def save(self, folder: Path, names: Sequence[str] = ()) -> None:
        """Write the weights beside the model."""
        save_aligner(folder, "span_links.v1", self)


def longest_runs(linked: torch.Tensor) -> torch.Tensor:
    """First and last place of each row's first longest run `[B, t]`: `[B, 2]`, 0 0 for none."""
    places = torch.arange(linked.shape[1], device=linked.device)
    # The last gap at or before each place: a run's length is known at its end.
    gap = torch.where(linked, -1, places).cummax(1).values
    length = (places - gap) * linked
    most, last = length.max(1)
    # max need not give the first of equals
    last = torch.where(length == most[:, None], places, linked.shape[1]).min(1).values
    first = last - most + 1
    return torch.stack([first, last], 1) * (most > 0)[:, None]
