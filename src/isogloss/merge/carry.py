"""All that a model folder holds besides the weights that are merged."""

from __future__ import annotations

import shutil
from pathlib import Path

from isogloss.encode.folder import ModelFolder, read_json
from isogloss.merge.plan import Weights
from isogloss.merge.tensors import weight_files

_WEIGHTS = (
    ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".msgpack", ".h5", ".onnx", ".gguf",
    ".ot", ".tflite",
)  # fmt: skip
_OF_JOBS = ("merge.json", "grow.json", "training.json", "vocabulary.json")


def carry(folder: ModelFolder, weights: Weights, into: Path) -> list[str]:
    """Copy configuration, tokenizer, card and modules of a model.

    Other weights (of other formats, optimisers, adapters) are not what the merged model is, and
    folders that no module names are not part of it.

    Args:
        folder: the model.
        weights: the same; these files are written by the merge.
        into: an existing folder.

    Returns:
        What was left behind.
    """
    path = folder.path.resolve()
    merged = {file for part in weights.parts for file in weight_files(folder.path / part)}
    inside = {path, folder.body.resolve()}
    if (path / "modules.json").is_file():
        inside |= {
            (path / str(m.get("path", ""))).resolve() for m in read_json(path / "modules.json")
        }
    left = []
    for source in sorted(part for part in inside if part.is_dir()):
        target = into / source.relative_to(path)
        target.mkdir(parents=True, exist_ok=True)
        for file in sorted(source.iterdir()):
            if file.name.startswith(".") or file.resolve() in inside:
                continue
            if any(one.name == file.name and one.parent.resolve() == source for one in merged):
                continue
            if file.is_dir() or file.name.endswith(_WEIGHTS) or file.name in _OF_JOBS:
                left.append(str(file.relative_to(path)))
            else:
                shutil.copyfile(file, target / file.name)
    return left
