"""One text's tokenizers of several sizes, learned at once where the algorithm allows it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from isogloss.errors import UsageError
from isogloss.registry import full_name
from isogloss.vocabulary.learn import learn, too_small
from isogloss.vocabulary.merges import POINTS

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def at_sizes(
    lines: Sequence[str], sizes: Iterable[int], *, algorithm: str = "byte_bpe", **settings: Any
) -> dict[int, Tokenizer]:
    """A tokenizer of each size, as if learned for it alone.

    Merges are in an order, so smaller vocabularies are the beginning of the largest, which is all
    that is learned. Others are learned anew for each size.

    Raises:
        UsageError: no sizes, or what the algorithm refuses.
    """
    wanted = sorted(set(sizes))
    if not wanted:
        raise UsageError("no sizes to learn tokenizers of")
    texts = {"text": lines}
    if full_name("tokenizer", algorithm) not in POINTS:
        return {size: learn(algorithm, texts, size=size, **settings) for size in wanted}
    largest = learn(algorithm, texts, size=wanted[-1], **settings)
    return {size: cut(largest, size) for size in wanted}


def cut(tokenizer: Tokenizer, size: int) -> Tokenizer:
    """The first `size` pieces of a tokenizer of merges, and the merges that lead to them.

    Raises:
        UsageError: another kind of tokenizer, or a size without room for single characters.
    """
    from tokenizers import Tokenizer

    state = json.loads(tokenizer.to_str())
    model, special = state["model"], {token["content"] for token in state["added_tokens"]}
    numbers = model["vocab"]
    if model["type"] == "BPE":
        made = ["".join(pair) for pair in model["merges"]]  # as often as merges lead to it
    elif model["type"] == "WordPiece":
        prefix = model["continuing_subword_prefix"]
        made = [p for p in numbers if len(p.removeprefix(prefix)) > 1 and p not in special]
    else:
        raise UsageError(
            f"the pieces of a {model['type']} vocabulary are not in an order of merges"
        )
    if size >= len(numbers):
        return Tokenizer.from_str(json.dumps(state))
    first = min(map(numbers.__getitem__, made), default=len(numbers))
    if size < first:
        raise too_small(size, f"{first} single characters and special tokens")
    if model["type"] == "BPE":
        kept = [numbers[piece] for piece in made].index(size - 1) + 1 if size > first else 0
        model["merges"] = model["merges"][:kept]
    model["vocab"] = {piece: number for piece, number in numbers.items() if number < size}
    return Tokenizer.from_str(json.dumps(state))
