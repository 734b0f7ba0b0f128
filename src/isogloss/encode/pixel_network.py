"""The network of Pixel-Fallback: patches of a word to one row of a model's embedding table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import nn

from isogloss.encode.fallback_words import Rule
from isogloss.encode.pixels import Renderer, read_renderer
from isogloss.encode.row_network import RowNetwork
from isogloss.errors import ModelError
from isogloss.files import write_json
from isogloss.settings import Settings, read_settings

WEIGHTS, ABOUT, FONTS = "pixel_fallback.safetensors", "pixel_fallback.json", "fonts"
_TOGETHER = 256  # words read at a time
_INK = 4 / 255  # little of a patch is ink: so its variance is about 1


class Shape(Settings):
    """What the network is built of.

    Attributes:
        inputs: points of a patch.
        columns: of the rows it gives, the width of the model's table.
        longest: patches of a word.
        width: of its hidden states.
        layers: of its transformer.
        heads: of each attention; they divide the width.
        inner: of the feed-forward layers, as a multiple of the width.
    """

    inputs: int = Field(ge=1)
    columns: int = Field(ge=1)
    longest: int = Field(ge=1)
    width: int = Field(default=384, ge=2)
    layers: int = Field(default=1, ge=1)
    heads: int = Field(default=6, ge=1)
    inner: float = Field(default=2.0, gt=0)


class FallbackNetwork(nn.Module):
    """row(w) = c + s * W mean_t h_t, h = transformer(P x_t + place_t), x_1 ... x_k patches of w.

    c and s are the mean and the deviation of every column of the model's table. W is zero at
    first, so that every word begins as the mean row.

    Source: Lotz, Salesky, Rust and Elliott (2025), Overcoming Vocabulary Constraints with
    Pixel-level Fallback: an encoder over patches of drawn text gives a pretrained model its input
    embeddings. One mean row a word, and the scale of the table, are ours.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.core = RowNetwork(
            shape.inputs, shape.columns, shape.longest, width=shape.width, layers=shape.layers,
            heads=shape.heads, inner=shape.inner, still=True,
        )  # fmt: skip

    def forward(self, patches: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Rows `[n, C]` from patches `[n, t, inputs]` uint8, of which `lengths` `[n]` are there."""
        there = torch.arange(patches.shape[1])[None] < lengths[:, None]  # [n, t]
        states = self.core(patches.float() * _INK, ~there)  # [n, t, width]
        mean = (states * there[..., None]).sum(1) / lengths[:, None]
        return self.core.rows(self.core.leave(mean))


def stack(drawn: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Patches of n words as `[n, t, inputs]`, zeros behind them, and how many each has."""
    lengths = [len(one) for one in drawn]
    padded = np.zeros((len(drawn), max(lengths), drawn[0][0].size), np.uint8)
    for row, one in zip(padded, drawn, strict=True):
        row[: len(one)] = one.reshape(len(one), -1)
    return torch.from_numpy(padded), torch.tensor(lengths)


def word_rows(network: FallbackNetwork, renderer: Renderer, words: Sequence[str]) -> torch.Tensor:
    """Rows `[n, C]` of words, each drawn once."""
    made = [torch.zeros(0, network.shape.columns)]
    with torch.inference_mode():
        for at in range(0, len(words), _TOGETHER):
            drawn = [renderer.draw(word) for word in words[at : at + _TOGETHER]]
            made.append(network(*stack(drawn)))
    return torch.cat(made)


def save_fallback(
    folder: Path, network: FallbackNetwork, renderer: Renderer, rule: Rule, about: dict[str, Any]
) -> None:
    """Write the network beside a model, with the words it is for and what draws them."""
    from safetensors.torch import save_file

    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    described = {
        "shape": network.shape.model_dump(),
        "words": rule.model_dump(mode="json"),
        "renderer": renderer.about(),
        "about": about,
    }
    write_json(folder / ABOUT, described)


def load_fallback(folder: Path) -> tuple[FallbackNetwork, Renderer, Rule]:
    """What `save_fallback` wrote; fonts may lie in `fonts` inside the folder.

    Raises:
        ModelError: weights that are not those of the shape, or what draws the words is not here.
        MissingExtra: Pillow is not installed.
    """
    from safetensors.torch import load_file

    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        network = FallbackNetwork(read_settings(Shape, about["shape"]))
        network.load_state_dict(load_file(folder / WEIGHTS))
        rule, drawn = read_settings(Rule, about["words"]), dict(about["renderer"])
    except Exception as error:  # torch, safetensors, json and pydantic each raise their own
        raise ModelError(f"the fallback cannot be read: {error}", file=folder) from error
    renderer = read_renderer(drawn, folder / FONTS)
    height, width = renderer.shape
    if height * width != network.shape.inputs or renderer.longest > network.shape.longest:
        raise ModelError("patches of another size than the network reads", file=folder / ABOUT)
    return network.eval(), renderer, rule
