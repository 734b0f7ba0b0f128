"""The language tag: ISO 639-3, ISO 15924 script, and a variant where a corpus has several.

`swh_Latn` is Swahili in Latin script. `spa_Latn-MX` and `spa_Latn.ref2` are variants of Spanish;
the bare tag means the plain file. Other spellings are read at the edges and never appear inside.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from isogloss.errors import AmbiguousLanguage, UnknownLanguage
from isogloss.language.macrolanguages import DEFAULT_MEMBER, MACROLANGUAGE

Note = Callable[[str], None]
_SPELLING = re.compile(
    r"(?P<base>[A-Za-z]{2,3})(?:[_-](?P<script>[A-Za-z]{4}))?"
    r"(?:[_-](?P<region>[A-Za-z]{2}|\d{3}))?(?P<reference>\.[A-Za-z0-9]+)?"
)
_CANONICAL = re.compile(r"([a-z]{3})_([A-Z][a-z]{3})(-[A-Z0-9]{2,3})?(\.[A-Za-z0-9]+)?")
_CHINESE_SCRIPT = {"CN": "Hans", "SG": "Hans", "TW": "Hant", "HK": "Hant", "MO": "Hant"}
# Written in another script than CLDR's likely one, in the corpora where the bare code is used.
_USUAL_SCRIPT = {"kas": "Arab", "mey": "Arab", "mni": "Beng", "prs": "Arab"}
# Codes retired from ISO 639-3 and the codes that took their place.
_RETIRED = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro", "sh": "hr"}
_NOT_A_LANGUAGE = {"und", "mul", "zxx", "mis"}


@dataclass(frozen=True, slots=True, order=True)
class Language:
    """A language as the rest of Isogloss knows it; `str` gives the canonical tag.

    Attributes:
        iso: ISO 639-3 code.
        script: ISO 15924 code.
        variant: a region (`-MX`), a numbered reference (`.ref2`), both, or nothing.
    """

    iso: str
    script: str
    variant: str = ""

    def __str__(self) -> str:
        return f"{self.iso}_{self.script}{self.variant}"

    @property
    def name(self) -> str:
        """English name, with the variant in brackets: `Spanish (MX)`."""
        name = _english_name(self.iso)
        return f"{name} ({self.variant.strip('-.')})" if self.variant else name

    @property
    def autonym(self) -> str:
        """What its speakers call it, or the English name where that is not known."""
        return _langcodes(self.bcp47.split("-")[0]).autonym() or self.name

    @property
    def script_name(self) -> str:
        """English name of the script."""
        return _langcodes(f"und-{self.script}").script_name()

    @property
    def bcp47(self) -> str:
        """The shortest BCP-47 tag that reads back as this language."""
        short = _shortest_code(self.iso)
        region = self.variant.partition(".")[0]
        tag = short if _likely_script(self.iso) == self.script else f"{short}-{self.script}"
        return tag + region

    @property
    def direction(self) -> str:
        """`rtl` or `ltr`."""
        right_to_left = {"Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm", "Mand", "Samr", "Rohg"}
        return "rtl" if self.script in right_to_left else "ltr"

    @property
    def speakers(self) -> int | None:
        """Speaking population by CLDR's figures, which cover the major languages only."""
        return _langcodes(_shortest_code(self.iso)).speaking_population() or None

    @property
    def macrolanguage(self) -> str | None:
        """The ISO 639-3 macrolanguage this is the default member of, if any."""
        return MACROLANGUAGE.get(self.iso)


def read_language(text: str, *, script: str | None = None, note: Note | None = None) -> Language:
    """The language that a tag or an English name means.

    Reads canonical tags, BCP-47 (`zh-Hant`, `pt-BR`), ISO 639-1/2/3 (`de`, `ger`, `deu`), FLORES,
    NTREX and Tatoeba spellings. A macrolanguage is read as its default member and `note` is told.

    Args:
        text: the tag.
        script: the script an index gives beside it, used when the tag has none.
        note: called with a sentence for each decision a user may want to know.

    Raises:
        UnknownLanguage: nothing has that tag; the message has the nearest ones.
        AmbiguousLanguage: an English name shared by several languages.
    """
    tag = text.strip()
    match = _SPELLING.fullmatch(tag)
    if match is None:
        return _by_name(tag)
    base = match["base"].lower()
    if base in _NOT_A_LANGUAGE:
        raise UnknownLanguage(f"{text!r} names no language")
    iso = _iso639_3(_RETIRED.get(base, base))
    if iso is None:
        return _by_name(tag)
    if base in _RETIRED and note:
        note(f"{text!r} is a retired code; read as {iso}")
    region = (match["region"] or "").upper()
    chosen = (match["script"] or script or "").title()
    if iso in DEFAULT_MEMBER:
        member = DEFAULT_MEMBER[iso]
        if len(base) == 3 and note:
            note(f"{text!r} is a macrolanguage; read as {member} ({_english_name(member)})")
        iso = member
    if iso == "cmn" and region in _CHINESE_SCRIPT:
        chosen, region = chosen or _CHINESE_SCRIPT[region], ""
    chosen = chosen or _likely_script(iso)
    if not _script_exists(chosen):
        raise UnknownLanguage(f"{text!r}: there is no script {chosen!r}")
    variant = (f"-{region}" if region else "") + (match["reference"] or "")
    return Language(iso, chosen, variant)


