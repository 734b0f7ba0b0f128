"""A tokenizer that puts more tokens before every text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isogloss.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_NAME = "<prompt_{}>"


def with_prefix(tokenizer: Tokenizer, count: int) -> tuple[Tokenizer, list[int]]:
    """The tokenizer with new special tokens behind what it puts before a text, and their ids.

    `[CLS] a [SEP]` becomes `[CLS] <prompt_0> <prompt_1> a [SEP]`, so that a model that reads its
    first token still does; of a pair the first text has them. All else is cut as before.

    Args:
        tokenizer: it is not changed.
        count: of new tokens.

    Raises:
        ModelError: its own special tokens cannot stand in a template.
    """
    from tokenizers import AddedToken, Tokenizer, processors

    made = Tokenizer.from_str(tokenizer.to_str())
    made.no_truncation()
    made.no_padding()
    known, names, number = made.get_vocab(), [], 0
    while len(names) < count:
        if _NAME.format(number) not in known:
            names.append(_NAME.format(number))
        number += 1
    single, pair = _template(made, names), _template(made, names, "a")
    made.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    ids = made.get_vocab()
    used = {piece.rpartition(":")[0] for piece in (*single, *pair)} - {"$A", "$B"}
    try:
        made.post_processor = processors.TemplateProcessing(
            single=single, pair=pair, special_tokens=[(name, ids[name]) for name in sorted(used)]
        )
    except ValueError as error:
        raise ModelError(f"the tokenizer's special tokens make no template: {error}") from None
    return made, [ids[name] for name in names]


def _template(tokenizer: Tokenizer, names: list[str], second: str | None = None) -> list[str]:
    """What the tokenizer makes of a text or two, with names before the first: `[CLS]:0`, `$A:0`."""
    found = tokenizer.encode("a", second) if second else tokenizer.encode("a")
    pieces: list[str] = []
    for token, kind, own in zip(found.tokens, found.type_ids, found.sequence_ids, strict=True):
        if own is None:
            pieces.append(f"{token}:{kind}")
        elif (text := f"${'AB'[own]}:{kind}") not in pieces:
            pieces += [f"{name}:{kind}" for name in names] if own == 0 else []
            pieces.append(text)
    return pieces
