"""What langcodes knows about a code, asked once; the package loads at the first question."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from isogloss.language.macrolanguages import DEFAULT_MEMBER, MACROLANGUAGE, RESPELLED, SEVERAL

# CLDR has no likely script for these, or not the one that corpora with the bare code use.
_USUAL_SCRIPT = {
    "aii": "Syrc", "azb": "Arab", "ber": "Tfng", "cjs": "Cyrl", "ctg": "Beng", "dik": "Latn",
    "eve": "Cyrl", "gld": "Cyrl", "kas": "Arab", "kjh": "Cyrl", "mey": "Arab",
    "mni": "Beng", "niv": "Cyrl", "ojb": "Cans", "prs": "Arab", "tzm": "Tfng",
}  # fmt: skip


@cache
def langcodes_tag(tag: str) -> Any:
    """The langcodes object of a tag, taken literally."""
    import langcodes

    return langcodes.Language.get(tag, normalize=False)


@cache
def _two_letter_codes() -> dict[str, str]:
    """ISO 639-2/T, ISO 639-2/B and ISO 639-3 codes that have an ISO 639-1 code."""
    from langcodes.data_dicts import LANGUAGE_ALPHA3, LANGUAGE_ALPHA3_BIBLIOGRAPHIC

    both = (*LANGUAGE_ALPHA3_BIBLIOGRAPHIC.items(), *LANGUAGE_ALPHA3.items())
    return {long: short for short, long in both if len(short) == 2 and short not in RESPELLED}


@cache
def iso639_3(base: str) -> str | None:
    """ISO 639-3 of a two- or three-letter code, the bibliographic ISO 639-2 ones too."""
    from langcodes.data_dicts import LANGUAGE_ALPHA3

    if base in SEVERAL:
        return base
    if len(base) == 2:
        return LANGUAGE_ALPHA3.get(base)
    if short := _two_letter_codes().get(base):
        return LANGUAGE_ALPHA3[short]
    language = langcodes_tag(base)
    known = language.is_valid() and not language.language_name().startswith("Unknown language")
    return base if known else None


@cache
def shortest_code(iso: str) -> str:
    """The ISO 639-1 code of a language or of the macrolanguage it is the default member of."""
    codes = _two_letter_codes()
    return codes.get(iso) or codes.get(MACROLANGUAGE.get(iso, ""), iso)


@cache
def macrolanguage_of(iso: str) -> str | None:
    """The ISO 639-3 macrolanguage that a language is a member of, by ISO 639-3."""
    from langcodes.data_dicts import MACROLANGUAGES

    code = MACROLANGUAGES.get(iso) or MACROLANGUAGES.get(_two_letter_codes().get(iso, iso))
    macro = MACROLANGUAGE.get(iso) or (iso639_3(RESPELLED.get(code, code)) if code else None)
    return None if macro == iso else macro


@cache
def members_of(macro: str) -> tuple[str, ...]:
    """The ISO 639-3 members of a macrolanguage; nothing for any other language."""
    from langcodes.data_dicts import MACROLANGUAGES

    codes = sorted({*MACROLANGUAGES, *MACROLANGUAGE})
    return tuple(code for code in codes if macrolanguage_of(code) == macro)


@cache
def likely_script(iso: str, region: str = "") -> str | None:
    """The script a language is usually written in, in a region if one is given."""
    if iso in _USUAL_SCRIPT:
        return _USUAL_SCRIPT[iso]
    from langcodes.data_dicts import LIKELY_SUBTAGS

    # A code that CLDR does not list must not be maximized: it would come back as Latin.
    for code in (shortest_code(iso), MACROLANGUAGE.get(iso), iso):
        if code in LIKELY_SUBTAGS:
            return langcodes_tag(f"{code}-{region}" if region else code).maximize().script
    # An Arabic or a Chinese that CLDR does not list is written as the macrolanguage is.
    macro = macrolanguage_of(iso)
    usual = DEFAULT_MEMBER.get(macro, macro) if macro else None
    return likely_script(usual) if usual and usual != iso else None


@cache
def script_exists(script: str) -> bool:
    """Whether ISO 15924 has a script of that code; its codes for no script at all do not count."""
    named = re.fullmatch(r"[A-PR-Y][a-z]{3}|Zanb", script)
    return bool(named) and langcodes_tag(f"en-{script}").is_valid()


@cache
def orthography_exists(variant: str) -> bool:
    """Whether BCP-47 registers a variant such as `1996` or `polyton`."""
    return langcodes_tag(f"en-{variant}").is_valid()


def is_group(iso: str) -> bool:
    """Whether a code stands for a family or a group: `smi` is the Sami languages."""
    return english_name(iso).endswith(("languages", "(family)"))


@cache
def english_name(iso: str) -> str:
    """The English name of a language, of its macrolanguage where it has none of its own."""
    own = langcodes_tag(_two_letter_codes().get(iso, iso)).language_name()
    name = langcodes_tag(shortest_code(iso)).language_name() if own.startswith("Unknown") else own
    return name.removesuffix(" (individual language)")
