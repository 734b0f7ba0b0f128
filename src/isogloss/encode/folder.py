"""A model folder: what kind it is, and what its own files say about how to use it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from isogloss.errors import ModelError
from isogloss.files import fingerprint, sha256_file

CONNECTED = "connected.json"
_DESCRIBING = {
    "added_tokens.json",
    "config.json",
    "connected.json",
    "inserted.json",
    "merges.txt",
    "modules.json",
    "pixel_fallback.json",
    "sentence_bert_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
}
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.msgpack", "*.h5")
_POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_lasttoken": "last",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_weightedmean_tokens": "weighted",
}
_POOLING_NAMES = {
    "cls": "cls",
    "lasttoken": "last",
    "mean": "mean",
    "weightedmean": "weighted",
}


@dataclass(frozen=True)
class ModelFolder:
    """A folder that holds a model.

    Attributes:
        name: as the user gave it.
        path: the folder.
        body: the folder of the weights, mostly `path` itself.
        kind: the registered encoder that reads it.
        config: `config.json`; empty for static vectors.
        pooling: the pooling its modules name, or None.
        max_length: the window its modules name, or None.
        lower: whether texts are lower-cased first.
        prompt: what is put before every text.
        dense: folders of dense modules applied to the pooled vector, in order.
        fingerprint: 16 hex digits over weights, tokenizer and configuration.
        licence: as the model card states it, or None.
    """

    name: str
    path: Path
    body: Path
    kind: str
    config: dict[str, Any]
    fingerprint: str
    licence: str | None = None
    pooling: str | None = None
    max_length: int | None = None
    lower: bool = False
    prompt: str = ""
    dense: tuple[Path, ...] = field(default=())


def open_folder(path: Path, name: str, *, weights: bool = True) -> ModelFolder:
    """Read what a model folder says about itself; loads no weights.

    Args:
        path: the folder.
        name: as the user gave it.
        weights: whether there must be some. Without, the folder may hold a tokenizer alone, and
            the fingerprint is empty.

    Raises:
        ModelError: not a model, only pickled weights, or modules that we do not know.
    """
    if (path / CONNECTED).is_file():
        return _connected(path, name, weights=weights)
    modules = read_json(path / "modules.json") if (path / "modules.json").is_file() else None
    about: dict[str, Any] = {"kind": "transformer.v1", "body": path}
    if modules is not None:
        about = _read_modules(path, modules)
    elif not (path / "config.json").is_file() and (weights or not _has_tokenizer(path)):
        raise ModelError(
            "not a model folder: it has neither config.json nor modules.json",
            file=path,
            remedy="give the folder that save_pretrained or SentenceTransformer.save wrote",
        )
    body = about["body"]
    config: dict[str, Any] = {}
    if about["kind"] == "transformer.v1":
        if (body / "config.json").is_file():
            config = read_object(body / "config.json")
        elif weights:
            raise ModelError("the model has no config.json", file=body)
    if about["kind"] == "transformer.v1" and (path / "pixel_fallback.json").is_file():
        about["kind"] = "pixel_fallback.v1"
    elif about["kind"] == "transformer.v1" and (body / "inserted.json").is_file():
        about["kind"] = "inserted.v1"
    if weights:
        _check_weights(body)
    return ModelFolder(
        name=name,
        path=path,
        config=config,
        fingerprint=fingerprint_folder(path) if weights else "",
        licence=read_licence(path / "README.md"),
        **about,
    )


def _connected(path: Path, name: str, *, weights: bool) -> ModelFolder:
    """A folder of an encoder, a decoder and what is between: the encoder's, for texts."""
    inner = open_folder(path / "encoder", name, weights=weights)
    if inner.kind != "transformer.v1":
        raise ModelError("its encoder is no transformer", file=path / "encoder")
    return replace(
        inner, path=path, kind="connected.v1", pooling=None, dense=(),
        fingerprint=fingerprint_folder(path) if weights else "",
        licence=read_licence(path / "README.md"),
    )  # fmt: skip


def refuse_kinds(folder: ModelFolder, refused: Mapping[str, tuple[str, str]]) -> None:
    """Refuse folders of some kinds: what each is, and what to do instead.

    Raises:
        ModelError: the folder is of one of them.
    """
    if folder.kind in refused:
        what, remedy = refused[folder.kind]
        raise ModelError(what, file=folder.path, remedy=remedy)


