"""Bytes that spell morphemes: UTF-8 whose capital letters made room for what languages are made of.

1. Capital letters and accents stand apart from their letters (`decompose`), so that the bytes 0x41
   to 0x5A are free: `A` marks a capital, `Z` keeps apart what a text has apart.
2. The other 24 lead codes of two, three and four bytes: one lead for each of eight groups of
   scripts and each length, then bytes 0x80 to 0xBF, as in UTF-8:

       bytes  leads         codes of a group
       2      0x42 - 0x49                 64
       3      0x4A - 0x51              4,096
       4      0x52 - 0x59            262,144

   From left to right the longest morpheme is written as its code, all else as UTF-8.

Source: Limisiewicz et al. (2024), MYTE: Morphology-Driven Byte Encoding for Better and Fairer
Multilingual Language Modeling, section 3.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.errors import CorpusError, UsageError
from isogloss.files import fingerprint, write_json
from isogloss.registry import register
from isogloss.vocabulary.decompose import (
    APART,
    CAPITAL,
    characters,
    compose,
    decompose,
    letters,
)
from isogloss.vocabulary.morphology import Dampening, learn_morphology
from isogloss.vocabulary.tokenization import Cut, Tokenization

FORMAT = "isogloss.myte.v1"
GROUPS = ("latin", "common", "alphabets", "abjads", "north", "south", "east", "other")
"""Latin; several scripts in one morpheme; other alphabets; scripts of consonants; Indic scripts of
the north, of the south and of Southeast Asia; Chinese, Japanese and Korean; all other scripts."""
LEADS = {2: 0x42, 3: 0x4A, 4: 0x52}
SPECIAL = ("<pad>", "</s>", "<unk>")
OFFSET = len(SPECIAL)
END = 1
_GROUP_OF = {
    "alphabets": "GREEK COPTIC CYRILLIC ARMENIAN GEORGIAN GLAGOLITIC GOTHIC DESERET",
    "abjads": "HEBREW ARABIC SYRIAC THAANA SAMARITAN MANDAIC",
    "north": "DEVANAGARI BENGALI GURMUKHI GUJARATI ORIYA TIBETAN LIMBU LEPCHA MEETEI SYLOTI",
    "south": "TAMIL TELUGU KANNADA MALAYALAM SINHALA THAI LAO MYANMAR KHMER TAI BALINESE JAVANESE "
    "SUNDANESE CHAM TAGALOG BUGINESE BATAK",
    "east": "CJK HIRAGANA KATAKANA KATAKANA-HIRAGANA HANGUL BOPOMOFO IDEOGRAPHIC YI",
    "latin": "LATIN",
}  # the first word of a letter's name in Unicode
_NAMED = {name: group for group, names in _GROUP_OF.items() for name in names.split()}
_SHARED = ("COMBINING", "MODIFIER")
_CODE = re.compile(
    rb"[\x42-\x49][\x80-\xbf]?|[\x4a-\x51][\x80-\xbf]{0,2}|[\x52-\x59][\x80-\xbf]{0,3}"
)
_BROKEN = "\ufffd".encode()

Levels = dict[int, tuple[str, ...]]


class Myte:
    """A morphology-driven byte encoding; `learn_myte` makes one, `Myte.load` reads one.

    Args:
        morphemes: group of scripts to number of bytes to morphemes in the order of their codes,
            with capitals and accents apart.
        accents: whether accents fall off their letters.
        about: whatever a file should say about where it came from.

    Raises:
        UsageError: morphemes that no code can stand for, or more than there are codes.
    """

    def __init__(
        self,
        morphemes: Mapping[str, Mapping[int, Sequence[str]]],
        *,
        accents: bool = True,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.accents, self.about = accents, dict(about or {})
        self.morphemes: dict[str, Levels] = {
            group: {length: tuple(some.get(length, ())) for length in LEADS}
            for group, some in morphemes.items()
        }
        _check(self.morphemes, accents)
        self.codes = {
            morpheme: _code(GROUPS.index(group), length, number)
            for group, levels in self.morphemes.items()
            for length, some in levels.items()
            for number, morpheme in enumerate(some)
        }
        self._spelled = {code: morpheme.encode() for morpheme, code in self.codes.items()}
        self._written = _Written(self.codes, accents)
        self._piece = _pieces(self.codes, accents)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Myte) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that name the encoding."""
        return fingerprint(FORMAT, self.accents, self.morphemes)

    def encode(self, text: str) -> bytes:
        """The bytes of a text; every text of Unicode has its own.

        Raises:
            UsageError: half a surrogate pair, which is no text; its place is told.
        """
        try:
            return b"".join(map(self._written.__getitem__, self._piece(text)))
        except UnicodeEncodeError:
            at = next(i for i, letter in enumerate(text) if 0xD800 <= ord(letter) < 0xE000)
            raise UsageError(
                f"half a surrogate pair, U+{ord(text[at]):04X}, at character {at} of a text",
                remedy="decode the text with the right encoding, or replace it",
            ) from None

    def encode_batch(self, texts: Iterable[str]) -> list[bytes]:
        """The bytes of each text.

        Raises:
            UsageError: as `encode`.
        """
        return [self.encode(text) for text in texts]

    def decode(self, data: bytes, *, strict: bool = True) -> str:
        """The text of these bytes.

        Args:
            data: what `encode` gave, or a model wrote.
            strict: accept only what `encode` gives. Otherwise morphemes may be spelled out, and
                what is no code becomes U+FFFD.

        Raises:
            CorpusError: strict, and no text has these bytes; the first wrong one is told.
        """
        spelled = _CODE.sub(lambda code: self._spelled.get(code[0], _BROKEN), data)
        text = compose(spelled.decode("utf-8", "replace"), self.accents)
        if strict and (right := self.encode(text)) != data:
            both = enumerate(zip(right, data, strict=False))
            at = next((i for i, (a, b) in both if a != b), min(len(right), len(data)))
            found = f"byte 0x{data[at]:02X}" if at < len(data) else "the end"
            raise CorpusError(
                f"{found} at offset {at} of {len(data)} bytes is nothing this encoding gives",
                remedy="use the encoding the bytes were made with, or decode with strict=False",
            )
        return text

    def ids(self, texts: Iterable[str], *, end: bool = False) -> list[list[int]]:
        """Token ids as those of ByT5: 0 to 2 are `SPECIAL`, a byte b is b + 3.

        Args:
            texts: any texts.
            end: whether `</s>` follows.

        Raises:
            UsageError: as `encode`.
        """
        last = [END] if end else []
        return [[byte + OFFSET for byte in data] + last for data in self.encode_batch(texts)]

    def text_of(self, ids: Iterable[int]) -> str:
        """The text of ids that a model wrote: special ones are left out, wrong bytes are U+FFFD."""
        known = range(OFFSET, OFFSET + 256)
        return self.decode(bytes(i - OFFSET for i in ids if i in known), strict=False)

    def tokenization(self, name: str = "myte") -> Tokenization:
        """What an audit asks for: every byte is a token, its value the id."""
        return Tokenization(name, self.fingerprint, self._cut, size=256)

    def _cut(self, texts: Sequence[str]) -> Cut:
        made = self.encode_batch(texts)
        ids = np.frombuffer(b"".join(made), np.uint8).astype(np.int32)
        lengths = np.array([len(data) for data in made], np.int64)
        return Cut(ids, lengths, unknown=np.zeros(len(ids), bool))

    def byte_maps(self) -> dict[str, dict[str, str]]:
        """Both rewritings as `transformers.MyT5Tokenizer` reads them from its `byte_maps.json`.

        It gives the same bytes for texts that have nothing apart which could be together; it knows
        no mark that keeps things apart, so other texts come back changed.
        """
        parts = letters(self.accents).parts.items()
        return {
            "decompose_map": {_hex(whole.encode()): _hex(apart.encode()) for whole, apart in parts},
            "merge_map": {_hex(m.encode()): _hex(code) for m, code in self.codes.items()},
        }

    def save(self, path: str | Path) -> None:
        """Write one JSON file, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        groups = {
            group: {str(length): list(some) for length, some in levels.items()}
            for group, levels in self.morphemes.items()
        }
        write_json(
            path,
            {
                "format": FORMAT, "fingerprint": self.fingerprint, "accents": self.accents,
                "about": self.about, "morphemes": groups,
            },
        )  # fmt: skip

    @classmethod
    def load(cls, path: str | Path) -> Myte:
        """Read what `save` wrote.

        Raises:
            CorpusError: no such file, another kind of file, or one that was changed.
        """
        try:
            state = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise CorpusError(f"cannot be read: {error.strerror}", file=path) from error
        except ValueError as error:
            raise CorpusError(f"not JSON in UTF-8: {error}", file=path) from error
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise CorpusError(
                f"not a morphology-driven byte encoding: no format {FORMAT!r}",
                file=path,
                remedy="give a file that Myte.save wrote",
            )
        try:
            groups = {
                group: {int(length): some for length, some in levels.items()}
                for group, levels in state["morphemes"].items()
            }
            made = cls(groups, accents=state["accents"], about=state["about"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CorpusError(f"not as Myte.save writes it: {error!r}", file=path) from error
        except UsageError as error:
            raise CorpusError(error.message, file=path) from error
        if made.fingerprint != state.get("fingerprint"):
            raise CorpusError(
                "changed since it was saved: its fingerprint does not fit its morphemes",
                file=path,
                remedy="learn it again; texts encoded before would not decode with it",
            )
        return made


@register("tokenization", "myte.v1")
def read_myte(path: str | Path) -> Tokenization:
    """The encoding in a file that `Myte.save` wrote, to be audited.

    Raises:
        CorpusError: as `Myte.load`.
    """
    return Myte.load(path).tokenization()


def learn_myte(
    texts: Mapping[str, Iterable[str | None]],
    *,
    morphemes: int = 4096,
    size: int = 200_000,
    weight: float = 0.5,
    dampening: Dampening = "logs",
    accents: bool = True,
) -> Myte:
    """Learn an encoding from texts of several languages, each with the same say.

    Each language's words are segmented by `learn_morphology`, and the morphemes that save it most
    are kept. A morpheme's worth is how often the longest match uses it, over the bytes of the
    language's words, summed over languages; in each group of scripts the 64 of most worth get two
    bytes, the next 4,096 three.

    Args:
        texts: lines per language; None is a missing one.
        morphemes: of each language, at most.
        size: letters of the list of words of a language that morphemes are looked for in; the
            most frequent words come first.
        weight: see `learn_morphology`.
        dampening: see `learn_morphology`.
        accents: whether accents fall off their letters.

    Raises:
        UsageError: no language, or one without a word.
    """
    if not texts or morphemes < 1 or size < 1:
        raise UsageError("no languages to learn from, or no morphemes wanted")
    words = {str(tag): _words(tag, texts[tag], accents) for tag in sorted(texts, key=str)}
    kept: dict[str, None] = {}
    for counts in words.values():
        learned = learn_morphology(_frequent(counts, size), weight=weight, dampening=dampening)
        saved: Counter[str] = Counter()
        for word, morphs in learned.words.items():
            for morph in morphs:
                saved[morph] += counts[word] * (len(morph.encode()) - 2)
        best = sorted(saved, key=lambda morph: (-saved[morph], morph))[:morphemes]
        kept |= dict.fromkeys(morph for morph in best if saved[morph] > 0)
    worth: defaultdict[str, float] = defaultdict(float)
    matcher = _Matcher(kept)
    for counts in words.values():
        total = sum(len(word.encode()) * count for word, count in counts.items())
        uses: Counter[str] = Counter()
        for word, count in counts.items():
            for piece in matcher.split(word):
                uses[piece] += count
        for piece in uses.keys() & kept.keys():
            worth[piece] += uses[piece] / total
    about = {"languages": list(words), "morphemes": morphemes, "size": size, "weight": weight,
             "dampening": dampening}  # fmt: skip
    return Myte(_ranked(worth), accents=accents, about=about)


def script_group(morpheme: str) -> str:
    """The one of `GROUPS` that a morpheme's letters are of; accents are of every script."""
    found = set()
    for letter in morpheme:
        name = unicodedata.name(letter, "").partition(" ")[0]
        if name not in _SHARED:
            found.add(_NAMED.get(name, "other"))
    return found.pop() if len(found) == 1 else "common"


