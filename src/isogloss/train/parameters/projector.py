"""A projection of a frozen model's vectors into the space of another frozen model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import nn

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.reading import Mean
from isogloss.train.student import Change, only

_PACKAGE = "sentence_transformers.models"
_ACTIVATION = {nn.ReLU: "torch.nn.modules.activation.ReLU"}
_NONE = "torch.nn.modules.linear.Identity"


@register("parameters", "projector.v1")
def projector(module: Body, *, width: int, hidden: int | None = None, seed: int = 0) -> Change:
    """v(text) = W_2 relu(W_1 m + b_1) + b_2 of the mean m of a frozen body's states; W and b learn.

    Without `hidden` it is one affine map. The encoder is read as it is used, without dropout. As it
    knows many languages and is not changed, text of the pivot alone, paired with another model's
    vectors of it (`targets` of the step, the mixture `pivot.v1`), is enough for its other languages
    to follow. The plain model that is saved is that of sentence-transformers with one or two dense
    modules behind the mean; what stood behind the body before is left out.
    Prefer it where the other model is fixed, such as what wrote an index, or the text side of a
    model of images, and there is no text in pairs of languages. `distil.v1` and `contrast.v1` with
    `full.v1` come nearer where there is.
    Source: uCLIP: Parameter-Efficient Multilingual Extension of Vision-Language Models with
    Unpaired Data (2025), its projector and anchors in the pivot; the projector of the first stage
    of LLINK, Languages are Modalities (2025), is one too.

    Args:
        module: how texts are read with the model.
        width: of the other model's vectors.
        hidden: width of the layer between.
        seed: of what it begins as.

    Raises:
        UsageError: a width below 1.
    """
    if width < 1 or (hidden is not None and hidden < 1):
        raise UsageError(f"a projector of width {width} and hidden {hidden}")
    torch.manual_seed(seed)
    columns = module.body.config.get_text_config().hidden_size
    layers: list[nn.Module] = (
        [nn.Linear(columns, width)] if hidden is None
        else [nn.Linear(columns, hidden), nn.ReLU(), nn.Linear(hidden, width)]
    )  # fmt: skip
    made = nn.Sequential(*layers)
    module.pooling = Mean(made)

    def more(folder: Path) -> None:
        _write(folder, layers)

    return Change(only(module, made.parameters()), more=more)


def _write(folder: Path, layers: list[nn.Module]) -> None:
    """Put dense modules behind the mean of a saved body, in place of what stood there."""
    from safetensors.torch import save_file

    for other in folder.glob("[0-9]_*"):
        shutil.rmtree(other)
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    (folder / "1_Pooling").mkdir()
    width = next(layer.in_features for layer in layers if isinstance(layer, nn.Linear))
    _json(folder / "1_Pooling" / "config.json",
          {"word_embedding_dimension": width, "pooling_mode_mean_tokens": True})  # fmt: skip
    for layer, then in zip(layers, [*layers[1:], None], strict=True):
        if not isinstance(layer, nn.Linear):
            continue
        place = f"{len(modules)}_Dense"
        modules.append((place, "Dense"))
        (folder / place).mkdir()
        about = {
            "in_features": layer.in_features, "out_features": layer.out_features, "bias": True,
            "activation_function": _ACTIVATION.get(type(then), _NONE),
        }  # fmt: skip
        _json(folder / place / "config.json", about)
        weights = {
            f"linear.{n}": w.detach().cpu().contiguous() for n, w in layer.named_parameters()
        }
        save_file(weights, folder / place / "model.safetensors", metadata={"format": "pt"})
    _json(folder / "modules.json", [
        {"idx": i, "name": str(i), "path": place, "type": f"{_PACKAGE}.{kind}"}
        for i, (place, kind) in enumerate(modules)
    ])  # fmt: skip


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
