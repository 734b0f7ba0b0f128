"""Texts to token ids."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from isogloss.encode.protocol import Reader
from isogloss.encode.words import Split

_SAMPLE = "a"


class Ids(NamedTuple):
    """Token ids of each text.

    Attributes:
        ids: per text, `[t]` ids with special tokens, cut to the window.
        lengths: `[n]` tokens per text before it was cut, special tokens included.
    """

    ids: list[np.ndarray]
    lengths: np.ndarray


class RustTokenizer:
    """A `tokenizers.Tokenizer` whose truncation and padding we set ourselves.

    Files on the hub often carry a truncation of their own (all-MiniLM-L6-v2 says 128 and reads
    256), so what the file says is switched off.

    Args:
        tokenizer: a `tokenizers.Tokenizer`.
        window: tokens kept at most, special tokens included.
        unknown: the id of the unknown token, if there is one.
        special: whether to add the special tokens.
    """

    def __init__(
        self, tokenizer: Any, window: int, unknown: int | None, special: bool = True
    ) -> None:
        self._tokenizer, self.window = tokenizer, window
        self._unknown, self._special = unknown, special
        self._added = tokenizer.num_special_tokens_to_add(False) if special else 0
        tokenizer.no_truncation()
        tokenizer.no_padding()

    def read(self, texts: Sequence[str]) -> Ids:
        """Ids and full lengths."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=self._special)
        ids = [np.array(encoding.ids, np.int32) for encoding in encodings]
        lengths = np.array([len(x) for x in ids], np.int64)  # [n]
        long = np.flatnonzero(lengths > self.window)
        if len(long):
            # Only these are read again: a truncating tokenizer would not tell the full length.
            cut = self._cutting.encode_batch_fast(
                [texts[i] for i in long], add_special_tokens=self._special
            )
            for i, encoding in zip(long, cut, strict=True):
                ids[i] = np.array(encoding.ids, np.int32)
        return Ids(ids, lengths)

    def split(self, sentences: Sequence[Sequence[str]]) -> list[Split]:
        """Tokens of words that single spaces join, and which word each is of."""
        texts = [" ".join(words) for words in sentences]
        encodings = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [
            _by_word(np.array(e.ids, np.int32), e.offsets, text, words)
            for e, text, words in zip(encodings, texts, sentences, strict=True)
        ]

    def frame(self) -> tuple[np.ndarray, np.ndarray]:
        """The special tokens before and after a text."""
        return _around(self.read([_SAMPLE]).ids[0], self.split([[_SAMPLE]])[0].ids)

    @cached_property
    def _cutting(self) -> Any:
        """A copy that truncates: switching the one of `read` would be seen by other threads."""
        copy = type(self._tokenizer).from_str(self._tokenizer.to_str())
        copy.enable_truncation(self.window)
        return copy

    def reader(self, lower: bool = False) -> Reader:
        """The tokenizer and how it is used."""
        return Reader(self._tokenizer, self._unknown, self.window, self._added, lower)


class PythonTokenizer:
    """A tokenizer of `transformers` that is written in Python, such as those over bytes.

    Args:
        tokenizer: the tokenizer.
        window: tokens kept at most, special tokens included.
    """

    def __init__(self, tokenizer: Any, window: int) -> None:
        self._tokenizer, self.window = tokenizer, window
        self._added = tokenizer.num_special_tokens_to_add(False)

    def read(self, texts: Sequence[str]) -> Ids:
        """Ids and full lengths."""
        full = self._call(texts, truncation=False)
        lengths = np.array([len(x) for x in full], np.int64)  # [n]
        for i in np.flatnonzero(lengths > self.window):
            full[i] = self._call([texts[i]], truncation=True, max_length=self.window)[0]
        return Ids([np.array(x, np.int32) for x in full], lengths)

    def reader(self, lower: bool = False) -> Reader:
        """The tokenizer and how it is used."""
        unknown = self._tokenizer.unk_token_id
        return Reader(self._tokenizer, unknown, self.window, self._added, lower)

    def split(self, sentences: Sequence[Sequence[str]]) -> list[Split]:
        """Tokens of words that single spaces join; a space belongs to the word behind it."""
        made = []
        for words in sentences:
            spaced = [word if i == 0 else f" {word}" for i, word in enumerate(words)]
            ids = self._call(spaced, truncation=False, add_special_tokens=False)
            flat = np.array([token for word in ids for token in word], np.int32)
            made.append(Split(flat, np.repeat(np.arange(len(ids)), [len(word) for word in ids])))
        return made

    def frame(self) -> tuple[np.ndarray, np.ndarray]:
        """The special tokens before and after a text."""
        return _around(self.read([_SAMPLE]).ids[0], self.split([[_SAMPLE]])[0].ids)

    def _call(self, texts: Sequence[str], **options: Any) -> list[list[int]]:
        if not len(texts):
            return []
        return list(self._tokenizer(list(texts), verbose=False, **options)["input_ids"])


def _by_word(
    ids: np.ndarray, offsets: Sequence[tuple[int, int]], text: str, words: Sequence[str]
) -> Split:
    """Tokens by the character they end with; one that is a space opens the word behind it."""
    starts = np.cumsum([0, *(len(word) + 1 for word in words)])[:-1]  # [w]
    spans = np.array(offsets, np.int64).reshape(-1, 2)  # [t, 2]
    last = np.maximum(spans[:, 1] - 1, 0)
    word = np.searchsorted(starts, last, side="right") - 1
    word += np.array([text[at : at + 1] == " " for at in last], bool)
    kept = (spans[:, 1] > spans[:, 0]) & (word >= 0) & (word < len(words))
    return Split(ids[kept], word[kept])


def _around(whole: np.ndarray, inner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    for at in range(len(whole) - len(inner) + 1):
        if np.array_equal(whole[at : at + len(inner)], inner):
            return whole[:at], whole[at + len(inner) :]
    return whole[:0], whole[:0]
