"""Words as a tokenizer sees them: of a text, and of its own vocabulary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

STARTS = ("▁", "Ġ")  # how SentencePiece and byte-level vocabularies mark the start of a word
INSIDE = "##"  # how WordPiece marks what does not start one


def words(tokenizer: Tokenizer, text: str) -> list[str]:
    """The words of a text as the tokenizer's normaliser and pre-tokenizer make them.

    Where they only mark spaces and leave the text whole, as those of Llama 2 do, words begin at the
    marks.
    """
    if tokenizer.normalizer:
        text = tokenizer.normalizer.normalize_str(text)
    found = [text]
    if tokenizer.pre_tokenizer:
        found = [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)]
    if type(tokenizer.model).__name__ in ("BPE", "Unigram"):
        return [word for part in found for word in re.findall("▁*[^▁]+|▁+", part)]
    return found


def whole_words(tokenizer: Tokenizer, *, size: int, least: int = 3) -> list[str]:
    """The first `size` whole words of a vocabulary, in the order of their ids.

    A word is what may start one and has letters only, at least `least` of them. Byte-level
    vocabularies spell other letters than ASCII in bytes, so those words are left out.
    """
    vocabulary = tokenizer.get_vocab()
    marks = [m for m in STARTS if sum(t.startswith(m) for t in vocabulary) > len(vocabulary) // 10]
    found: dict[str, None] = {}
    for token in sorted(vocabulary, key=vocabulary.__getitem__):
        if (marks and token[:1] not in marks) or token.startswith(INSIDE):
            continue
        word = token.lstrip("".join(STARTS))
        if len(word) >= least and word.isalpha() and (word.isascii() or "Ġ" not in marks):
            found[word] = None
    return list(found)[:size]
