"""A changed model as a folder that `transformers` and `sentence-transformers` load unchanged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss.encode.folder import add_to_card, read_json
from isogloss.encode.weights import quiet
from isogloss.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from isogloss.vocabulary.surgery import Opened

_CARRIED = (
    "README.md", "LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE", "modules.json",
    "config_sentence_transformers.json", "sentence_bert_config.json", "chat_template.jinja",
    "chat_template.json", "preprocessor_config.json", "processor_config.json",
)  # fmt: skip
_OURS = "## Vocabulary"
_ANY = "PreTrainedTokenizerFast"


def write_model(
    opened: Opened, tokenizer: Tokenizer, settings: Mapping[str, Any], into: Path, line: str
) -> list[str]:
    """Write model, tokenizer, modules of sentence-transformers and card into an empty folder.

    Files of the old vocabulary (`vocab.txt`, `merges.txt`, `spiece.model` ...) and weights in other
    formats are not carried over.

    Args:
        opened: the changed model.
        tokenizer: its tokenizer.
        settings: of `tokenizer_config.json`.
        into: the folder.
        line: what was done, for the card.

    Returns:
        Notes: files left behind, and a tokenizer class that had to be given up.

    Raises:
        ModelError: transformers cannot save the model, or reads the tokenizer as another one.
    """
    path, body = opened.folder.path.resolve(), opened.folder.body.resolve()
    inside = into / body.relative_to(path)
    inside.mkdir(parents=True, exist_ok=True)
    left = _carry(opened, into, inside)
    _save_weights(opened, inside)
    notes = write_tokenizer(tokenizer, dict(settings), inside)
    add_to_card(into / "README.md", _OURS, line, "A model with another vocabulary")
    if left:
        notes.append(f"left behind, as they hold the old vocabulary or weights: {', '.join(left)}")
    return notes


def special_roles(wrapper: Any) -> dict[str, str]:
    """The tokens of a `transformers` tokenizer by role: `pad`, `bos`, `eos`, `unk`, `cls` ..."""
    return {
        role.removesuffix("_token"): str(token)
        for role, token in wrapper.special_tokens_map.items()
        if role.endswith("_token") and isinstance(token, str)
    }


def token_settings(opened: Opened, tokenizer: Tokenizer) -> dict[str, Any]:
    """`tokenizer_config.json` for a tokenizer that lost or gained tokens but keeps its roles."""
    file = opened.folder.body / "tokenizer_config.json"
    settings = dict(read_json(file)) if file.is_file() else {}
    roles = {f"{role}_token": name for role, name in special_roles(opened.wrapper).items()}
    return without_lost({**roles, **settings}, tokenizer)


def without_lost(settings: Mapping[str, Any], tokenizer: Tokenizer) -> dict[str, Any]:
    """Settings whose tables of added tokens have the tokenizer's ids, and only its tokens."""
    vocabulary = tokenizer.get_vocab()
    made = {
        key: value
        for key, value in settings.items()
        if not (key.endswith("_token") and isinstance(value, str | dict))
        or _content(value) in vocabulary
    }
    if old := made.pop("added_tokens_decoder", None):
        made["added_tokens_decoder"] = {
            str(vocabulary[token["content"]]): token
            for token in old.values()
            if token["content"] in vocabulary
        }
    for key in ("additional_special_tokens", "extra_special_tokens"):
        named = made.get(key)
        if isinstance(named, list):
            made[key] = [token for token in named if _content(token) in vocabulary]
        elif isinstance(named, dict):
            made[key] = {role: t for role, t in named.items() if _content(t) in vocabulary}
    return made


def _content(token: Any) -> str:
    return token["content"] if isinstance(token, dict) else str(token)


def _carry(opened: Opened, into: Path, inside: Path) -> list[str]:
    """Copy what says nothing of the vocabulary; the names of what is left behind."""
    path, body = opened.folder.path.resolve(), opened.folder.body.resolve()
    written = {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"}
    left = []
    for source, target in {path: into, body: inside}.items():
        for file in sorted(source.iterdir()):
            if file.name in _CARRIED and file.is_file():
                shutil.copyfile(file, target / file.name)
            elif file.is_file() and not (file.name in written or file.name.startswith(".")):
                left.append(str(file.relative_to(path)))
    if (path / "modules.json").is_file():
        for module in read_json(path / "modules.json"):
            folder = (path / str(module.get("path", ""))).resolve()
            if folder not in (path, body) and folder.is_dir():  # some modules keep nothing
                shutil.copytree(folder, into / folder.relative_to(path), dirs_exist_ok=True)
    return [name for name in left if not name.endswith((".safetensors", ".safetensors.index.json"))]


def _save_weights(opened: Opened, inside: Path) -> None:
    model = opened.model
    weights = {n: t for n, t in model.state_dict().items() if n not in opened.absent}
    with quiet():
        try:
            model.save_pretrained(inside, state_dict=weights)
        except ValueError as error:  # such as generation settings that contradict each other
            reason = str(error).strip().splitlines()[0]
            raise ModelError(
                f"transformers refuses to save the model: {reason}",
                file=opened.folder.body,
                remedy="mend config.json or generation_config.json",
            ) from error


def write_tokenizer(tokenizer: Tokenizer, settings: dict[str, Any], inside: Path) -> list[str]:
    """Write the tokenizer, under its own class where that reads it as it is."""
    tokenizer.save(str(inside / "tokenizer.json"))
    own = settings.get("tokenizer_class")
    for kind in dict.fromkeys((own or _ANY, _ANY)):
        settings["tokenizer_class"] = kind
        text = json.dumps(settings, ensure_ascii=False, indent=1) + "\n"
        (inside / "tokenizer_config.json").write_text(text, encoding="utf-8")
        if reads_alike(inside, tokenizer):
            if kind == (own or _ANY):
                return []
            return [
                f"the class {own} reads this tokenizer.json as another tokenizer; it is {_ANY} now"
            ]
    raise ModelError(
        "transformers would read the changed tokenizer as another one",
        remedy="its tokenizer_config.json asks for what tokenizer.json does not have",
    )


def reads_alike(folder: Path, tokenizer: Tokenizer) -> bool:
    """Whether `transformers` reads a folder's tokenizer as this one."""
    from transformers import AutoTokenizer

    with quiet():
        try:
            wrapper = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        except Exception:  # whatever a class does with files that it did not write
            return False
    found = getattr(wrapper, "backend_tokenizer", None)
    return found is not None and _state(found) == _state(tokenizer)


def _state(tokenizer: Tokenizer) -> dict[str, Any]:
    """What decides how text is cut; `transformers` sets truncation and padding itself.

    A template without special tokens, such as it adds where there is none, does nothing.
    """
    state = json.loads(tokenizer.to_str())
    around = state["post_processor"] or {}
    if around.get("type") == "TemplateProcessing" and not around["special_tokens"]:
        state["post_processor"] = None
    return {name: value for name, value in state.items() if name not in ("truncation", "padding")}
