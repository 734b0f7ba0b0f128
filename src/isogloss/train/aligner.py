"""The weights of a supervised word aligner beside its model, written and read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import nn

from isogloss import registry
from isogloss.errors import ModelError, UnknownName
from isogloss.files import write_json

_WEIGHTS, _ABOUT = "word_aligner.safetensors", "word_aligner.json"


def save_aligner(folder: Path, name: str, objective: nn.Module) -> None:
    """Write an objective's weights into a model's folder, where `transformers` does not see them.

    Args:
        folder: of the model.
        name: that the objective is registered under.
        objective: with its weights.
    """
    from safetensors.torch import save_file

    weights = {key: value.detach().contiguous() for key, value in objective.state_dict().items()}
    save_file(weights, folder / _WEIGHTS)
    write_json(folder / _ABOUT, {"objective": name})


def load_aligner(folder: Path, module: Any) -> Any:
    """The objective that lies beside a model, for that model's module.

    Raises:
        ModelError: there is none, or it is of another width.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        objective = registry.get("objective", about["objective"])()
        objective.begin(module)
        objective.load_state_dict(load_file(folder / _WEIGHTS))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError, UnknownName):
        raise ModelError(
            f"no word aligner lies beside the model: {_ABOUT} and {_WEIGHTS}", file=folder,
            remedy="name a step train.v1 with the objective binary_links.v1 or span_links.v1",
        ) from None  # fmt: skip
    return objective.eval()
