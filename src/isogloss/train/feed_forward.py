"""The feed-forward neurons of a body: where they stand, when they fire, what happens without them.

A neuron is one number of a feed-forward layer, act(w_j x) or act(w_j x) (v_j x), which leads out by
a column of another matrix.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from isogloss.errors import ModelError, UsageError
from isogloss.train.batch import stack_texts
from isogloss.train.body import TOGETHER, Body

# What leads into neurons, what goes through the activation first, and what leads out.
_NAMES = (
    (("intermediate.dense",), "output.dense"),  # BERT, RoBERTa, XLM-R, ELECTRA
    (("lin1",), "lin2"),  # DistilBERT, XLM
    (("gate_proj", "up_proj"), "down_proj"),  # Llama, Mistral, Qwen, Gemma
    (("gate_up_proj",), "down_proj"),  # Phi-3, GLM
    (("Wi",), "Wo"),  # ModernBERT
    (("c_fc",), "c_proj"),  # GPT-2
    (("dense_h_to_4h",), "dense_4h_to_h"),  # BLOOM, GPT-NeoX
    (("fc1",), "fc2"),  # OPT, XGLM, BART, M2M-100
)


class FeedForward(NamedTuple):
    """One layer of neurons.

    Attributes:
        inward: modules that lead into them; what the first gives goes through the activation. A
            module that gives twice as many numbers as there are neurons gives these first.
        outward: the module that leads out.
        size: neurons.
    """

    inward: tuple[Any, ...]
    outward: Any
    size: int


def feed_forwards(body: nn.Module) -> list[FeedForward]:
    """The feed-forward layers of a model of transformers, in its order.

    Raises:
        ModelError: it has none that is known.
    """
    found = []
    for _, module in body.named_modules():
        for inward, outward in _NAMES:
            parts = [_inside(module, name) for name in (*inward, outward)]
            if all(isinstance(getattr(part, "weight", None), nn.Parameter) for part in parts):
                *first, last = parts
                found.append(FeedForward(tuple(first), last, _matrix(last).shape[1]))
                break
    if not found:
        raise ModelError(
            f"{type(body).__name__} has no feed-forward layers that are known",
            remedy="take a model such as BERT, ModernBERT, GPT-2 or Llama",
        )
    return found


def _inside(module: nn.Module, name: str) -> Any:
    for part in name.split("."):
        module = getattr(module, part, None)  # ty: ignore[invalid-assignment]
    return module


def _matrix(module: Any) -> torch.Tensor:
    """A module's weight as `[out, in]`; GPT-2 has it the other way round."""
    return module.weight.T if type(module).__name__ == "Conv1D" else module.weight


def neuron_places(module: Body, neurons: Sequence[tuple[int, int]]) -> dict[str, torch.Tensor]:
    """Where the weights of neurons stand: by name of a weight, flat places `[k]`, rising.

    These are the rows that lead into a neuron with their biases, and the column that leads out.

    Args:
        module: how texts are read with the model.
        neurons: layer and number of each.

    Raises:
        UsageError: a neuron that the model has not.
    """
    layers = feed_forwards(module.body)
    of: dict[int, list[int]] = {}
    for layer, number in neurons:
        if not (0 <= layer < len(layers) and 0 <= number < layers[layer].size):
            raise UsageError(
                f"there is no neuron {number} in a layer {layer}",
                remedy=f"there are {len(layers)} layers of {layers[0].size} neurons, from 0 on",
            )
        of.setdefault(layer, []).append(number)
    names = {id(weight): name for name, weight in module.named_parameters()}
    found: dict[str, torch.Tensor] = {}
    for layer, numbers in sorted(of.items()):
        inward, outward, size = layers[layer]
        own = torch.tensor(sorted(set(numbers)))
        for part in inward:
            count = _matrix(part).shape[0] // size  # 2 where two matrices are one
            rows = torch.cat([own + number * size for number in range(count)])
            found[names[id(part.weight)]] = _flat(part, rows, 0)
            if part.bias is not None:
                found[names[id(part.bias)]] = rows
        found[names[id(outward.weight)]] = _flat(outward, own, 1)
    return found