def _words(tag: str, lines: Iterable[str | None], accents: bool) -> Counter[str]:
    """Runs of letters and marks, small, with their counts."""
    runs: Counter[str] = Counter()
    known: dict[str, bool] = {}
    counts: Counter[str] = Counter()
    for line in lines:
        if line:
            counts.update(line.split())
    for chunk, count in counts.items():
        apart = decompose(chunk, accents)
        for letter in set(apart):
            if letter not in known:
                known[letter] = unicodedata.category(letter)[0] in "LM"
        word = "".join(c if known[c] and c not in (CAPITAL, APART) else " " for c in apart)
        for run in word.split():
            runs[run] += count
    if not runs:
        raise UsageError(f"no text of {tag} has a word to learn from")
    return runs


def _frequent(counts: Counter[str], size: int) -> dict[str, int]:
    """The most frequent words, until they have `size` letters together, and one at least."""
    found: dict[str, int] = {}
    left = size
    for word in sorted(counts, key=lambda word: (-counts[word], word)):
        left -= len(word)
        if found and left < 0:
            break
        found[word] = counts[word]
    return found


def _ranked(worth: Mapping[str, float]) -> dict[str, dict[int, list[str]]]:
    """Codes for morphemes, shorter ones for those of more worth; none as long as its morpheme."""
    groups: dict[str, dict[int, list[str]]] = {g: {n: [] for n in LEADS} for g in GROUPS}
    for morpheme in sorted(worth, key=lambda morpheme: (-worth[morpheme], morpheme)):
        levels = groups[script_group(morpheme)]
        for length, some in levels.items():
            if len(some) < _capacity(length) and len(morpheme.encode()) > length:
                some.append(morpheme)
                break
    return groups


