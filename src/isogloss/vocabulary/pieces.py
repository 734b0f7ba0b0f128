"""What the tokens of a tokenizer stand for: text, where in a word, or none of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
METASPACE = "▁"


@dataclass(frozen=True)
class Pieces:
    """The tokens of a vocabulary by id.

    Attributes:
        names: as the vocabulary spells them; None for an id that no token has.
        texts: what each stands for, without the mark of where it is in a word; None for special
            tokens, bytes that are no whole characters, and ids that no token has.
        starts: `[V]` whether it begins a word; of a vocabulary that marks ends of words
            (`ends_marked`), whether it ends one.
        special: `[V]` whether it is a special token.
        bytes: `[V]` whether it stands for bytes that are no whole characters.
        algorithm: `WordPiece`, `BPE`, `Unigram` or `WordLevel`.
        byte_level: whether names spell bytes.
        ends_marked: whether the vocabulary marks where words end (`</w>`).
        unknown: the id of the unknown token, if there is one.
    """

    names: tuple[str | None, ...]
    texts: tuple[str | None, ...]
    starts: np.ndarray
    special: np.ndarray
    bytes: np.ndarray
    algorithm: str
    byte_level: bool
    ends_marked: bool
    unknown: int | None = None

    def __len__(self) -> int:
        return len(self.names)

    def identities(self) -> list[tuple[bool, str] | None]:
        """What makes tokens of two vocabularies the same: begins a word, and its text."""
        return [
            None if text is None else (bool(start), text)
            for text, start in zip(self.texts, self.starts, strict=True)
        ]


def read_pieces(tokenizer: Tokenizer) -> Pieces:
    """The tokens of a fast tokenizer, of whatever algorithm.

    Raises:
        ModelError: two tokens with one id.
    """
    state = json.loads(tokenizer.to_str())
    model = state["model"]
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    size = max(vocabulary.values(), default=-1) + 1
    names: list[str | None] = [None] * size
    for name, number in vocabulary.items():
        if names[number] is not None:
            raise ModelError(f"the tokens {names[number]!r} and {name!r} have one id, {number}")
        names[number] = name
    special = np.zeros(size, bool)
    added = {token["id"]: token for token in state.get("added_tokens") or []}
    for number, token in added.items():
        special[number] = token["special"]
    unknown = vocabulary.get(unknown_name(model) or "")
    if unknown is not None and model["type"] in ("WordPiece", "Unigram", "BPE"):
        special[unknown] = True
    byte_level = _has(state, "ByteLevel")
    suffix = model.get("end_of_word_suffix") or ""
    prefix = model.get("continuing_subword_prefix") or ""
    texts: list[str | None] = []
    starts, raw = np.zeros(size, bool), np.zeros(size, bool)
    for number, name in enumerate(names):
        text: str | None = name
        if name is None or special[number]:
            text = None
        elif number in added:  # found in the text as it is
            starts[number] = True
        elif byte_level:
            text = _from_bytes(name)
            raw[number] = text is None
            starts[number] = text is not None and text.startswith(" ")
            text = text if text is None or text == " " else text.removeprefix(" ")
        elif model.get("byte_fallback") and _BYTE.fullmatch(name):
            text, raw[number] = None, True
        elif suffix:
            starts[number] = name.endswith(suffix)
            text = name.removesuffix(suffix)
        elif prefix:
            starts[number] = not name.startswith(prefix)
            text = name.removeprefix(prefix)
        else:
            starts[number] = name.startswith(METASPACE)
            text = name if name == METASPACE else name.removeprefix(METASPACE)
        texts.append(text)
    return Pieces(
        tuple(names), tuple(texts), starts, special, raw, model["type"], byte_level, bool(suffix),
        unknown,
    )  # fmt: skip


def unknown_name(model: dict[str, Any]) -> str | None:
    """The name of the unknown token."""
    if model["type"] == "Unigram":
        number = model.get("unk_id")
        return None if number is None else model["vocab"][number][0]
    return model.get("unk_token")


def _has(state: dict[str, Any], kind: str) -> bool:
    """Whether a pre-tokenizer or decoder of this kind is anywhere in a tokenizer's state."""
    parts = [state.get("pre_tokenizer"), state.get("decoder"), state.get("normalizer")]
    return any(f'"type": "{kind}"' in json.dumps(part) for part in parts if part)


def _from_bytes(name: str) -> str | None:
    """What a byte-level name spells; None where its bytes are no whole characters."""
    table = byte_of()
    try:
        return bytes(table[c] for c in name).decode("utf-8")
    except (KeyError, UnicodeDecodeError):
        return None


@cache
def byte_of() -> dict[str, int]:
    """The byte that each character of a byte-level vocabulary stands for.

    Printable characters of Latin-1 stand for themselves, the other bytes, in order, for those from
    U+0100 on.
    Source: Radford et al. (2019), Language Models are Unsupervised Multitask Learners, section 2.2.
    """
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in set(plain)]
    return {chr(b): b for b in plain} | {chr(256 + i): b for i, b in enumerate(others)}