def resolve(
    wanted: Sequence[str], available: Iterable[Language], *, note: Note | None = None
) -> list[Language]:
    """Which of the available languages each wanted tag means.

    The canonical tag first; a tag without a script may also mean the only script that is there.

    Raises:
        UnknownLanguage: a wanted language is not there; the message lists near ones that are.
        AmbiguousLanguage: it is there in several scripts, none of them the usual one.
    """
    there = list(dict.fromkeys(available))
    found = []
    for tag in wanted:
        language = read_language(tag, note=note)
        if language in there:
            found.append(language)
            continue
        same = [a for a in there if a.iso == language.iso and a.variant == language.variant]
        has_script = len(re.split(r"[_-]", tag)) > 1
        if same and not has_script:
            if len(same) > 1:
                raise AmbiguousLanguage(
                    f"{tag!r} could mean {' or '.join(map(str, same))}", remedy="name the script"
                )
            found.append(same[0])
            continue
        names = sorted(map(str, there))
        near = [str(a) for a in there if a.iso == language.iso] or difflib.get_close_matches(
            str(language), names, n=4, cutoff=0.5
        )
        listed = near or names[:12]
        raise UnknownLanguage(
            f"{tag!r} ({language}, {language.name}) is not in this corpus",
            remedy=f"{'near ones' if near else 'it has'}: {', '.join(listed)}"
            + (f" ... {len(names)} in all" if len(names) > len(listed) else ""),
        )
    return found


@cache
def _langcodes(tag: str) -> Any:
    import langcodes

    return langcodes.Language.get(tag, normalize=False)


@cache
def _two_letter_codes() -> dict[str, str]:
    """ISO 639-2/T, ISO 639-2/B and ISO 639-3 codes that have an ISO 639-1 code."""
    from langcodes.data_dicts import LANGUAGE_ALPHA3, LANGUAGE_ALPHA3_BIBLIOGRAPHIC

    both = (*LANGUAGE_ALPHA3_BIBLIOGRAPHIC.items(), *LANGUAGE_ALPHA3.items())
    return {long: short for short, long in both if len(short) == 2 and short not in _RETIRED}


@cache
def _iso639_3(base: str) -> str | None:
    """ISO 639-3 of a two- or three-letter code, the bibliographic ISO 639-2 ones too."""
    from langcodes.data_dicts import LANGUAGE_ALPHA3

    if len(base) == 2:
        return LANGUAGE_ALPHA3.get(base)
    if short := _two_letter_codes().get(base):
        return LANGUAGE_ALPHA3[short]
    language = _langcodes(base)
    known = language.is_valid() and not language.language_name().startswith("Unknown language")
    return base if known else None


@cache
def _shortest_code(iso: str) -> str:
    codes = _two_letter_codes()
    return codes.get(iso) or codes.get(MACROLANGUAGE.get(iso, ""), iso)


@cache
def _likely_script(iso: str) -> str:
    if iso in _USUAL_SCRIPT:
        return _USUAL_SCRIPT[iso]
    for code in (_shortest_code(iso), MACROLANGUAGE.get(iso), iso):
        if code and (script := _langcodes(code).maximize().script):
            return script
    return "Latn"


@cache
def _script_exists(script: str) -> bool:
    import langcodes

    return (
        bool(re.fullmatch(r"[A-Z][a-z]{3}", script))
        and langcodes.Language.make(language="en", script=script).is_valid()
    )


@cache
def _english_name(iso: str) -> str:
    own = _langcodes(_two_letter_codes().get(iso, iso)).language_name()
    name = _langcodes(_shortest_code(iso)).language_name() if own.startswith("Unknown") else own
    return name.removesuffix(" (individual language)")


def _by_name(text: str) -> Language:
    import langcodes

    if re.fullmatch(r"[A-Za-z][A-Za-z' -]{3,}", text):
        try:
            return read_language(langcodes.find(text).language or "und")
        except LookupError:
            pass
    near = [f"{tag} ({_english_name(tag.split('_')[0])})" for tag in _near(text)]
    raise UnknownLanguage(
        f"unknown language {text!r}",
        remedy=f"did you mean {', '.join(near)}?" if near else "use a tag such as deu or swh_Latn",
    )


def _near(text: str) -> list[str]:
    from langcodes.data_dicts import LANGUAGE_ALPHA3, LIKELY_SUBTAGS, MACROLANGUAGES

    known = {*LANGUAGE_ALPHA3.values(), *LIKELY_SUBTAGS, *MACROLANGUAGES}
    codes = sorted(code for code in known if len(code) == 3 and _iso639_3(code))
    close = difflib.get_close_matches(re.split(r"[_.-]", text.lower())[0], codes, n=3, cutoff=0.6)
    return [str(read_language(code)) for code in close]
