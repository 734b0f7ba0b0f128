"""Tokens of one vocabulary spelled with those of another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from isogloss.vocabulary.initialise.rows import overlap
from isogloss.vocabulary.pieces import METASPACE, Pieces, byte_of, read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Identity = tuple[bool, str]
"""Whether a token begins a word, and its text; see `Pieces.identities`."""

_KEPT = 200_000  # spellings that are remembered


class Speller:
    """Spells text of a known place in a word with the tokens of one tokenizer.

    What begins a word is cut as the tokenizer cuts a word, what goes on as it cuts the rest of
    one: a WordPiece vocabulary spells `ing` with `ing` in one case and `##ing` in the other.
    Punctuation and the like, which the tokenizer never joins to what is before it, begins anew.

    Attributes:
        known: the id of each token that has a text.
        unknown: the id of the unknown token, or None.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.pieces = read_pieces(tokenizer)
        self.known: dict[Identity, int] = {}
        for number, key in enumerate(self.pieces.identities()):
            if key is not None:
                self.known.setdefault(key, number)
        self.unknown = self.pieces.unknown
        self._tokenizer = tokenizer
        self._begin, self._go_on = (_placed(tokenizer, begins) for begins in (True, False))
        self._word_piece = self.pieces.algorithm == "WordPiece"
        self._bytes = _byte_ids(self.pieces)
        self._spelled: dict[Identity, list[int]] = {}

    def spell(self, wanted: Sequence[Identity]) -> list[list[int]]:
        """The ids of each, in order; none for what the tokenizer's normaliser takes away."""
        if len(self._spelled) > _KEPT:
            self._spelled.clear()
        new = [key for key in dict.fromkeys(wanted) if key not in self._spelled]
        placed = {key: (self._begins(key), key[1]) for key in new}
        own = {key: self.known[at] for key, at in placed.items() if at in self.known}
        self._spelled |= {key: [number] for key, number in own.items()}
        for begins in (True, False):
            keys = [key for key in new if key not in own and placed[key][0] == begins]
            cut = (self._begin if begins else self._go_on).encode_batch_fast(
                [self._written(placed[key]) for key in keys], add_special_tokens=False
            )
            self._spelled |= {key: one.ids for key, one in zip(keys, cut, strict=True)}
        return [self._spelled[key] for key in wanted]

    def spell_bytes(self, values: Sequence[int]) -> list[int]:
        """The ids of single bytes; none where the vocabulary lacks one of them."""
        ids = [self._bytes.get(value) for value in values]
        return [] if None in ids else [i for i in ids if i is not None]

    def _begins(self, key: Identity) -> bool:
        begins, text = key
        if begins or not self._word_piece:
            return begins
        joined = f"a{text}"
        if self._tokenizer.normalizer:
            joined = self._tokenizer.normalizer.normalize_str(joined)
        if not self._tokenizer.pre_tokenizer:
            return False
        parts = self._tokenizer.pre_tokenizer.pre_tokenize_str(joined)
        return len(parts) > 1 and parts[0][0] == "a"

    def _written(self, key: Identity) -> str:
        begins, text = key
        if text == METASPACE:  # the bare mark of a word stands for white space
            text = ""
        # Byte-level vocabularies write the space before a word into its first token.
        return f" {text.removeprefix(' ')}" if begins and self.pieces.byte_level else text


def respell(source: Tokenizer | Speller, target: Tokenizer | Pieces) -> list[list[int]]:
    """The source ids that spell each target token, in order.

    Shared tokens are spelled by themselves, punctuation by that which begins anew, and text that
    the source does not know by its unknown token. Special tokens that the source lacks, bytes where
    it has none, and a bare mark of a word where it marks none are spelled by nothing.

    Source: Minixhofer, Ponti and Vulić (2024), Zero-Shot Tokenizer Transfer, section 3.2.
    """
    speller = source if isinstance(source, Speller) else Speller(source)
    theirs = target if isinstance(target, Pieces) else read_pieces(target)
    made: list[list[int]] = [[] for _ in range(len(theirs))]
    named = [(i, key) for i, key in enumerate(theirs.identities()) if key is not None]
    spelled = speller.spell([key for _, key in named])
    for (number, _), ids in zip(named, spelled, strict=True):
        made[number] = ids
    for number, name in enumerate(theirs.names):
        if theirs.bytes[number] and name is not None:
            made[number] = speller.spell_bytes(_values(name, theirs.byte_level))
    shared = overlap(speller.pieces, theirs)
    for number, own in zip(shared.target, shared.source, strict=True):
        if theirs.special[number] or theirs.bytes[number]:
            made[number] = [int(own)]
    return made


def _values(name: str, byte_level: bool) -> list[int]:
    """The bytes that a token of bytes stands for."""
    if byte_level:
        return [byte_of()[c] for c in name if c in byte_of()]
    return [int(name[3:5], 16)]


def _byte_ids(pieces: Pieces) -> dict[int, int]:
    """The id of each byte, where a vocabulary has bytes."""
    ids = {name: number for number, name in enumerate(pieces.names) if name is not None}
    if pieces.byte_level:
        return {value: ids[c] for c, value in byte_of().items() if c in ids}
    return {
        value: number
        for value in range(256)
        if (number := ids.get(f"<0x{value:02X}>")) is not None and pieces.bytes[number]
    }


def _placed(tokenizer: Tokenizer, begins: bool) -> Tokenizer:
    """A copy that takes the beginning of a text for that of a word, or for the middle of one."""
    from tokenizers import Tokenizer

    state = json.loads(tokenizer.to_str())
    state |= {"truncation": None, "padding": None}
    for part in ("normalizer", "pre_tokenizer"):
        state[part] = _marked(state[part], begins)
    model = state["model"]
    prefix = model.get("continuing_subword_prefix")
    if model["type"] == "WordPiece" and not begins:
        inside = {n: i for n, i in model["vocab"].items() if n.startswith(prefix)}
        special = {t["content"] for t in state["added_tokens"]} | {model["unk_token"]}
        kept = {n: i for n, i in model["vocab"].items() if n in special}
        model["vocab"] = {n.removeprefix(prefix): i for n, i in inside.items()} | inside | kept
    return Tokenizer.from_str(json.dumps(state))


def _marked(part: dict[str, Any] | None, begins: bool) -> dict[str, Any] | None:
    """A normaliser or pre-tokenizer that marks the beginning of the text as a word's, or not."""
    if part is None or (part["type"] == "Prepend" and not begins):
        return None
    part = dict(part)
    for inner in ("normalizers", "pretokenizers"):
        if inner in part:
            parts = [_marked(one, begins) for one in part[inner]]
            part[inner] = [one for one in parts if one is not None]
    if part["type"] == "Metaspace":
        part["prepend_scheme"] = "always" if begins else "never"
    if part["type"] == "ByteLevel":
        part["add_prefix_space"] = False
    return part
