"""Denoising word alignment: a hidden token points at its translation, by the model's own links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from isogloss.match.extract import itermax
from isogloss.match.grid import PADDING, Grid
from isogloss.match.transport import sinkhorn
from isogloss.registry import register
from isogloss.train.batch import UNKNOWN, Texts, spots
from isogloss.train.contracts import Batch, Loss
from isogloss.train.grids import Grids, grids_within
from isogloss.train.links import output_of, states_of

_LEAST = 1e-6  # similarity of tokens whose product is not positive


@register("objective", "xlm_align.v1")
class DenoisingAlignment(nn.Module):
    """-log p(j | i), mean over hidden tokens i; j is the token of the translation linked with i.

    p(j | i) = softmax over the tokens j of the other sentence of (Q h_i) . (K h_j) / sqrt(d), h
    the last states of the text with its hidden tokens; Q and K train beside the model. The links
    are those that the model gives at the moment of the same text with nothing hidden, without
    dropout: optimal transport between the states of a layer, with max(x_i . y_j, 1e-6) as the
    kernel and few iterations, from whose plan `itermax` reads links. No gradient goes through them.
    A hidden token with several links takes the mean over them, one without adds 0.
    It costs a second reading of the batch. Train it beside `mlm.v1` on the same mixture, from a
    model that links words well already, such as XLM-R.

    Reads: outputs `states` `[tokens, d]`; batch `gold`, `side` `[tokens]`, as `tlm.v1` gives them.
    Source: Chi et al. (2021), Improving Pretrained Cross-Lingual Language Models via Self-Labeled
    Word Alignment; layer, kernel and iterations as in its published code.

    Args:
        layer: whose states are linked.
        iterations: of the transport.
    """

    outputs: ClassVar = ("states",)
    columns: ClassVar = ("gold", "side")

    def __init__(self, *, layer: int | None = 8, iterations: int = 2) -> None:
        super().__init__()
        self.layer, self.iterations = layer, iterations

    def begin(self, model: Any) -> None:
        """Remember the model, which links words, and make the weights of its width."""
        width, kind = model.body.config.hidden_size, next(model.parameters()).dtype
        self._model = [model]  # in a list, as it is no part of this module
        self.asking = nn.Linear(width, width, dtype=kind)
        self.asked = nn.Linear(width, width, dtype=kind)

    def count(self, batch: Batch) -> int:
        """Hidden tokens."""
        return len(spots(batch))

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        assert isinstance(batch, Texts)
        links = self.links(batch)  # [B, m, n]
        grid, hidden = grids_within(outputs["states"], batch), _hidden(batch)
        x, y = grid.sides
        total = self._pointed(x, y, grid.real, links, hidden[0])
        total = total + self._pointed(
            y, x, grid.real.transpose(1, 2), links.transpose(1, 2), hidden[1]
        )
        total = total / max(1, self.count(batch))
        return Loss(total, {"xlm_align": float(total.detach())})

    def links(self, batch: Texts) -> torch.Tensor:
        """Which tokens the model links where nothing is hidden `[B, m, n]`."""
        [model] = self._model
        where = spots(batch)
        tokens = {name: value for name, value in batch.tokens.items() if name != "gold"}
        whole = replace(
            batch, ids=batch.ids.index_put((where,), batch["gold"][where]), tokens=tokens
        )
        training = model.training
        model.eval()
        with torch.no_grad():
            read = model(whole, output_of(self.layer))
        model.train(training)
        return transported(grids_within(states_of(read, self.layer), whole), self.iterations)

    def _pointed(
        self,
        x: torch.Tensor,
        y: torch.Tensor,
        real: torch.Tensor,
        links: torch.Tensor,
        hidden: torch.Tensor,
    ) -> torch.Tensor:
        """The sum over hidden tokens of x `[B, m, d]` that have links into y `[B, n, d]`."""
        scores = self.asking(x) @ self.asked(y).transpose(1, 2) / x.shape[-1] ** 0.5  # [B, m, n]
        least = torch.finfo(scores.dtype).min / 2
        logs = scores.masked_fill(~real, least).log_softmax(2)
        wanted = (links & hidden[:, :, None]).to(logs.dtype)
        wanted = wanted / links.sum(2, keepdim=True).clamp(min=1)
        return -(wanted * logs.masked_fill(~real, 0.0)).sum()


def transported(grid: Grids, iterations: int) -> torch.Tensor:
    """Links `[B, m, n]` by `itermax` on the plan of few iterations of optimal transport."""
    real = grid.real.cpu().numpy()
    kernel = np.where(real, grid.dots.detach().double().cpu().numpy(), 1.0)
    cost = -np.log(np.maximum(kernel, _LEAST))
    rows, columns = real.any(2), real.any(1)
    # Turned, so that columns are scaled first and rows last, as there.
    plan = sinkhorn(
        cost.swapaxes(1, 2), columns / columns.sum(1, keepdims=True),
        rows / rows.sum(1, keepdims=True), regularisation=1.0, iterations=iterations, tolerance=0.0,
    ).swapaxes(1, 2)  # fmt: skip
    norms = (rows.astype(np.float32), columns.astype(np.float32))
    found = itermax(Grid(np.where(real, plan, PADDING), norms)).links
    return torch.from_numpy(found).to(grid.dots.device)


def _hidden(batch: Texts) -> list[torch.Tensor]:
    """Which tokens of either sentence are hidden: `[B, m]` and `[B, n]`."""
    gold = (batch["gold"] != UNKNOWN).float()
    made = grids_within(gold[:, None], batch)
    return [side[..., 0] > 0 for side in made.sides]