def _capacity(length: int) -> int:
    return 64 ** (length - 1)


def _code(group: int, length: int, number: int) -> bytes:
    """Its lead, and the number in digits to the base of 64."""
    digits = [0x80 + (number >> 6 * place) % 64 for place in reversed(range(length - 1))]
    return bytes([LEADS[length] + group, *digits])


def _hex(data: bytes) -> str:
    return data.hex(" ")


def _check(morphemes: Mapping[str, Levels], accents: bool) -> None:
    seen: set[str] = set()
    parts = letters(accents).parts.keys()
    free = re.compile(r"[A-Z\ud800-\udfff]")
    for group, levels in morphemes.items():
        if group not in GROUPS:
            raise UsageError(f"no group of scripts {group!r}", remedy=f"known: {', '.join(GROUPS)}")
        for length, some in levels.items():
            if len(some) > _capacity(length):
                raise UsageError(f"{len(some)} morphemes of {group} for {_capacity(length)} codes")
            for morpheme in some:
                if not isinstance(morpheme, str):
                    raise UsageError(f"a morpheme must be text, not {morpheme!r}")
                if free.search(morpheme) or not parts.isdisjoint(morpheme):
                    raise UsageError(f"{morpheme!r} has capitals or accents that are not apart")
                if len(morpheme.encode()) <= length:
                    raise UsageError(f"{morpheme!r} is not longer than its code of {length} bytes")
                if morpheme in seen:
                    raise UsageError(f"the morpheme {morpheme!r} has two codes")
                seen.add(morpheme)


