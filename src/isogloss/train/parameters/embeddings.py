"""The token table alone; the body that reads it is frozen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.student import Change, only


@register("parameters", "embeddings.v1")
def embeddings(module: Body, *, first: int = 0) -> Change:
    """The token table changes, and with a head its value a token; all else stays, bit for bit.

    A table that was learned so is exchanged for that of another language: what the body was taught
    with one, such as a task, it does with the other. Positions, the normalisation behind the table
    and a head that the model had stay too; a head that begins here trains beside.
    Prefer it for little text, for a language near one that the body knows, and where several
    languages are to share one body. Where the body has to learn other syntax, `full.v1` fits more.
    Source: Artetxe, Ruder and Yogatama (2020), On the Cross-lingual Transferability of Monolingual
    Representations, section 2, step 2; de Vries, Bartelds, Nissim and Wieling (2021), Adapting
    Monolingual Models: Data can be Scarce when Language Similarity is High, section 3.

    Args:
        module: how texts are read with the model.
        first: rows before this one stay too, such as those that the model had before it was
            extended.
    """
    table = module.body.get_input_embeddings().weight
    return Change(only_rows(module, [table, *per_token(module)], first))


def per_token(module: Body) -> tuple[nn.Parameter, ...]:
    """Weights of the head that have one row, or one value, a token, but for a tied table."""
    if module.head is not None:
        return (module.head.bias,) if module.head.given else ()
    last, table = module.body.get_output_embeddings(), module.body.get_input_embeddings().weight
    if last is None:
        return ()
    found = [] if last.weight is table else [last.weight]
    return tuple(found if getattr(last, "bias", None) is None else [*found, last.bias])


def only_rows(
    module: Body, weights: Sequence[nn.Parameter], first: int = 0
) -> list[dict[str, Any]]:
    """Freeze all but some weights of one row a token, and what begins here.

    Args:
        module: whose weights they are.
        weights: the token table and its like.
        first: rows before this one stay too.

    Returns:
        The optimiser's groups.
    """
    for weight in weights if first else ():
        weight.register_hook(lambda gradient: _without(gradient, first))
    return [{**group, "partly": bool(first)} for group in only(module, weights)]


def _without(gradient: torch.Tensor, first: int) -> torch.Tensor:
    # AdamW without decay leaves a weight whose gradients were all 0 as it is, bit for bit.
    gradient = gradient.clone()
    gradient[:first] = 0
    return gradient
