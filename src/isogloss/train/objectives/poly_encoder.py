"""Poly-encoder: a few learned codes read the query, and each candidate reads these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from isogloss.registry import register
from isogloss.settings import Count, Positive
from isogloss.train.batch import Texts, told_apart
from isogloss.train.contracts import Batch, Loss
from isogloss.train.contrast import own_among
from isogloss.train.grids import pad_texts
from isogloss.train.label_head import write_head


@register("objective", "poly_encoder.v1")
class PolyEncoder(nn.Module):
    """-log softmax_j(s(q_i, d_j) / temperature) at the own candidate, s through m codes.

    Code c reads the query, y_c = sum_t softmax_t(c . h_t) h_t over its last states; the candidate
    with vector v reads these, s = sum_c softmax_c(v . y_c) v . y_c. The first view is the query,
    each later one a candidate of it (the loss is their mean), and views that the mixture marks as
    `negative` are further candidates. The codes are saved beside the model, as a head.
    Prefer it for reranking many candidates whose vectors are there: nearly as cheap as a
    bi-encoder; a cross-encoder, `rank_pairs.v1`, is surer and far dearer.

    Reads: outputs `states` `[tokens, d]` and `vectors` `[views, B, d]`, batch `negative` if there
    is one.
    Source: Humeau et al. (2020), Poly-encoders, section 4.4, learned codes, both attentions by
    plain products; a candidate's vector is the mean of its states, theirs the first state.

    Args:
        codes: m.
        temperature: by which scores are divided.
        factor: of the learning rate of the codes, over that of the model.
        seed: of the first codes.
    """

    outputs: ClassVar = ("states", "vectors")
    joint: ClassVar = True
    views: ClassVar = 2

    def __init__(
        self,
        *,
        codes: Count = 64,
        temperature: Positive = 1.0,
        factor: Positive = 10.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.count_of_codes, self.temperature = codes, temperature
        self.factor, self.seed = factor, seed

    def begin(self, model: Any) -> None:
        """Make the codes, of the model's width."""
        width, kind = model.body.config.hidden_size, next(model.parameters()).dtype
        drawn = torch.Generator().manual_seed(self.seed)
        first = torch.randn(self.count_of_codes, width, generator=drawn) * width**-0.5
        self.codes = nn.Parameter(first.to(kind))

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        assert isinstance(batch, Texts)
        asked = slice(0, batch.size)
        states, here = pad_texts(outputs["states"], batch.offsets[asked], batch.lengths()[asked])
        read = read_by_codes(self.codes, states, here)
        (_, *candidates), negatives = told_apart(outputs["vectors"], batch)
        total = read.new_zeros(())
        for own in candidates:
            scores = poly_scores(read, torch.cat([own, *negatives]))
            total = total + own_among(scores / self.temperature) / len(candidates)
        return Loss(total, {"poly_encoder": float(total.detach())})

    def save(self, folder: Path, names: Sequence[str] = ()) -> None:
        """Write the codes beside the model."""
        about = {"use": "poly_encoder.v1", "reads": "states", "codes": self.count_of_codes}
        write_head(folder, self, about)


def read_by_codes(codes: torch.Tensor, states: torch.Tensor, here: torch.Tensor) -> torch.Tensor:
    """What codes `[m, d]` read of padded states `[n, t, d]`, there where `here`: `[n, m, d]`."""
    # Finite, as a query without a token would otherwise have no softmax.
    least = torch.finfo(states.dtype).min / 2
    weights = (codes @ states.mT).masked_fill(~here[:, None], least).softmax(2)  # [n, m, t]
    return weights @ states


def poly_scores(read: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
    """sum_c softmax_c(v . y_c) v . y_c of queries read `[n, m, d]` and candidates.

    Args:
        read: `[n, m, d]`, see `read_by_codes`.
        candidates: `[k, d]` for every query, or `[n, k, d]`.

    Returns:
        `[n, k]`.
    """
    near = candidates @ read.mT  # [n, k, m]
    return (near.softmax(2) * near).sum(2)