def _flat(module: Any, lines: torch.Tensor, dimension: int) -> torch.Tensor:
    """Flat places of rows (0) or columns (1) of a module's `[out, in]`, in its own order."""
    order = torch.arange(module.weight.numel()).view(module.weight.shape)
    order = order.T if type(module).__name__ == "Conv1D" else order
    return order.index_select(dimension, lines).ravel().sort().values


def firing_shares(
    module: Body, texts: Mapping[str, Sequence[np.ndarray]], size: int = TOGETHER
) -> list[np.ndarray]:
    """Of the tokens of each language those that each neuron fires for: act(w_j x) > 0.

    ReLU, GELU and SiLU are over 0 where what goes in is, so that is what is looked at. What stands
    around a text is not counted. Nothing but counts is kept.

    Args:
        module: how texts are read with the model.
        texts: by language, ids `[tokens]` without what stands around a text, which the model's
            window holds.
        size: texts that are read at once.

    Returns:
        For each layer `[neurons, languages]`, float64.

    Raises:
        ModelError: layers that are not known.
        UsageError: a language without text.
    """
    layers = feed_forwards(module.body)
    found = [np.zeros((layer.size, len(texts))) for layer in layers]
    for language, (tag, rows) in enumerate(texts.items()):
        fired = [torch.zeros(layer.size) for layer in layers]
        hooks = [
            layer.inward[0].register_forward_hook(partial(_count, reader=module, into=into))
            for layer, into in zip(layers, fired, strict=True)
        ]
        try:
            tokens = _read(module, tag, rows, size)
        finally:
            for hook in hooks:
                hook.remove()
        if not tokens:
            raise UsageError(f"there is no text of {tag}", remedy="leave the language out")
        for into, counts in zip(found, fired, strict=True):
            into[:, language] = counts.double().numpy() / tokens
    return found


def _read(module: Body, tag: str, rows: Sequence[np.ndarray], size: int) -> int:
    """Read all texts for the hooks' sake; how many tokens they have."""
    training = module.training
    module.eval()
    device = next(module.parameters()).device
    with torch.no_grad():
        for start in range(0, len(rows), size):
            some = rows[start : start + size]
            module(stack_texts([some], [[tag] * len(some)]).to(device))
    module.train(training)
    return sum(map(len, rows))


def _count(
    module: nn.Module, inputs: Any, output: Any, *, reader: Body, into: torch.Tensor
) -> None:
    assert reader.now.mask is not None, "the body is read by the reader"
    mask, (before, behind) = reader.now.mask.clone(), map(len, reader.ends)  # [n, t]
    if output.numel() != mask.numel() * output.shape[-1]:  # experts see some of the tokens each
        raise ModelError(f"{type(module).__name__} does not read all tokens of all texts")
    output = output.view(*mask.shape, -1)  # OPT has one row after the other
    places = torch.arange(mask.shape[1], device=mask.device)
    mask &= (places >= before) & (places < mask.sum(1, keepdim=True) - behind)
    into += (output[..., : len(into)][mask.to(output.device)] > 0).sum(0).to(into)


@contextmanager
def switched_off(body: nn.Module, neurons: Iterable[tuple[int, int]]) -> Generator[None]:
    """Inside the block, what these neurons give is 0, whatever goes in.

    Source: the deactivation of Tang et al. (2024), Language-Specific Neurons.

    Args:
        body: a model of transformers.
        neurons: layer and number of each.
    """
    layers = feed_forwards(body)
    of: dict[int, list[int]] = {}
    for layer, number in neurons:
        of.setdefault(layer, []).append(number)
    hooks = [
        layers[layer].outward.register_forward_pre_hook(partial(_silence, numbers=numbers))
        for layer, numbers in of.items()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _silence(module: nn.Module, inputs: tuple[Any, ...], *, numbers: list[int]) -> Any:
    given = inputs[0].clone()
    given[..., numbers] = 0
    return (given, *inputs[1:])