def _pieces(morphemes: Iterable[str], accents: bool) -> Callable[[str], list[str]]:
    """Cuts a text where neither a morpheme nor a letter and its accents can cross."""
    known = letters(accents)
    inside = set(known.joining).union(*morphemes)
    inside |= {letter for letter, parts in known.parts.items() if not inside.isdisjoint(parts)}
    if not inside:
        return re.compile(".+", re.DOTALL).findall
    within = characters(inside)
    after = f"(?:[{characters(known.joining)}][{within}]*)?" if known.joining else ""
    return re.compile(f"[{within}]+|[^{within}]+{after}").findall


class _Matcher:
    """The longest of some morphemes at each place, from left to right."""

    def __init__(self, morphemes: Iterable[str]) -> None:
        lengths: dict[str, set[int]] = {}
        for morpheme in morphemes:
            if len(morpheme) > 1:
                lengths.setdefault(morpheme[:2], set()).add(len(morpheme))
        self._lengths = {head: sorted(found, reverse=True) for head, found in lengths.items()}
        self._known = frozenset(morphemes)

    def split(self, text: str) -> list[str]:
        """Morphemes, and single characters where there is none."""
        lengths, known = self._lengths, self._known
        found: list[str] = []
        at = 0
        while at < len(text):
            for length in lengths.get(text[at : at + 2], ()):
                piece = text[at : at + length]
                if piece in known:
                    break
            else:
                piece = text[at]
            found.append(piece)
            at += len(piece)
        return found


KEEP, LONGEST = 200_000, 48


class _Written(dict[str, bytes]):
    """The bytes of pieces of text, worked out once; words come again and again."""

    def __init__(self, codes: Mapping[str, bytes], accents: bool) -> None:
        self._split, self._codes, self._accents = _Matcher(codes).split, codes, accents

    def __missing__(self, piece: str) -> bytes:
        codes = self._codes
        parts = self._split(decompose(piece, self._accents))
        data = b"".join([codes.get(part) or part.encode() for part in parts])
        if len(piece) <= LONGEST:
            if len(self) >= KEEP:
                self.clear()
            self[piece] = data
        return data
