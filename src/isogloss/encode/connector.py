"""What stands between a multilingual encoder and a decoder that reads its states as words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.encode.folder import CONNECTED, ModelFolder, open_folder, read_object
from isogloss.errors import ModelError
from isogloss.files import write_json

ENCODER, DECODER, WEIGHTS = "encoder", "decoder", "connector.safetensors"


class Sizes(NamedTuple):
    """Of a connector.

    Attributes:
        columns: of the encoder's states.
        hidden: of the layer between.
        width: of the decoder's embeddings.
        layers: of the encoder that are read, the embeddings too; 0 for the last alone.
        pooling: of the decoder's states.
    """

    columns: int
    hidden: int
    width: int
    layers: int
    pooling: str


class Connector(nn.Module):
    """e_t = W_2 gelu(W_1 s_t + b_1) + b_2 of each state, and a row of its own behind each text.

    s_t is the encoder's last state of token t, or sum_l softmax(a)_l LN(h_lt) over its layers.

    Args:
        sizes: of everything.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.first = nn.Linear(sizes.columns, sizes.hidden)
        self.second = nn.Linear(sizes.hidden, sizes.width)
        self.end = nn.Parameter(torch.zeros(sizes.width))
        self.shares = nn.Parameter(torch.zeros(sizes.layers)) if sizes.layers else None

    def forward(
        self, last: torch.Tensor, every: Sequence[torch.Tensor] | None, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """States of right-padded texts to what a decoder reads.

        Args:
            last: `[n, t, C]`.
            every: of each layer `[n, t, C]`, where layers are read.
            mask: `[n, t]`.

        Returns:
            Embeddings `[n, t + 1, D]`, and where texts are `[n, t + 1]`.
        """
        states = last
        if self.shares is not None and every is not None:
            normed = [F.layer_norm(one, one.shape[-1:]) for one in every]
            states = sum(w * x for w, x in zip(self.shares.softmax(0), normed, strict=True))
        made = F.pad(self.second(F.gelu(self.first(states))), (0, 0, 0, 1))  # [n, t + 1, D]
        lengths = mask.sum(1, keepdim=True)  # [n, 1]
        places = torch.arange(made.shape[1], device=mask.device)
        made = torch.where((places == lengths)[..., None], self.end.to(made.dtype), made)
        return made, places <= lengths


def decoded(decoder: Any, rows: torch.Tensor, mask: torch.Tensor, *, layered: bool = False) -> Any:
    """What a decoder gives of embeddings `[n, t, D]`."""
    return decoder(
        inputs_embeds=rows, attention_mask=mask.long(), return_dict=True, use_cache=False,
        output_hidden_states=layered,
    )  # fmt: skip


def save_connected(folder: Path, connector: Connector, decoder: Path) -> None:
    """Make of the folder of an encoder that of both models and the connector between them.

    Args:
        folder: with the encoder's files.
        connector: what was learned.
        decoder: folder of the decoder, which is copied.
    """
    import shutil

    from safetensors.torch import save_file

    files = list(folder.iterdir())
    (folder / ENCODER).mkdir()
    for file in files:
        file.rename(folder / ENCODER / file.name)
    left = shutil.ignore_patterns("*.bin", "*.h5", "*.msgpack", "*.ot", "onnx", "openvino", ".git*")
    shutil.copytree(decoder, folder / DECODER, ignore=left)
    weights = {name: w.detach().cpu().contiguous() for name, w in connector.named_parameters()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    write_json(folder / CONNECTED, connector.sizes._asdict())


def load_connector(folder: Path) -> Connector:
    """The connector of a folder.

    Raises:
        ModelError: it is missing, cut short or of other sizes than the folder says.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        made = Connector(Sizes(**read_object(folder / CONNECTED)))
        made.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError, TypeError) as error:
        raise ModelError(f"its connector cannot be read: {error}", file=folder) from None
    return made.eval()


def check_decoder(folder: ModelFolder, window: int) -> None:
    """Refuse a model that cannot read what a connector gives.

    Raises:
        ModelError: it is no plain decoder, or its window is not longer than the encoder's.
    """
    from isogloss.encode.weights import is_decoder

    if folder.kind != "transformer.v1" or not is_decoder(folder.config):
        raise ModelError("is not a decoder", file=folder.path, remedy="give one such as Llama")
    own = folder.config.get("max_position_embeddings") or folder.config.get("n_positions")
    if isinstance(own, int) and own <= window:
        raise ModelError(
            f"reads {own} tokens, and the encoder with one row behind a text gives {window + 1}",
            file=folder.path, remedy="take an encoder with a shorter window",
        )  # fmt: skip


def open_decoder(folder: Path) -> ModelFolder:
    """The decoder in a folder of both."""
    return open_folder(folder / DECODER, f"{folder.name}/{DECODER}")
