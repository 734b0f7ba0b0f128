"""One text's tokenizers of several sizes, learned at once where the algorithm allows it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from isogloss.errors import UsageError
from isogloss.registry import full_name
from isogloss.vocabulary.learn import NoRoom, learn
from isogloss.vocabulary.merges import POINTS

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def at_sizes(
    lines: Sequence[str], sizes: Iterable[int], *, algorithm: str = "byte_bpe", **settings: Any
) -> dict[int, Tokenizer]:
    """Tokenizers by their size, rising, each as if learned for its size alone.

    Merges are in an order, so smaller vocabularies are the beginning of the largest, which is all
    that is learned. Others are learned anew for each size. Sizes without room for single characters
    are left out; in place of those that the text is too small for there is the largest it gives.

    Raises:
        UsageError: no sizes, or what the algorithm refuses.
        NoRoom: none of the sizes has room.
    """
    wanted, made = sorted(set(sizes)), {}
    if not wanted:
        raise UsageError("no sizes to learn tokenizers of")

    def alone(size: int) -> Tokenizer:
        return learn(algorithm, {"text": lines}, size=size, **settings)

    of_size = alone
    if full_name("tokenizer", algorithm) in POINTS:
        of_size = partial(cut, alone(wanted[-1]))
    for size in wanted:
        try:
            each = of_size(size)
        except NoRoom:
            continue
        made.setdefault(each.get_vocab_size(), each)
        if each.get_vocab_size() < size:
            break
    if not made:
        alone(wanted[-1])  # says what there is no room for
    return made


def cut(tokenizer: Tokenizer, size: int) -> Tokenizer:
    """The first `size` pieces of a tokenizer of merges, and the merges that lead to them.

    Raises:
        UsageError: another kind of tokenizer.
        NoRoom: there are more single characters than `size`.
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
        raise NoRoom(size, f"{first} single characters and special tokens")
    if model["type"] == "BPE":
        kept = [numbers[piece] for piece in made].index(size - 1) + 1 if size > first else 0
        model["merges"] = model["merges"][:kept]
    model["vocab"] = {piece: number for piece, number in numbers.items() if number < size}
    return Tokenizer.from_str(json.dumps(state))
