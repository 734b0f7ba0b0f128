"""Vectors of the words that a batch links, from vectors of their tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch

from isogloss.errors import UsageError

Whole = Literal["first", "last", "mean"]
"""What stands for a word of several tokens: its first, its last, or the mean of all."""
_BASE = 1_000_003


def output_of(layer: int | None) -> tuple[str, ...]:
    """The output that holds the states of a layer; None is the last."""
    return ("states",) if layer is None else ("layer_states",)


def states_of(outputs: Mapping[str, torch.Tensor], layer: int | None) -> torch.Tensor:
    """The states `[tokens, d]` of a layer.

    Raises:
        UsageError: a layer that the model has not.
    """
    if layer is None:
        return outputs["states"]
    every = outputs["layer_states"]
    if not -len(every) <= layer < len(every):
        raise UsageError(
            f"there is no layer {layer}; the model has 0, its embeddings, to {len(every) - 1}",
            remedy="set layer to one of these",
        )
    return every[layer]


def linked_words(
    states: torch.Tensor, batch: Mapping[str, Any], whole: Whole
) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors of the two words of each link: twice `[k, d]`.

    Args:
        states: `[..., tokens, d]`.
        batch: columns `links` `[k, 3]` of the first tokens of words, and for words of several
            tokens `word` `[tokens]`, which word of its text a token belongs to.
        whole: what stands for a word.
    """
    at = _places(batch)
    if whole == "first":
        return states[..., at[0], :], states[..., at[1], :]
    number, counts = _words(batch)
    if whole == "last":
        last = counts.cumsum(0) - 1  # [words]
        return states[..., last[number[at[0]]], :], states[..., last[number[at[1]]], :]
    shape = (*states.shape[:-2], len(counts), states.shape[-1])
    means = states.new_zeros(shape).index_add(-2, number, states) / counts[:, None]
    return means[..., number[at[0]], :], means[..., number[at[1]], :]


def linked_equal(batch: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Which links have the same first word, and which the same second: twice `[k, k]`."""
    number, counts = _words(batch)
    start = counts.cumsum(0) - counts  # [words]
    place = torch.arange(len(number), device=number.device) - start[number]
    # Spellings as numbers, by a polynomial of the ids that wraps around.
    powers = torch.tensor([pow(_BASE, n, 2**61 - 1) for n in range(int(counts.max()))])
    terms = (batch["ids"] + 1) * powers.to(number.device)[place]
    spelled = torch.zeros_like(counts).index_add(0, number, terms)
    first, second = (spelled[number[at]] for at in _places(batch))
    return first[:, None] == first, second[:, None] == second


def _places(batch: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the first tokens of linked words stand among all tokens: twice `[k]`."""
    row, first, second = batch["links"].T
    offsets = batch["offsets"]
    size = len(offsets) // int(batch["views"])
    return offsets[row] + first, offsets[size + row] + second


def _words(batch: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """The word among all words of the batch that each token belongs to, and tokens of each word."""
    word = batch["word"]
    begins = torch.ones_like(word, dtype=torch.bool)
    begins[1:] = word[1:] != word[:-1]
    begins[batch["offsets"][batch["offsets"] < len(word)]] = True
    number = begins.cumsum(0) - 1  # [tokens]
    return number, torch.bincount(number)
