"""Which of the languages of a corpus a user means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from isogloss.errors import AmbiguousLanguage, UnknownLanguage
from isogloss.language.codes import macrolanguage_of
from isogloss.language.macrolanguages import KEPT_APART, MERGED
from isogloss.language.tags import Language, Note, Reading, read


def resolve(
    wanted: Sequence[str], available: Iterable[Language], *, note: Note | None = None
) -> list[Language]:
    """Which of the available languages each wanted tag means.

    The canonical tag comes first: `eng` is `eng_Latn` where `eng_Latn-GB` is there too. A tag
    without a script may also mean the only script that is there. Where neither is there, the only
    member of the macrolanguage that was written, the macrolanguage of the member, or the code it
    was merged into will do, and `note` is told.

    Raises:
        UnknownLanguage: a wanted language is not there; the message lists near ones that are.
        AmbiguousLanguage: several would do, none of them the usual one.
    """
    there = list(dict.fromkeys(available))
    say = note or (lambda sentence: None)
    found = []
    for tag in wanted:
        reading = read(tag)
        for sentence in reading.notes:
            say(sentence)
        found.append(_one(tag, reading, there, say))
    return found


def _one(tag: str, reading: Reading, there: list[Language], say: Note) -> Language:
    language = reading.language
    if language in there:
        return language
    same = [
        other
        for other in there
        if other.variant == language.variant and (reading.bare or other.script == language.script)
    ]
    for fits, why in ((_other_script, "the only script of it"), (_relative, "the nearest code")):
        close = [other for other in same if fits(other, reading)]
        if len(close) > 1:
            raise AmbiguousLanguage(
                f"{tag!r} could mean {' or '.join(map(str, close))}", remedy="name one of them"
            )
        if close:
            say(f"{tag!r}: {language} is not here; {close[0]} is {why} that is")
            return close[0]
    raise _absent(tag, language, there)


def _other_script(other: Language, reading: Reading) -> bool:
    return other.iso == reading.language.iso


def _relative(other: Language, reading: Reading) -> bool:
    """One is the macrolanguage that was written for the other, or was merged into it."""
    iso = reading.language.iso
    if MERGED.get(iso) == other.iso or MERGED.get(other.iso) == iso:
        return True
    if KEPT_APART & {iso, other.iso}:
        return False
    return other.iso == macrolanguage_of(iso) or macrolanguage_of(other.iso) == reading.written


def _absent(tag: str, language: Language, there: list[Language]) -> UnknownLanguage:
    names = sorted(map(str, there))
    near = _near(language, there)
    listed = near or names[:12]
    rest = f" ... {len(names)} in all" if len(names) > len(listed) else ""
    return UnknownLanguage(
        f"{tag!r} ({language}, {language.name}) is not in this corpus",
        remedy=f"{'near ones' if near else 'it has'}: {', '.join(listed)}{rest}",
    )


def _near(language: Language, there: list[Language]) -> list[str]:
    """The same language, then its sisters in a macrolanguage, then codes spelt alike."""
    import difflib  # only on the way to an error

    macro = language.macrolanguage
    same = [str(other) for other in there if other.iso == language.iso]
    sisters = [str(other) for other in there if macro and macro in (other.macrolanguage, other.iso)]
    alike = difflib.get_close_matches(language.iso, {other.iso for other in there}, n=3, cutoff=0.6)
    spelt = [str(other) for other in there if other.iso in alike]
    return list(dict.fromkeys(same or sisters or spelt))[:6]
