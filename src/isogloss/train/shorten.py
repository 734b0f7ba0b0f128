"""A shorter model from a longer one: every k-th of its layers, the last among them."""

from __future__ import annotations

from typing import Any

from torch import nn

from isogloss.errors import ModelError, UsageError


def shorten(body: Any, every: int) -> list[int]:
    """Keep layers N, N - k, N - 2k ... of a model of transformers, in place.

    Its configuration follows, so that `save_pretrained` writes a plain folder of a shorter model.

    Args:
        body: with one stack of N layers, as encoders and decoders have.
        every: k; 1 keeps all.

    Returns:
        The kept layers in their order, counted from 1.

    Raises:
        UsageError: k below 1.
        ModelError: no stack of layers, several, or a first layer that has weights of its own kind.
    """
    if every < 1:
        raise UsageError(f"every {every}th layer cannot be kept", remedy="set every to 2 or more")
    config, base = body.config, body.base_model
    count = getattr(config, "num_hidden_layers", None)
    stacks = [
        (parent, name, child)
        for parent in base.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.ModuleList) and len(child) == count
    ]
    if len(stacks) != 1:
        raise ModelError(
            f"{len(stacks)} stacks of {count} layers, where one is shortened",
            file=getattr(body, "name_or_path", None),
            remedy="take an encoder or a decoder that transformers describes by num_hidden_layers",
        )
    [(parent, name, layers)] = stacks
    kept = list(range(len(layers), 0, -every))[::-1]
    for place, number in enumerate(kept):
        if layers[number - 1].state_dict().keys() != layers[place].state_dict().keys():
            raise ModelError(
                f"layer {number} has other weights than layer {place + 1}, whose place it "
                "would take",
                file=getattr(body, "name_or_path", None),
                remedy="take a model whose layers are alike, such as XLM-R",
            )
    setattr(parent, name, nn.ModuleList(layers[number - 1] for number in kept))
    for place, layer in enumerate(getattr(parent, name)):
        for module in layer.modules():
            if hasattr(module, "layer_idx"):  # of what a decoder keeps while it writes
                module.layer_idx = place
    for key, value in config.to_dict().items():
        if isinstance(value, list) and len(value) == count and key != "architectures":
            setattr(config, key, [value[number - 1] for number in kept])
    config.num_hidden_layers = len(kept)
    return kept
