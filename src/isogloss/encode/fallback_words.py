"""Which words of a text a tokenizer covers; the others become one token each."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
import regex
from pydantic import Field, field_validator

from isogloss.encode.protocol import Reader
from isogloss.encode.tokens import Ids, RustTokenizer
from isogloss.encode.words import Split
from isogloss.language.segment import UNSPACED
from isogloss.settings import Settings

_COMPOSITE = {"Hans", "Hant", "Jpan"}  # codes of ways to write, which no character has
_MOST = 2**17  # words that have an id at a time


class Rule(Settings):
    """Which words the tokenizer does not cover.

    Attributes:
        pieces: a word of more pieces is not covered; any number is, by default.
        scripts: a word with a letter of these is never covered, ISO 15924 codes of characters, such
            as `Cyrl`, `Hani` or `Hira`.
        letters: letters of a word where a script writes no spaces.

    A word with an unknown token, or with characters that no token stands for, is never covered.
    """

    pieces: int | None = Field(default=None, ge=1)
    scripts: tuple[str, ...] = ()
    letters: int = Field(default=2, ge=1)

    @field_validator("scripts")
    @classmethod
    def _known(cls, scripts: tuple[str, ...]) -> tuple[str, ...]:
        for script in scripts:
            try:
                regex.compile(rf"\p{{Script={script}}}")
            except regex.error:
                raise ValueError(
                    f"no character has the script {script!r}; for Japanese name Hani, Hira and "
                    "Kana, for Korean Hang"
                ) from None
        return scripts


def spans(text: str, letters: int = 2) -> list[tuple[int, int]]:
    """Where the words of a text are, in order: begin and end of each.

    Letters, marks and digits make a word, any other character that is not a space is one. Where a
    script writes no spaces, a run of letters of one script is cut into words of `letters`.
    """
    return list(_spans(text, letters))


def _spans(text: str, letters: int) -> Iterator[tuple[int, int]]:
    for found in _words().finditer(text):
        if found.lastgroup != "unspaced":
            yield found.span()
            continue
        ends = [found.start() + one.end() for one in _CLUSTER.finditer(found.group())]
        ends = [*ends[letters - 1 : -1 : letters], ends[-1]]
        yield from zip([found.start(), *ends[:-1]], ends, strict=True)


_CLUSTER = regex.compile(r"\X")


@cache
def _words() -> Any:
    unspaced = sorted(UNSPACED - _COMPOSITE)
    runs = "|".join(rf"(?:[\p{{Script={s}}}ー々]\p{{M}}*)+" for s in unspaced)
    inside = "".join(rf"\p{{Script={s}}}" for s in unspaced)
    spaced = rf"(?:(?![{inside}])[\p{{L}}\p{{M}}\p{{N}}\u200c\u200d])+"
    return regex.compile(rf"(?P<unspaced>{runs})|(?P<word>{spaced})|(?P<other>\S)")


@dataclass
class Coverage:
    """What became of the words of some texts.

    Attributes:
        words: how many there are.
        replaced: words that became one row each.
        undrawn: words that the tokenizer does not cover and nothing can draw; they keep their
            pieces.
        characters: how often each character stands in those that nothing can draw.
    """

    words: int = 0
    replaced: int = 0
    undrawn: int = 0
    characters: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        text = f"{self.replaced:,} of {self.words:,} words are drawn"
        if self.undrawn:
            first = " ".join(f"{c} (U+{ord(c):04X})" for c, _ in self.characters.most_common(5))
            more = " ..." if len(self.characters) > 5 else ""
            text += f"; {self.undrawn:,} keep their pieces since no font has {first}{more}"
        return text


class _Item(NamedTuple):
    """A token or a word, where it begins."""

    at: int
    id: int


class FallbackTokenizer:
    """The tokens of a tokenizer, but one id of its own for each word it does not cover.

    Ids from `first` on are those of `words`, in the order in which they were met. Tokens of covered
    words are those that the tokenizer gives of the whole text.

    Args:
        inner: the model's tokenizer.
        rule: which words it covers.
        lacking: characters of a word that cannot be drawn.
        first: the first id behind the model's table.
    """

    def __init__(
        self, inner: RustTokenizer, rule: Rule, lacking: Callable[[str], str], first: int
    ) -> None:
        self.inner, self.rule, self.first = inner, rule, first
        self.window, self.words = inner.window, dict[str, int]()
        self._lacking = lru_cache(_MOST)(lacking)
        self._unknown = inner.reader().unknown
        self._tokenizer = inner.reader().tokenizer
        self._before, self._after = inner.frame()
        scripts = "".join(rf"\p{{Script={s}}}" for s in rule.scripts)
        self._never = regex.compile(f"[{scripts}]") if scripts else None

    def read(self, texts: Sequence[str]) -> Ids:
        """Ids with special tokens, cut to the window, and full lengths."""
        if len(self.words) > _MOST:
            self.words = {}  # whoever holds rows of them sees that it is another dictionary
        added = len(self._before) + len(self._after)
        ids, lengths = [], []
        for items in self._items(texts, None):
            inside = [item.id for item in items]
            lengths.append(len(inside) + added)
            kept = np.array(inside[: self.window - added], np.int32)
            ids.append(np.concatenate([self._before, kept, self._after]).astype(np.int32))
        return Ids(ids, np.array(lengths, np.int64))

    def split(self, sentences: Sequence[Sequence[str]]) -> list[Split]:
        """Tokens of words that single spaces join, and which word each is of."""
        made = []
        for words, items in zip(
            sentences, self._items([" ".join(words) for words in sentences], None), strict=True
        ):
            starts = np.cumsum([0, *(len(word) + 1 for word in words)])[:-1]
            at = np.array([item.at for item in items], np.int64)
            ids = np.array([item.id for item in items], np.int32)
            made.append(Split(ids, np.searchsorted(starts, at, side="right") - 1))
        return made

    def frame(self) -> tuple[np.ndarray, np.ndarray]:
        """The special tokens before and after a text."""
        return self._before, self._after

    def reader(self, lower: bool = False) -> Reader:
        """The model's own tokenizer: it tells what would be cut without the fallback."""
        return self.inner.reader(lower)

    def cut(self, text: str) -> list[str]:
        """The words of a text as they are drawn, covered ones too."""
        found = spans(text, self.rule.letters)
        return [unicodedata.normalize("NFC", text[start:end]) for start, end in found]

    def coverage(self, texts: Sequence[str]) -> Coverage:
        """What becomes of the words of some texts."""
        found = Coverage()
        for _ in self._items(texts, found):
            pass
        return found

    def _items(self, texts: Sequence[str], counted: Coverage | None) -> Iterator[list[_Item]]:
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        for text, encoding in zip(texts, encodings, strict=True):
            yield self._merged(text, encoding, counted)

    def _merged(self, text: str, encoding: Any, counted: Coverage | None) -> list[_Item]:
        """The tokens of covered words and the ids of the others, in the order of the text."""
        found = spans(text, self.rule.letters)
        begins, groups = _groups(text, found, encoding.offsets)
        items, gone = [], set[int]()
        for group, tokens in groups:
            words = [text[slice(*found[i])] for i in group]
            replaced = not self._covers(words, [encoding.ids[i] for i in tokens])
            replaced = replaced and self._draws(words, counted)
            if counted is not None:
                counted.words += len(group)
                counted.replaced += replaced * len(group)
            elif replaced:
                gone.update(tokens)
                items += [
                    _Item(found[i][0], self._id(w)) for i, w in zip(group, words, strict=True)
                ]
        items += [_Item(begins[i], t) for i, t in enumerate(encoding.ids) if i not in gone]
        return sorted(items, key=lambda item: item.at)  # stable: pieces stay in their order

    def _id(self, word: str) -> int:
        word = unicodedata.normalize("NFC", word)
        return self.first + self.words.setdefault(word, len(self.words))

    def _covers(self, words: list[str], ids: list[int]) -> bool:
        """Whether words that share tokens are covered by them."""
        if self._never and any(map(self._never.search, words)):
            return False
        if not ids or (self._unknown is not None and self._unknown in ids):
            return not any(unicodedata.category(c)[0] in "LMNPS" for word in words for c in word)
        return self.rule.pieces is None or len(ids) <= self.rule.pieces * len(words)

    def _draws(self, words: list[str], counted: Coverage | None) -> bool:
        absent = "".join(map(self._lacking, words))
        if counted is not None and absent:
            counted.undrawn += len(words)
            counted.characters.update(absent)
        return not absent


