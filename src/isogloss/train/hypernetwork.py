"""ZeTT: a hypernetwork that predicts the embeddings of any tokenizer's tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pydantic import Field
from torch import nn

from isogloss.encode.row_network import RowNetwork
from isogloss.errors import ModelError, UsageError, VectorError
from isogloss.files import atomic_folder, write_json
from isogloss.registry import register
from isogloss.settings import Settings, read_settings
from isogloss.vocabulary.initialise.rows import MADE, Help, Rows, Source, overlap
from isogloss.vocabulary.pieces import read_pieces
from isogloss.vocabulary.respell import respell

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_WEIGHTS, _ABOUT = "hypernetwork.safetensors", "hypernetwork.json"
_TOGETHER = 1024  # tokens predicted at a time


class Shape(Settings):
    """What a hypernetwork is built of.

    Attributes:
        columns: C of the table it reads and predicts; tables of an untied head count too.
        width: of its hidden states.
        layers: of its transformer.
        heads: of each attention.
        inner: of the feed-forward layers, as a multiple of the width.
        longest: pieces of a token that are read; the rest is in the mean alone.
        residual: whether it predicts what to add to the mean of the pieces, zero before training,
            or the whole row, as in the paper; that needs a warm-up and many more steps.
    """

    columns: int = Field(ge=1)
    width: int = Field(ge=2)
    layers: int = Field(default=3, ge=1)
    heads: int = Field(default=6, ge=1)
    inner: float = Field(default=2.0, gt=0)
    longest: int = Field(default=8, ge=1)
    residual: bool = True


class Hypernetwork(nn.Module):
    """row(t) = c + s * (mean of z(p_1) ... z(p_k) + W h_1), z(e) = (e - c) / s.

    p_1 ... p_k are the source's pieces of token t, z their source rows with every column at mean 0
    and deviation 1; h_1 is the state of p_1 in a transformer that reads z and learned positions. W
    is zero at first, so that an untrained network predicts the mean of the pieces, and of a token
    of one piece the very row of that piece. Without `residual` the mean is left out. A token of no
    pieces is an empty first position.

    Source: Minixhofer, Ponti and Vulić (2024), Zero-Shot Tokenizer Transfer, section 3.2; the mean
    of the pieces is ours, for few steps: it stands where the paper's warm-up ends.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.core = RowNetwork(
            shape.columns, shape.columns, shape.longest, width=shape.width, layers=shape.layers,
            heads=shape.heads, inner=shape.inner, still=shape.residual,
        )  # fmt: skip

    def forward(self, pieces: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        """Rows `[n, C]` from the pieces `[n, k]` of n tokens, -1 for none, and the source table."""
        there = pieces >= 0  # [n, k]
        scaled = self.core.scaled(table[pieces.clamp(min=0)]) * there[..., None]  # [n, k, C]
        absent = ~there[:, : self.shape.longest]
        absent[:, 0] = False  # a token of no pieces is read at its empty first place
        states = self.core(scaled[:, : self.shape.longest], absent)  # [n, k, width]
        row = self.core.leave(states[:, 0])  # [n, C]
        if self.shape.residual:
            row = row + scaled.sum(1) / there.sum(1).clamp(min=1)[:, None]
        return self.core.rows(row)


def padded_pieces(spelled: Sequence[Sequence[int]]) -> torch.Tensor:
    """Pieces of n tokens as `[n, k]`, -1 where there is none."""
    made = np.full((len(spelled), max([1, *map(len, spelled)])), -1, np.int64)
    for number, ids in enumerate(spelled):
        made[number, : len(ids)] = ids
    return torch.from_numpy(made)


def predict(network: Hypernetwork, source: Source, target: Tokenizer) -> Rows:
    """The rows of all tokens of a tokenizer, whether the network met one like it or not.

    Special tokens that the source has keep its rows; all others are predicted, shared ones too.
    Any model with the source's vocabulary can give the rows, such as one fine-tuned from the model
    that the network was trained on.

    Returns:
        `parts` counts the pieces; a token that the source spells with nothing has 0 of them, and
        the one row that the network learned for such tokens.

    Raises:
        VectorError: a source of another width than the network's.

    Source: Minixhofer, Ponti and Vulić (2024), section 3.2; fine-tuned models, section 4.
    """
    table = np.ascontiguousarray(source.rows, np.float32)
    if table.shape[1] != network.shape.columns:
        raise VectorError(
            f"rows of {table.shape[1]} columns; the hypernetwork predicts {network.shape.columns}",
            remedy="use one that was trained on this model, or on one it was fine-tuned from",
        )
    theirs, ours = read_pieces(target), read_pieces(source.tokenizer)
    spelled = respell(source.tokenizer, theirs)
    shared = overlap(ours, theirs)
    copied = theirs.special[shared.target]
    rows = np.empty((len(theirs), table.shape[1]), np.float32)
    tensor, training = torch.from_numpy(table), network.training
    network.eval()
    with torch.no_grad():
        for at in range(0, len(rows), _TOGETHER):
            part = padded_pieces(spelled[at : at + _TOGETHER])
            rows[at : at + _TOGETHER] = network(part, tensor).numpy()
    network.train(training)
    rows[shared.target[copied]] = table[shared.source[copied]]
    made = np.full(len(rows), MADE.index("predicted"), np.int8)
    made[shared.target[copied]] = MADE.index("copied")
    return Rows(rows, made, np.array([len(ids) for ids in spelled], np.int64))


@register("initialiser", "hypernetwork.v1")
def hypernetwork(
    source: Source, target: Tokenizer, help: Help, *, folder: str | Path | None = None
) -> Rows:
    """e_i = H(source rows of the pieces of token i), H trained before over sampled tokenizers.

    Needs no text of the target language and no training after. Prefer it where one model meets
    many tokenizers, or a tokenizer whose tokens mean more, or other things, than the mean of their
    pieces. Where H was trained on little text, compare it with mean.v1.

    Args:
        source: the embeddings of the model that H was trained on, or of one fine-tuned from it.
        target: the new tokenizer.
        help: not used.
        folder: a saved hypernetwork, see `save_hypernetwork`.

    Raises:
        UsageError: no folder.
        ModelError: a folder without a hypernetwork.
        VectorError: a source of another width than the network's.

    Source: Minixhofer, Ponti and Vulić (2024), Zero-Shot Tokenizer Transfer, section 3.
    """
    if folder is None:
        raise UsageError(
            "hypernetwork.v1 needs the folder of a trained hypernetwork",
            remedy="train one with the step hypernetwork.v1, as recipes/ZeTT.toml does",
        )
    return predict(load_hypernetwork(folder), source, target)


def save_hypernetwork(
    folder: str | Path, network: Hypernetwork, about: dict[str, Any] | None = None
) -> None:
    """Write `hypernetwork.safetensors` and `hypernetwork.json`, with what is to be told of it."""
    from safetensors.torch import save_file

    with atomic_folder(folder) as temporary:
        weights = {name: value.contiguous() for name, value in network.state_dict().items()}
        save_file(weights, temporary / _WEIGHTS)
        write_json(
            temporary / _ABOUT, {"shape": network.shape.model_dump(), "about": dict(about or {})}
        )


def load_hypernetwork(folder: str | Path) -> Hypernetwork:
    """What `save_hypernetwork` wrote.

    Raises:
        ModelError: not such a folder, or weights that are not those of its shape.
    """
    from safetensors.torch import load_file

    folder = Path(folder)
    if not (folder / _ABOUT).is_file() or not (folder / _WEIGHTS).is_file():
        raise ModelError(
            "holds no hypernetwork",
            file=folder,
            remedy="give the folder that the step hypernetwork.v1 left in files/",
        )
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        network = Hypernetwork(read_settings(Shape, about["shape"]))
        network.load_state_dict(load_file(folder / _WEIGHTS))
    except Exception as error:  # torch, safetensors, json and pydantic each raise their own
        raise ModelError(f"the hypernetwork cannot be read: {error}", file=folder) from error
    return network.eval()
