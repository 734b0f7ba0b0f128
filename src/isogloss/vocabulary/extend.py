"""Extend a WordPiece vocabulary with whole words, the tokens that were there unchanged."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from isogloss.errors import ModelError
from isogloss.vocabulary.romanise import SCRIPTS, steps

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def with_romanisation(tokenizer: Tokenizer, scripts: Iterable[str]) -> Tokenizer:
    """A copy that spells these scripts in Latin letters before its own normaliser.

    Scripts without a map are left as they are.
    """
    from tokenizers import Tokenizer, normalizers

    copy = Tokenizer.from_str(tokenizer.to_str())
    known = sorted(set(scripts) & set(SCRIPTS))
    if known:
        own = [copy.normalizer] if copy.normalizer else []
        copy.normalizer = normalizers.Sequence([*steps(known), *own])
    return copy


def new_words(
    tokenizer: Tokenizer, sentences: Iterable[Sequence[str]], *, size: int, least: int = 2
) -> list[str]:
    """The most frequent words that the tokenizer splits, at most `size`, seen `least` times."""
    counts = Counter(word for sentence in sentences for word in sentence)
    vocabulary = tokenizer.get_vocab()
    wanted = [
        (-n, w) for w, n in counts.items() if n >= least and w not in vocabulary and w.isalpha()
    ]
    return [word for _, word in sorted(wanted)[:size]]


def extend_wordpiece(tokenizer: Tokenizer, added: Sequence[str]) -> Tokenizer:
    """A copy whose vocabulary ends with the added words; every old id keeps its token.

    Raises:
        ModelError: the tokenizer is not WordPiece, or a word is there already.
    """
    from tokenizers import Tokenizer

    state = json.loads(tokenizer.to_str())
    model = state["model"]
    if model["type"] != "WordPiece":
        raise ModelError(
            f"the vocabulary is {model['type']}, and only WordPiece can be extended so far",
            remedy="use --student static",
        )
    if double := set(added) & set(model["vocab"]) or len(set(added)) != len(added):
        raise ModelError(f"words that are there already: {double}")
    first = max(model["vocab"].values()) + 1
    model["vocab"] |= {word: first + i for i, word in enumerate(added)}
    return Tokenizer.from_str(json.dumps(state))
