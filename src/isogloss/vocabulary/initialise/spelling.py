"""How a source vocabulary spells the tokens of another one, in their place in a word."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from isogloss.vocabulary.pieces import METASPACE, Pieces, byte_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def words_of(
    text: str, starts: bool, tokenizer: Tokenizer, pieces: Pieces
) -> list[tuple[str, bool]]:
    """What the tokenizer's normaliser makes of a token's text: words, and whether each begins one.

    The marks that it puts in are left out; a token of several words gives all. Byte-level
    vocabularies take texts as they are.
    """
    plain = text.replace(METASPACE, " ")
    if tokenizer.normalizer is not None and not pieces.byte_level:
        plain = tokenizer.normalizer.normalize_str(plain).replace(METASPACE, " ")
    return [(word, starts or i > 0) for i, word in enumerate(plain.split())]


def bytes_of(name: str, pieces: Pieces) -> bytes:
    """The bytes that a token of bytes stands for."""
    if (one := _BYTE.fullmatch(name)) is not None:
        return bytes([int(one[1], 16)])
    return bytes(byte_of()[c] for c in name) if pieces.byte_level else b""


def byte_pieces(pieces: Pieces) -> dict[int, int]:
    """The id of each byte that has a piece of its own."""
    found = {}
    for number, name in enumerate(pieces.names):
        if name is None or pieces.special[number]:
            continue
        if pieces.byte_level and len(name) == 1 and name in byte_of():
            found[byte_of()[name]] = number
        elif pieces.bytes[number] and (one := _BYTE.fullmatch(name)) is not None:
            found[int(one[1], 16)] = number
    return found


def cutter(tokenizer: Tokenizer, pieces: Pieces) -> Callable[[str, bool], list[int]]:
    """A function from a text, and whether it begins a word, to the ids the algorithm cuts it into.

    The algorithm alone is asked, without the steps before it, which would take every text for the
    begin of a word. Of a vocabulary that marks ends of words, whether it ends one.
    """
    whole, inside = tokenizer.model, _inside(tokenizer)
    letters = {byte: letter for letter, byte in byte_of().items()}
    marked = pieces.algorithm != "WordPiece" and any(
        name and name.startswith(METASPACE) and not pieces.special[number]
        for number, name in enumerate(pieces.names)
    )

    def cut(text: str, starts: bool) -> list[int]:
        model = whole if starts else inside
        if pieces.byte_level:
            spelt = (" " if starts else "") + text
            text = "".join(letters[byte] for byte in spelt.encode())
        elif marked and starts:
            text = METASPACE + text
        return [token.id for token in model.tokenize(text) if not pieces.special[token.id]]

    return cut


def _inside(tokenizer: Tokenizer):
    """The algorithm for what does not begin, or end, a word."""
    from tokenizers import Tokenizer

    state = json.loads(tokenizer.to_str())
    model = state["model"]
    if model["type"] == "WordPiece":
        prefix = model["continuing_subword_prefix"]
        vocabulary = {n.removeprefix(prefix): i for n, i in model["vocab"].items() if prefix in n}
        unknown = model["unk_token"]
        model |= {"vocab": vocabulary | {unknown: model["vocab"].get(unknown, 0)}}
        model |= {"continuing_subword_prefix": ""}
    elif model["type"] == "BPE" and model.get("end_of_word_suffix"):
        model |= {"end_of_word_suffix": None}
    else:
        return tokenizer.model
    kept = {"version": "1.0", "added_tokens": [], "model": model}
    empty = ("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder")
    return Tokenizer.from_str(json.dumps(kept | dict.fromkeys(empty))).model
