"""The language tag: ISO 639-3, ISO 15924 script, and a variant where a corpus has several.

`swh_Latn` is Swahili in Latin script. `spa_Latn-MX` and `spa_Latn.ref2` are variants of Spanish;
the bare tag means the plain file. Other spellings are read at the edges and never appear inside.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from isogloss.errors import AmbiguousLanguage, UnknownLanguage
from isogloss.language.codes import (
    english_name,
    iso639_3,
    langcodes_tag,
    likely_script,
    macrolanguage_of,
    orthography_exists,
    script_exists,
    shortest_code,
)
from isogloss.language.macrolanguages import (
    DEFAULT_MEMBER,
    MERGED,
    REGIONAL_MEMBER,
    RESPELLED,
    SEVERAL,
)
from isogloss.language.names import code_of_name, codes_with_word, near_codes

Note = Callable[[str], None]
_SPELLING = re.compile(
    r"(?P<base>[A-Za-z]{2,3})(?:[_-](?P<script>[A-Za-z]{4}))?"
    r"(?:[_-](?P<region>[A-Za-z]{2}|[0-9]{3}))?"
    r"(?:[_-](?P<orthography>[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))?"
    r"(?P<reference>\.[A-Za-z0-9]+)?"
)
_CHINESE_SCRIPT = {"CN": "Hans", "SG": "Hans", "TW": "Hant", "HK": "Hant", "MO": "Hant"}
_NOT_A_LANGUAGE = {"und", "mul", "zxx", "mis"}
_RIGHT_TO_LEFT = {
    "Adlm", "Arab", "Aran", "Armi", "Avst", "Chrs", "Elym", "Hatr", "Hebr", "Hung", "Khar", "Lydi",
    "Mand", "Mani", "Mend", "Merc", "Mero", "Narb", "Nbat", "Nkoo", "Orkh", "Ougr", "Palm", "Phli",
    "Phlp", "Phnx", "Prti", "Rohg", "Samr", "Sarb", "Sogd", "Sogo", "Syrc", "Thaa", "Yezi",
}  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Language:
    """A language as the rest of Isogloss knows it; `str` gives the canonical tag.

    Attributes:
        iso: ISO 639-3 code.
        script: ISO 15924 code.
        variant: a region (`-MX`), an orthography (`-1996`), a numbered reference (`.ref2`),
            several of these in that order, or nothing.
    """

    iso: str
    script: str
    variant: str = ""

    def __str__(self) -> str:
        return f"{self.iso}_{self.script}{self.variant}"

    @property
    def name(self) -> str:
        """English name, with the variant in brackets: `Spanish (MX)`."""
        name = english_name(self.iso)
        return f"{name} ({self.variant.strip('-.')})" if self.variant else name

    @property
    def autonym(self) -> str:
        """What its speakers call it, or the English name where that is not known."""
        tag = langcodes_tag(f"{shortest_code(self.iso)}-{self.script}")
        name = tag.language_name(tag)
        return name if name and not name.startswith("Unknown") else self.name

    @property
    def script_name(self) -> str:
        """English name of the script."""
        return langcodes_tag(f"und-{self.script}").script_name()

    @property
    def bcp47(self) -> str:
        """The shortest BCP-47 tag that reads back as this language; a `.ref2` is left out."""
        suffix = self.variant.partition(".")[0]
        region = _region(suffix)
        short = shortest_code(self.iso)
        if (iso639_3(short), region) in REGIONAL_MEMBER:
            short = self.iso
        usual = likely_script(self.iso, region) or "Latn"
        return (short if usual == self.script else f"{short}-{self.script}") + suffix

    @property
    def direction(self) -> str:
        """`rtl` or `ltr`."""
        return "rtl" if self.script in _RIGHT_TO_LEFT else "ltr"

    @property
    def speakers(self) -> int | None:
        """People who speak it, in any script, by CLDR; None where CLDR has no figure.

        The default member of a macrolanguage has the figure of the macrolanguage.
        """
        return langcodes_tag(shortest_code(self.iso)).speaking_population() or None

    @property
    def writers(self) -> int | None:
        """People who write it in this script, by CLDR; None where CLDR has no figure."""
        tag = langcodes_tag(f"{shortest_code(self.iso)}-{self.script}")
        return tag.writing_population() or None

    @property
    def macrolanguage(self) -> str | None:
        """The ISO 639-3 macrolanguage this is a member of, if any: `ara` for `arz`."""
        return macrolanguage_of(self.iso)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a spelling was read as, and how much of it the spelling said itself.

    Attributes:
        language: the language.
        written: the ISO 639-3 code that was written, before a default member took its place.
        bare: whether the spelling left the script to us.
        notes: a sentence for each decision.
    """

    language: Language
    written: str
    bare: bool
    notes: tuple[str, ...]


