"""A factorised token table: few numbers a token change, and nothing that tokens share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from isogloss.errors import ModelError
from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.parameters.embeddings import only_rows, per_token
from isogloss.train.student import Change
from isogloss.vocabulary.initialise.factorised import factorise


class FactoredTable(nn.Module):
    """E = F G, looked up as F[ids] G and scored as (h G^T) F^T: no `[V, d]` is ever made.

    Args:
        rows: F `[V, r]`, which trains.
        projection: G `[r, d]`, which does not.
        padding: the id whose row has no gradient.
        scale: what looked-up rows are multiplied with, as some architectures do.
    """

    projection: torch.Tensor

    def __init__(
        self,
        rows: torch.Tensor,
        projection: torch.Tensor,
        padding: int | None = None,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.rows = nn.Parameter(rows)
        # In checkpoints, as another machine would find another one of the same span.
        self.register_buffer("projection", projection)
        self.padding, self.scale = padding, scale

    @property
    def weight(self) -> torch.Tensor:
        """The whole table `[V, d]`."""
        return self.rows @ self.projection

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Ids of any shape to rows `[..., d]`."""
        return F.embedding(ids, self.rows, self.padding) @ self.projection * self.scale

    def score(self, states: torch.Tensor) -> torch.Tensor:
        """Products of states `[m, d]` with every row: `[m, V]`."""
        return states @ self.projection.T @ self.rows.T


class _Scores(nn.Module):
    """The head's last layer, tied to a factored table."""

    def __init__(self, table: FactoredTable, bias: nn.Parameter | None) -> None:
        super().__init__()
        self.table, self.bias = table, bias

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        found = self.table.score(states)
        return found if self.bias is None else found + self.bias


@register("parameters", "factors.v1")
def factors(
    module: Body, *, first: int = 0, rank: int = 100, source: np.ndarray | None = None
) -> Change:
    """F of the table E = F G changes; the projection G and the body stay, bit for bit.

    G is that of the source's table by its largest singular values, so it knows what embeddings of
    any language have in common; F = E G^T is where the model's rows are nearest in its span. What
    is saved is the product, a plain model. Each token learns r numbers instead of d: prefer it over
    `embeddings.v1` for new scripts with little text, and where rows of many languages are to be
    kept. The rows are no longer quite the model's own: r decides how near.
    Source: Pfeiffer, Vulić, Gurevych and Ruder (2021), UNKs Everywhere: Adapting Multilingual
    Language Models to New Scripts, section 3.2; by singular values instead of their semi-NMF.

    Args:
        module: how texts are read with the model.
        first: rows of F before this one stay too.
        rank: r, at most the width.
        source: `[V', d]` the table whose projection is taken; by default the folder's own, without
            the appended rows.

    Raises:
        ModelError: the model's head has a table of its own, which would not be factored; or the
            source has another width.
        UsageError: a rank below 1.
    """
    plain, head = module.body.get_input_embeddings(), module.body.get_output_embeddings()
    if head is not None and head.weight is not plain.weight:
        raise ModelError(
            "the head has a table of its own, which would not be factored",
            file=module.body.name_or_path,
            remedy="train with --student embeddings or full",
        )  # fmt: skip
    table = plain.weight.detach()
    known = table.numpy() if source is None else source
    if source is None and module.added:
        known = known[: -module.added]
    if known.shape[1] != table.shape[1]:
        raise ModelError(
            f"a projection of {known.shape[1]} columns for a table of {table.shape[1]}",
            file=module.body.name_or_path,
        )
    found = factorise(np.asarray(known, np.float32), min(rank, *known.shape))
    projection = torch.from_numpy(found.projection)
    factored = FactoredTable(
        table @ projection.T, projection, plain.padding_idx, float(getattr(plain, "embed_scale", 1))
    )
    beside = per_token(module)
    _put(module, factored, None if head is None else _Scores(factored, head.bias))
    groups = only_rows(module, [factored.rows, *beside], first)

    def whole() -> Callable[[], None]:
        with torch.no_grad():
            plain.weight = nn.Parameter(factored.weight)
        if head is not None:
            head.weight = plain.weight
        _put(module, plain, head)
        return lambda: _put(
            module, factored, None if head is None else _Scores(factored, head.bias)
        )

    return Change(groups, whole)


def _put(module: Body, table: Any, head: Any) -> None:
    module.body.set_input_embeddings(table)
    if head is not None:
        module.body.set_output_embeddings(head)
