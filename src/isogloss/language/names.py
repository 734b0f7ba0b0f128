"""English names of languages, looked up both ways: what a name means, what is spelled like it."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from isogloss.language.codes import english_name, is_group, iso639_3, langcodes_tag, members_of
from isogloss.language.macrolanguages import DEFAULT_MEMBER

_LONGEST = 60


def code_of_name(text: str) -> str | None:
    """The code of the language with exactly this name, in English before any other language."""
    name = _plain(text)
    if not 3 <= len(name) <= _LONGEST or not name.isprintable():
        return None
    for trie in ("en", "und"):
        if found := _names(trie).get(name):
            code = found[0].decode("utf-8")
            break
    else:
        return None
    # The table files a member's own name under its macrolanguage: Dari under `fa-AF`.
    for member in members_of(iso639_3(code.split("-")[0]) or ""):
        if _plain(langcodes_tag(member).language_name()) == name:
            return member
    return code


def codes_with_word(text: str) -> list[str]:
    """Codes of the languages whose English name has this text as one of its words, by name."""
    words = set(_plain(text).split())
    if not words or max(map(len, words)) < 4:
        return []
    codes = {
        value.decode("utf-8").split("-")[0]
        for name, value in _names("en").items()
        if words <= set(name.split())
    }
    individual = {iso for code in codes if (iso := iso639_3(code)) and not is_group(iso)}
    return sorted(individual, key=lambda iso: (english_name(iso), iso))


def near_codes(text: str) -> list[str]:
    """The codes nearest to a misspelt tag or name, the nearest first."""
    if len(text) > _LONGEST:
        return []
    import difflib  # only on the way to an error

    base = re.split(r"[_.-]", text.lower())[0]
    near = difflib.get_close_matches(base, _known_codes(), n=3, cutoff=0.6)
    if len(text) > 4:
        names = difflib.get_close_matches(_plain(text), _names("en").keys(), n=3, cutoff=0.75)
        near = [_names("en")[name][0].decode("utf-8").split("-")[0] for name in names] + near
    codes = ((iso := iso639_3(code)) and DEFAULT_MEMBER.get(iso, iso) for code in near)
    return list(dict.fromkeys(code for code in codes if code and not is_group(code)))[:3]


def _plain(text: str) -> str:
    from language_data.names import normalize_name

    return " ".join(normalize_name(text).split())


@cache
def _names(trie: str) -> Any:
    from language_data.names import load_trie
    from language_data.util import data_filename

    return load_trie(data_filename(f"trie/{trie}/name_to_language.marisa"))


@cache
def _known_codes() -> list[str]:
    from langcodes.data_dicts import LANGUAGE_ALPHA3, LIKELY_SUBTAGS, MACROLANGUAGES

    known = {*LANGUAGE_ALPHA3.values(), *LIKELY_SUBTAGS, *MACROLANGUAGES}
    return sorted(code for code in known if len(code) == 3 and iso639_3(code))
