"""A way to cut texts into tokens, whatever it is: what an audit asks of every tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogloss.errors import ModelError
from isogloss.files import fingerprint
from isogloss.vocabulary.lines import read_lines
from isogloss.vocabulary.pieces import METASPACE, Pieces, byte_of, read_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from isogloss.encode.protocol import Encoder, Reader


class Cut(NamedTuple):
    """The tokens of n texts, text after text; nothing truncated, no special tokens added.

    What a tokenizer cannot tell is None.

    Attributes:
        ids: `[t]` the token.
        lengths: `[n]` tokens a text.
        begins: `[t]` the first character of its text that the token stands for, or a part of which
            it stands for; -1 for a token that stands for none, such as a mark put before a text.
        unknown: `[t]` whether it stands for what the vocabulary does not know.
        partial: `[t]` whether it stands for bytes that are no whole characters.
        lost: `[n]` characters, white space aside, that no token stands for; None also where the
            tokenizer never loses any.
    """

    ids: np.ndarray
    lengths: np.ndarray
    begins: np.ndarray | None = None
    unknown: np.ndarray | None = None
    partial: np.ndarray | None = None
    lost: np.ndarray | None = None


@dataclass(frozen=True)
class Tokenization:
    """A tokenizer to be audited.

    Anything with these attributes will do; to have a name of its own in commands and recipes, a
    function that gives one is registered as `@register("tokenization", "name.v1")`. It takes no
    argument, or the path of a file that it reads.

    Attributes:
        name: what people call it.
        fingerprint: 16 hex digits; equal ones cut every text alike.
        cut: from texts to their tokens.
        size: number of tokens there are; None where there is no fixed number.
        window: tokens its model reads at most, special tokens included; None for no limit.
        added: special tokens put around a text.
    """

    name: str
    fingerprint: str
    cut: Callable[[Sequence[str]], Cut]
    size: int | None = None
    window: int | None = None
    added: int = 0


def of_tokenizer(tokenizer: Tokenizer, name: str, unknown: int | None = None) -> Tokenization:
    """A `tokenizers.Tokenizer`, without the truncation and padding its file may ask for.

    Args:
        tokenizer: any fast tokenizer; it is left as it is.
        name: what people call it.
        unknown: the id of its unknown token; what its own model says by default.

    Raises:
        ModelError: two tokens with one id; and, when cutting, a text that the tokenizer fails on.
    """
    if tokenizer.truncation or tokenizer.padding:
        tokenizer = type(tokenizer).from_str(tokenizer.to_str())
        tokenizer.no_truncation()
        tokenizer.no_padding()
    pieces = read_pieces(tokenizer)
    return Tokenization(
        name=name,
        fingerprint=fingerprint(tokenizer.to_str()),
        cut=_fast(tokenizer, pieces, pieces.unknown if unknown is None else unknown, name),
        size=tokenizer.get_vocab_size(with_added_tokens=True),
    )


def of_encoder(encoder: Encoder) -> Tokenization:
    """The tokenizer of an encoder, under the encoder's name and fingerprint."""
    return replace(of_reader(encoder.reader, encoder.name), fingerprint=encoder.fingerprint)


def of_reader(reader: Reader, name: str) -> Tokenization:
    """The tokenizer of a model, with the model's window and special tokens."""
    if hasattr(reader.tokenizer, "encode_batch"):
        made = of_tokenizer(reader.tokenizer, name, reader.unknown)
    else:
        made = of_python(reader.tokenizer, name)
    made = replace(made, window=reader.window, added=reader.added)
    return _lowered(made) if reader.lower else made


def _lowered(made: Tokenization) -> Tokenization:
    def cut(texts: Sequence[str]) -> Cut:
        return made.cut([text.lower() for text in texts])

    return replace(made, cut=cut, fingerprint=fingerprint("lower", made.fingerprint))


def of_python(tokenizer: Any, name: str) -> Tokenization:
    """A tokenizer of transformers written in Python; it does not tell where tokens begin."""
    unknown = tokenizer.unk_token_id

    def cut(texts: Sequence[str]) -> Cut:
        if not texts:
            return Cut(np.zeros(0, np.int32), np.zeros(0, np.int64))
        options = {"add_special_tokens": False, "truncation": False, "verbose": False}
        made = tokenizer(list(texts), **options)["input_ids"]
        lengths = np.array([len(one) for one in made], np.int64)
        ids = np.fromiter(chain.from_iterable(made), np.int32, lengths.sum())
        return Cut(ids, lengths, unknown=None if unknown is None else ids == unknown)

    vocabulary = sorted(tokenizer.get_vocab().items())
    print_ = fingerprint(type(tokenizer).__name__, vocabulary)
    return Tokenization(name, print_, cut, size=len(tokenizer))


def _fast(
    tokenizer: Tokenizer, pieces: Pieces, unknown: int | None, name: str
) -> Callable[[Sequence[str]], Cut]:
    """How a tokenizer cuts: flags by token are looked up in tables over its vocabulary."""
    none = np.zeros(len(pieces), bool)  # [V]
    if unknown is not None and unknown < len(none):
        none[unknown] = True
    blank = np.array([t is not None and not t.strip(f" {METASPACE}") for t in pieces.texts], bool)
    loses = _loses(pieces)

    def cut(texts: Sequence[str]) -> Cut:
        try:
            # Not the fast variant: it does not say where tokens begin.
            made = tokenizer.encode_batch(list(texts), add_special_tokens=False)
        except Exception as error:
            # tokenizers raises bare Exceptions, such as for a WordPiece without its unknown token
            raise ModelError(
                f"the tokenizer {name} fails on this text: {error}",
                remedy="give it an unknown token, or learn it with byte fallback",
            ) from error
        lengths = np.array([len(one) for one in made], np.int64)
        total = int(lengths.sum())
        ids = np.fromiter(chain.from_iterable(one.ids for one in made), np.int32, total)
        begins = np.fromiter((b for one in made for b, _ in one.offsets), np.int64, total)
        lost = None
        if loses:
            ends = np.fromiter((e for one in made for _, e in one.offsets), np.int64, total)
            lost = _uncovered(texts, lengths, begins, ends)
        begins[blank[ids]] = -1
        return Cut(ids, lengths, begins, none[ids], pieces.bytes[ids], lost)

    return cut


def _loses(pieces: Pieces) -> bool:
    """Whether some characters become no token at all: BPE without an unknown token or all bytes."""
    if pieces.algorithm != "BPE" or pieces.unknown is not None:
        return False
    needed = byte_of() if pieces.byte_level else (f"<0x{byte:02X}>" for byte in range(256))
    whole = set(needed) <= set(pieces.names)
    return not (whole and (pieces.byte_level or pieces.bytes.any()))


def _uncovered(
    texts: Sequence[str], lengths: np.ndarray, begins: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """`[n]` characters of each text, white space aside, that lie in no token."""
    lines = read_lines(texts)
    base = np.repeat(lines.starts, lengths)
    edges = np.zeros(len(lines.space) + 1, np.int64)
    np.add.at(edges, base + begins, 1)
    np.add.at(edges, base + ends, -1)
    bare = (edges.cumsum()[:-1] == 0) & ~lines.space
    return np.bincount(lines.text_of[bare], minlength=len(texts))