def read_language(text: str, *, script: str | None = None, note: Note | None = None) -> Language:
    """The language that a tag or an English name means.

    Reads canonical tags, BCP-47 (`zh-Hant`, `pt-BR`, `de-1996`), ISO 639-1/2/3 (`de`, `ger`,
    `deu`), FLORES, NTREX and Tatoeba spellings. A macrolanguage is read as its default member and
    `note` is told.

    Args:
        text: the tag.
        script: the script an index gives beside it, used when the tag has none.
        note: called with a sentence for each decision a user may want to know.

    Raises:
        UnknownLanguage: nothing has that tag; the message has the nearest ones.
        AmbiguousLanguage: it could mean several languages; the message lists them.
    """
    reading = read(text, script)
    if note is not None:
        for sentence in reading.notes:
            note(sentence)
    return reading.language


def read(text: str, script: str | None = None) -> Reading:
    """The reading of a spelling, remembered; see `read_language`."""
    tag = text.strip()
    if not tag:
        raise UnknownLanguage("an empty tag names no language", remedy=_EXAMPLE)
    return _read(tag, script)


_EXAMPLE = "use a tag such as deu or swh_Latn"


@lru_cache(maxsize=4096)
def _read(tag: str, hint: str | None) -> Reading:
    match = _SPELLING.fullmatch(tag)
    base = match["base"].lower() if match else ""
    if base in _NOT_A_LANGUAGE:
        raise UnknownLanguage(f"{tag!r} names no language", remedy=_EXAMPLE)
    iso = _iso(base)
    orthography = ((match and match["orthography"]) or "").lower()
    if not match or not iso or (orthography and not orthography_exists(orthography)):
        return _read_name(tag, hint)
    if iso in SEVERAL:
        raise AmbiguousLanguage(
            f"{tag!r} covers several languages", remedy=f"name one of {', '.join(SEVERAL[iso])}"
        )
    region = (match["region"] or "").upper()
    member, notes = _member(tag, base, iso, region)
    if (iso, region) in REGIONAL_MEMBER:
        region = ""
    chosen = (match["script"] or "").title()
    if member == "cmn" and region in _CHINESE_SCRIPT:
        chosen, region = chosen or _CHINESE_SCRIPT[region], ""
    bare = not chosen
    chosen = chosen or (hint or "").title() or likely_script(member, region) or ""
    if not chosen:
        chosen = "Latn"
        notes.append(f"{tag!r}: no script is on record for {member}; read as {member}_{chosen}")
    if not script_exists(chosen):
        raise UnknownLanguage(
            f"{_short(tag)}: there is no script {_short(chosen)}", remedy=_EXAMPLE
        )
    variant = "".join(f"-{part}" for part in (region, orthography) if part)
    language = Language(member, chosen, variant + (match["reference"] or ""))
    return Reading(language, iso, bare, tuple(notes))


def _iso(base: str) -> str | None:
    return iso639_3(RESPELLED.get(base, base)) if base else None


def _member(tag: str, base: str, iso: str, region: str) -> tuple[str, list[str]]:
    """The language that a code means, and what is worth saying about it."""
    notes = []
    if base in RESPELLED:
        notes.append(f"{tag!r} is a retired code; read as {iso}")
    if base in MERGED:
        notes.append(f"{tag!r}: ISO 639-3 has merged {base} into {MERGED[base]}; kept apart")
    member = REGIONAL_MEMBER.get((iso, region)) or DEFAULT_MEMBER.get(iso, iso)
    if member != iso:
        what = f"{base!r}" if tag.lower() == base else f"{base!r} in {tag!r}"
        if member != DEFAULT_MEMBER[iso]:
            what = f"{tag!r} says which member of {iso}, which"
        notes.append(f"{what} is a macrolanguage; read as {member} ({english_name(member)})")
    return member, notes


def _region(suffix: str) -> str:
    first = suffix.lstrip("-").split("-")[0]
    return first if re.fullmatch(r"[A-Z]{2}|[0-9]{3}", first) else ""


def _read_name(text: str, hint: str | None) -> Reading:
    if code := code_of_name(text):
        if _SPELLING.fullmatch(code) and _iso(code.split("-")[0]):
            return _read(code, hint)
    elif len(same := codes_with_word(text)) > 1:
        listed = ", ".join(f"{_tag(iso)} ({english_name(iso)})" for iso in same[:8])
        rest = f" ... {len(same)} in all" if len(same) > 8 else ""
        raise AmbiguousLanguage(
            f"{text!r} could mean several languages", remedy=f"name one of {listed}{rest}"
        )
    near = [f"{_tag(code)} ({english_name(code)})" for code in near_codes(text)]
    raise UnknownLanguage(
        f"unknown language {_short(text)}",
        remedy=f"did you mean {', '.join(near)}?" if near else _EXAMPLE,
    )


def _tag(code: str) -> str:
    """A code as the tag to suggest for it."""
    return code if code in SEVERAL else str(_read(code, None).language)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