def _groups(
    text: str, words: list[tuple[int, int]], offsets: Sequence[tuple[int, int]]
) -> tuple[list[int], list[tuple[list[int], list[int]]]]:
    """Where each token begins, and words with the tokens in them.

    Words that share a token, such as an unknown token for several of them, stay together. A token
    that takes in the space before a word begins with the word.
    """
    word_of = np.full(len(text) + 1, -1, np.int64)
    for number, (start, end) in enumerate(words):
        word_of[start:end] = number
    begins: list[int] = []
    inside: list[tuple[int, int, int]] = []  # first and last word of a token, and the token
    for number, (start, end) in enumerate(offsets):
        while start < end and word_of[start] < 0:
            start += 1
        begins.append(start)
        if start < end:
            touched = word_of[start:end]
            inside.append((int(touched[0]), int(touched.max()), number))
    joined = np.zeros(len(words), bool)  # with the word before
    for first, last, _ in inside:
        joined[first + 1 : last + 1] = True
    group_of = np.cumsum(~joined) - 1
    groups: list[tuple[list[int], list[int]]] = []
    for number in range(len(words)):
        if not joined[number]:
            groups.append(([], []))
        groups[-1][0].append(number)
    for first, _, number in inside:
        groups[group_of[first]][1].append(number)
    return begins, groups
