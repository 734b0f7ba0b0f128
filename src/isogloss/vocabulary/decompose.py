"""Capital letters and accents apart from their letters, and together again, for every text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from unicodedata import ucd_3_2_0 as unicode  # its letters and accents are the same in every Python

CAPITAL = "A"
"""Stands before the small letter of a capital one; no A to Z is left for anything else."""
APART = "Z"
"""Stands between what the text has apart but what would be put together: `e` and an accent."""
BROKEN = "\ufffd"


@dataclass(frozen=True)
class Letters:
    """What each character falls into.

    Attributes:
        parts: a character and its parts, where it has more than one.
        whole: the same, the other way round.
        joining: characters that are a part but no first one.
        open: what begins some character's parts and is longer than one.
    """

    parts: dict[str, str]
    whole: dict[str, str]
    joining: frozenset[str]
    open: frozenset[str]


@cache
def letters(accents: bool) -> Letters:
    """The table of all characters that fall apart.

    A letter with an accent falls into its canonical decomposition if that is put together to the
    same letter again (so neither the angstrom sign does, nor Korean syllables, which Unicode
    reckons rather than lists). A capital letter is the mark and the small letter, if each is the
    other's only case; so `ß`, titlecase digraphs and the dotless i stay as they are.

    Args:
        accents: whether accents fall off, and not only capitals.
    """
    parts: dict[str, str] = {}
    for code in range(0x11000):  # beyond it no letter of Unicode 3.2 falls apart
        letter = chr(code)
        if 0xD800 <= code < 0xE000 or unicode.category(letter) == "Cn":
            continue
        apart = letter
        if accents and unicode.decomposition(letter):
            canonical = unicode.normalize("NFD", letter)
            apart = canonical if unicode.normalize("NFC", canonical) == letter else letter
        apart = "".join(map(_small, apart))
        if len(apart) > 1:
            parts[letter] = apart
    whole = {apart: letter for letter, apart in parts.items()}
    assert len(whole) == len(parts)
    return Letters(
        parts,
        whole,
        frozenset(c for apart in parts.values() for c in apart.lstrip(CAPITAL)[1:]),
        frozenset(apart[:end] for apart in whole for end in range(2, len(apart) + 1)),
    )


def decompose(text: str, accents: bool = True) -> str:
    """A text with capitals and accents apart: `Él` is `A`, `e`, an accent, `l`.

    `compose` gives the text back, whatever it is; also where it has letters and accents apart
    already.
    """
    known, table, joining, _ = _compiled(accents)
    if joining is None or not joining.search(text):
        return text.translate(table)
    found = []
    for letter, after in zip(text, text[1:] + " ", strict=True):
        apart = known.parts.get(letter, letter)
        found.append(apart)
        if apart + after in known.open:
            found.append(APART)
    return "".join(found)


def compose(apart: str, accents: bool = True) -> str:
    """The text that `decompose` took apart.

    A capital mark before what has no capital becomes U+FFFD, a mark that keeps nothing apart is
    ignored.
    """
    known, _, _, together = _compiled(accents)
    whole = known.whole
    longest = max(map(len, whole))

    def join(found: re.Match[str]) -> str:
        run = found[0]
        if run in whole:
            return whole[run]
        if run == APART:
            return ""
        made, at = [], 0
        while at < len(run):
            for end in range(min(len(run), at + longest), at, -1):
                if letter := whole.get(run[at:end]):
                    break
            else:
                end, letter = at + 1, run[at] if run[at] != CAPITAL else BROKEN
            made.append(letter)
            at = end
        return "".join(made)

    return together.sub(join, apart)


def characters(some: Iterable[str]) -> str:
    """The inside of a regular expression's brackets that matches these characters."""
    codes = sorted(map(ord, set(some)))
    starts = [c for i, c in enumerate(codes) if not i or codes[i - 1] != c - 1]
    ends = [c for i, c in enumerate(codes) if i + 1 == len(codes) or codes[i + 1] != c + 1]
    return "".join(
        f"{re.escape(chr(a))}-{re.escape(chr(b))}" for a, b in zip(starts, ends, strict=True)
    )


def _small(letter: str) -> str:
    small = letter.lower()
    pair = len(small) == 1 and small != letter and small.upper() == letter
    # Only pairs that Unicode 3.2 has: later ones would differ between versions of Python.
    if pair and unicode.category(letter) == "Lu" and unicode.category(small) == "Ll":
        return CAPITAL + small
    return letter


@cache
def _compiled(
    accents: bool,
) -> tuple[Letters, dict[int, str], re.Pattern[str] | None, re.Pattern[str]]:
    known = letters(accents)
    table = {ord(letter): apart for letter, apart in known.parts.items()}
    if not known.joining:
        return known, table, None, re.compile(f"{CAPITAL}[^{CAPITAL}{APART}]?|{APART}", re.DOTALL)
    marks = f"[{characters(known.joining)}]"
    other = f"[^{CAPITAL}{APART}]"
    together = f"{CAPITAL}(?:{other}{marks}*)?|{other}{marks}+|{APART}"
    return known, table, re.compile(marks), re.compile(together, re.DOTALL)