def _has_tokenizer(path: Path) -> bool:
    return any((path / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json"))


def fingerprint_folder(path: Path) -> str:
    """16 hex digits over the bytes of weights, tokenizer and configuration in a folder."""
    files = [
        file
        for file in sorted(path.rglob("*"))
        if (file.suffix in (".safetensors", ".model") or file.name in _DESCRIBING)
        and not {"onnx", "openvino"} & set(file.relative_to(path).parts[:-1])
    ]
    return fingerprint([[str(f.relative_to(path)), sha256_file(f)] for f in files])


def read_json(path: Path) -> Any:
    """A JSON file of a model folder.

    Raises:
        ModelError: it cannot be read as JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise ModelError(f"cannot be read as JSON: {error}", file=path, line=line) from error


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object that a file of a model folder holds.

    Raises:
        ModelError: it cannot be read as JSON, or holds something else.
    """
    found = read_json(path)
    if not isinstance(found, dict):
        raise ModelError(
            "is not a JSON object", file=path, remedy="copy it again from where the model is from"
        )
    return found


def _read_modules(path: Path, modules: list[dict[str, Any]]) -> dict[str, Any]:
    """The list of a sentence-transformers folder, read in order."""
    readers: dict[str, Callable[[Path], dict[str, Any]]] = {
        "Transformer": _read_transformer,
        "StaticEmbedding": lambda folder: {"kind": "static.v1", "body": folder, "pooling": "mean"},
        "Pooling": _read_pooling,
        "Normalize": lambda folder: {},
        "Dense": lambda folder: {},
    }
    about: dict[str, Any] = {"dense": ()}
    for i, module in enumerate(modules):
        kind = str(module.get("type", ""))
        short = kind.rpartition(".")[2]
        first = short in ("Transformer", "StaticEmbedding")
        if (
            not kind.startswith("sentence_transformers.")
            or short not in readers
            or first != (i == 0)
        ):
            raise ModelError(
                f"module {i} is {kind!r}, which we do not read in this place",
                file=path / "modules.json",
                remedy="modules read: Transformer or StaticEmbedding first, then Pooling, Dense, "
                "Normalize; or give the folder of the transformer alone",
            )
        folder = (path / str(module.get("path", ""))).resolve()
        if not folder.is_relative_to(path.resolve()):
            raise ModelError(
                f"module {i} lies outside the model folder: {module['path']}",
                file=path / "modules.json",
            )
        about |= readers[short](folder)
        if short == "Dense":
            about["dense"] += (folder,)
    if not about.get("pooling"):
        raise ModelError("no Pooling module follows the Transformer", file=path / "modules.json")
    prompts = path / "config_sentence_transformers.json"
    if prompts.is_file():
        settings = read_json(prompts)
        default = settings.get("default_prompt_name")
        about["prompt"] = (settings.get("prompts") or {}).get(default, "") if default else ""
    return about


def _read_transformer(folder: Path) -> dict[str, Any]:
    about: dict[str, Any] = {"kind": "transformer.v1", "body": folder}
    file = folder / "sentence_bert_config.json"
    if file.is_file():
        settings = read_object(file)
        about["max_length"] = settings.get("max_seq_length")
        about["lower"] = bool(settings.get("do_lower_case"))
    return about


def _read_pooling(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    settings = read_object(file)
    mode = settings.get("pooling_mode")
    if mode is None:
        modes = [name for flag, name in _POOLING_FLAGS.items() if settings.get(flag)] or ["mean"]
    else:
        listed = [mode] if isinstance(mode, str) else list(mode)
        modes = [_POOLING_NAMES.get(name, name) for name in listed]
    if len(modes) != 1 or modes[0] not in _POOLING_NAMES.values():
        raise ModelError(
            f"pooling {' + '.join(modes)} is not one we read",
            file=file,
            remedy=f"known: {', '.join(_POOLING_NAMES.values())}",
        )
    return {"pooling": modes[0]}


def _check_weights(body: Path) -> None:
    if any(body.glob("*.safetensors")):
        return
    pickled = sorted(file.name for pattern in _PICKLED for file in body.glob(pattern))
    if pickled:
        raise ModelError(
            f"only pickled weights ({', '.join(pickled)}); unpickling can run any code, so they "
            "are not read",
            file=body / pickled[0],
            remedy="where you trust them, convert once: load with transformers and "
            "save_pretrained(folder), which writes model.safetensors",
        )
    raise ModelError("no weights: there is no .safetensors file", file=body)


def read_licence(card: Path) -> str | None:
    """The licence that a model card states."""
    if not card.is_file():
        return None
    text = card.read_text(encoding="utf-8", errors="replace")
    front = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    found = re.search(r"^license:\s*['\"]?([^'\"\n]+)", front[1], re.MULTILINE) if front else None
    return found[1].strip() if found else None


def add_to_card(card: Path, heading: str, line: str, title: str) -> None:
    """Say in a model card what was done; a card that is there keeps all it says.

    Args:
        card: `README.md`, which need not exist.
        heading: of the section that the line ends.
        line: what was done.
        title: of the card, where there is none.
    """
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    if not text:
        text = f"---\ntags: [isogloss]\n---\n# {title}\n"
    if heading not in text:
        text = f"{text.rstrip()}\n\n{heading}\n"
    card.write_text(f"{text.rstrip()}\n\n{line}\n", encoding="utf-8")
