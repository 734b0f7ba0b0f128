"""A body that trains: what of it may change, and how it is saved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from isogloss import registry
from isogloss.encode.folder import open_folder, read_object
from isogloss.encode.inserted.files import save_parts
from isogloss.encode.weights import load_tokenizer, quiet
from isogloss.train.body import Body
from isogloss.train.delta import save_delta
from isogloss.train.readers import Reader, sentences
from isogloss.vocabulary.save import special_roles

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_COPIED = ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json")


@dataclass(frozen=True)
class Change:
    """What may change of a body, as the loop and the saving need it.

    Attributes:
        groups: of the optimiser; what is in none is frozen.
        plain: called before the body is saved as a plain model; gives what undoes it.
        beside: writes into the folder of a delta what other programs read of it.
        places: of weights that change in part, by name, the flat places `[k]` that do.
        tokenizer: called before `plain`; gives the tokenizer that the plain model is saved with.
        more: writes into the folder of the plain model what stands behind its body.
    """

    groups: list[dict[str, Any]] = field(default_factory=list)
    plain: Callable[[], Callable[[], None]] | None = None
    beside: Callable[[Path], None] | None = None
    places: Mapping[str, torch.Tensor] = field(default_factory=dict)
    tokenizer: Callable[[Tokenizer], Tokenizer] | None = None
    more: Callable[[Path], None] | None = None


def only(module: Body, weights: Iterable[nn.Parameter]) -> list[dict[str, Any]]:
    """Freeze all but some weights and what begins here; each counts once.

    Returns:
        The optimiser's groups: one.
    """
    changing = list({id(weight): weight for weight in [*weights, *module.made]}.values())
    module.requires_grad_(False)
    for weight in changing:
        weight.requires_grad_(True)
    return [{"params": changing}]


class Student:
    """A body that trains, and how it is saved: the parameters of the loop.

    Args:
        folder: of the model that it began as.
        tokenizer: that goes with its rows.
        module: how texts are read with it.
        change: what may change.
    """

    def __init__(self, folder: Path, tokenizer: Tokenizer, module: Body, change: Change) -> None:
        self.folder, self.tokenizer, self.module, self.change = folder, tokenizer, module, change

    def groups(self) -> list[dict[str, Any]]:
        """Optimiser groups."""
        return self.change.groups

    def save(self, folder: Path) -> None:
        """Write a folder that `transformers` and `sentence_transformers` load unchanged.

        What was put into the body stands beside it, for `load_encoder`; they leave it out.
        """
        own = self.change.tokenizer
        tokenizer = own(self.tokenizer) if own else self.tokenizer
        undo = self.change.plain() if self.change.plain else None
        save_body(self.module.body, self.folder, tokenizer, folder)
        if len(inserted := self.module.inserted):
            save_parts(folder, self.module.body, inserted.parts, inserted)
        if self.change.more:
            self.change.more(folder)
        if undo:
            undo()

    def save_delta(self, folder: Path, base: str, parameters: Mapping[str, Any]) -> None:
        """Write what changed alone; `load_delta` puts it onto the model of fingerprint `base`."""
        about = {"base": base, "parameters": dict(parameters)}
        save_delta(folder, self.module, about, self.change.beside, self.change.places)


def student_of(
    name: str,
    folder: Path,
    tokenizer: Tokenizer,
    rows: np.ndarray | None = None,
    *,
    reader: Reader = sentences,
    tags: Sequence[str] = (),
    **settings: Any,
) -> Student:
    """The student that registered parameters make of a model.

    Args:
        name: of the parameters, such as `embeddings.v1`.
        folder: of the model.
        tokenizer: that goes with its rows.
        rows: `[new, d]` embedding rows of added tokens, appended to the table; none if the folder
            has a row for every token.
        reader: what texts are read for.
        tags: canonical, of the languages as batches number them, for modules of languages.
        settings: of the parameters.
    """
    module = reader(folder, tokenizer, rows)
    module.now.languages = tuple(tags)
    return Student(folder, tokenizer, module, registry.get("parameters", name)(module, **settings))


def save_body(body: Any, like: Path, tokenizer: Tokenizer, folder: Path) -> None:
    """Write a body and a tokenizer as the folder `like` has its own, with what stands around."""
    with quiet():
        body.save_pretrained(folder, safe_serialization=True)
    for name in _COPIED:
        if (like / name).is_file():
            shutil.copy2(like / name, folder / name)
    for module in like.glob("[0-9]_*"):
        shutil.copytree(module, folder / module.name)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(folder / "tokenizer.json"))
    about = like / "tokenizer_config.json"
    own = read_object(about) if about.is_file() else {}
    # Roles that the class of old folders implies are written, as the general class has none.
    roles = special_roles(load_tokenizer(open_folder(like, like.name, weights=False)))
    settings = {f"{role}_token": token for role, token in roles.items()} | own
    # The saved tokenizer.json is the truth; the slow class would read vocab.txt instead.
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    text = json.dumps(settings, ensure_ascii=False, indent=1) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")
