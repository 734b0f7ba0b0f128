"""Late interaction: every token of a query finds its nearest token in a passage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.registry import register
from isogloss.settings import Count, Positive
from isogloss.train.batch import Texts
from isogloss.train.contracts import Batch, Loss
from isogloss.train.contrast import own_among
from isogloss.train.grids import pad_texts
from isogloss.train.label_head import write_head

LEAST = -1.0
"""The cosine of a token with a passage of no token."""
_AT_ONCE = 2**24  # cosines of tokens that are held together


@register("objective", "late_interaction.v1")
class LateInteraction(nn.Module):
    """-log softmax_j(s(q_i, d_j) / temperature) at the own passage, s(q, d) = sum_t max_u cos.

    cos is that of P h_t and P h_u, the projected last states of token t of the query and u of the
    passage. The first view is the query, each later one a passage of it (the loss is their mean),
    and views that the mixture marks as `negative` are further candidates. P is saved beside the
    model, as a head; `task.retrieve` reads it.
    Prefer it over `contrast_views.v1` for retrieval where a passage says more than one thing; a
    passage then has a vector a token.

    Reads: outputs `states` `[tokens, d]`, batch `negative` `[views * B]` if there is one.
    Source: Khattab and Zaharia (2020), ColBERT, section 3.3; candidates of the whole batch as in
    Santhanam et al. (2022), ColBERTv2, section 3.2, without its distillation; for many languages
    over a body with modules of each, Louis et al. (2024), ColBERT-XM. What stands around a text
    has no vector here, and there are no marks of queries and passages.

    Args:
        dimensions: of P h.
        temperature: by which sums of cosines are divided.
        both: whether passages find their queries too, and the loss is the mean of both ways.
        factor: of P's learning rate, over that of the model.
        seed: of P's first weights, with which cosines stay about what they were.
    """

    outputs: ClassVar = ("states",)
    joint: ClassVar = True
    views: ClassVar = 2

    def __init__(
        self,
        *,
        dimensions: Count = 128,
        temperature: Positive = 1.0,
        both: bool = False,
        factor: Positive = 10.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.dimensions, self.temperature, self.both = dimensions, temperature, both
        self.factor, self.seed = factor, seed

    def begin(self, model: Any) -> None:
        """Make P, of the model's width."""
        kind = next(model.parameters()).dtype
        self.project = nn.Linear(
            model.body.config.hidden_size, self.dimensions, bias=False, dtype=kind
        )
        with torch.no_grad():
            drawn = torch.Generator().manual_seed(self.seed)
            self.project.weight.normal_(std=self.dimensions**-0.5, generator=drawn)

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        assert isinstance(batch, Texts)
        vectors = F.normalize(self.project(outputs["states"]), dim=-1)  # [tokens, p]
        passages, negatives = sides(batch)
        total = vectors.new_zeros(())
        for own in passages:
            scores = token_scores(vectors, batch, range(batch.size), [*own, *negatives])
            loss = own_among(scores / self.temperature)
            if self.both:
                back = token_scores(vectors, batch, own, range(batch.size))
                loss = (loss + own_among(back / self.temperature)) / 2
            total = total + loss / len(passages)
        return Loss(total, {"late_interaction": float(total.detach())})

    def save(self, folder: Path, names: Sequence[str] = ()) -> None:
        """Write P beside the model."""
        about = {"use": "late_interaction.v1", "reads": "states", "dimensions": self.dimensions}
        write_head(folder, self.project, about)


def sides(batch: Texts) -> tuple[list[range], list[int]]:
    """Texts of each view of passages, and those of all views that are marked as `negative`."""
    size = batch.size
    every = [range(view * size, (view + 1) * size) for view in range(1, batch.views)]
    if "negative" not in batch:
        return every, []
    marked = batch["negative"].view(batch.views, -1)[1:, 0].bool().tolist()
    negatives = [i for one, wrong in zip(every, marked, strict=True) if wrong for i in one]
    return [one for one, wrong in zip(every, marked, strict=True) if not wrong], negatives


def token_scores(
    vectors: torch.Tensor, batch: Texts, queries: Sequence[int], passages: Sequence[int]
) -> torch.Tensor:
    """sum_t max_u v_t . v_u over tokens t of each query and u of each passage `[n, m]`.

    Args:
        vectors: unit vectors `[tokens, p]`.
        batch: whose tokens they are.
        queries: n texts of it.
        passages: m texts of it.
    """
    lengths = batch.lengths()
    chosen = torch.tensor([*passages], device=vectors.device)
    found, here = pad_texts(vectors, batch.offsets[chosen], lengths[chosen])  # [m, u, p]
    tokens, of = _tokens(batch, queries)
    scores = vectors.new_zeros(len(queries), len(chosen))
    for part in _parts(len(tokens), here.numel()):
        cosines = torch.einsum("tp,mup->tmu", vectors[tokens[part]], found)
        best = cosines.masked_fill(~here, LEAST).amax(2)  # [t, m]
        scores = scores.index_add(0, of[part], best)
    return scores


def _tokens(batch: Texts, texts: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Places `[t]` of the tokens of some texts, and which of these texts each is of."""
    chosen = torch.tensor([*texts], device=batch.ids.device)
    lengths = batch.lengths()[chosen]
    of = torch.repeat_interleave(torch.arange(len(chosen), device=chosen.device), lengths)
    before = lengths.cumsum(0) - lengths
    inside = torch.arange(len(of), device=chosen.device) - before[of]
    return batch.offsets[chosen][of] + inside, of


def _parts(tokens: int, width: int) -> Iterator[slice]:
    """Runs of tokens whose cosines with `width` others fit together."""
    size = max(1, _AT_ONCE // max(width, 1))
    return (slice(at, at + size) for at in range(0, tokens, size))
