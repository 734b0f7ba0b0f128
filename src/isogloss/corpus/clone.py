"""A language spelled in letters that none other has: a second language, all of which is known."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from isogloss.corpus.records import Corpus, make_corpus
from isogloss.errors import UsageError
from isogloss.language import Language, read_language

SCRIPT = "Geor"
_SMALL, _CAPITAL = 0x10D0, 0x1C90  # where Georgian letters begin
_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_CODE = str.maketrans(
    {sign: chr(_SMALL + place) for place, sign in enumerate(_LETTERS + "0123456789")}
    | {sign: chr(_CAPITAL + place) for place, sign in enumerate(_LETTERS.upper())}
)


def spell(text: str) -> str:
    """A text in the clone's letters, one for one.

    a to z and 0 to 9 become 36 Georgian letters, capitals their capitals; marks on a letter stay on
    it. Words are in both languages the same to their last letter and share none. What is no such
    letter, punctuation above all, stays.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).translate(_CODE))


def clone_tag(language: str) -> str:
    """The tag of a language's clone, such as `eng_Geor`.

    Raises:
        UsageError: a language that is not written in Latin letters.
    """
    found = read_language(language)
    if found.script != "Latn":
        raise UsageError(
            f"{found} has no clone: its letters are not those from a to z",
            remedy="clone a language in Latin letters, such as eng",
        )
    return f"{found.iso}_{SCRIPT}"


def to_read(wanted: Sequence[str] | None, language: str) -> list[str] | None:
    """The languages that a text must have for a clone to be made; all that it has by default."""
    if wanted is None:
        return None
    others = [tag for tag in wanted if tag != clone_tag(language)]
    there = {str(tag) for tag in map(_known, others) if tag is not None}
    return others if str(read_language(language)) in there else [*others, language]


def with_clone(corpus: Corpus, language: str) -> Corpus:
    """The same rows with a language and its clone."""
    [tag] = corpus.resolve([language])
    texts = {str(each): corpus.texts(each) for each in corpus.languages}
    own = corpus.texts(tag)
    texts[clone_tag(str(tag))] = [None if text is None else spell(text) for text in own]
    made = make_corpus(corpus.name, corpus.ids, texts, least=0)
    note = f"{corpus.name}: {clone_tag(str(tag))} is {tag} in other letters, one for one"
    return replace(corpus, table=made.table, notes=(*corpus.notes, note))


def clone_words(corpus: Corpus, language: str) -> Corpus:
    """The dictionary of a language and its clone: a row for each of its words, frequent ones first.

    Words are in lower case; those that the clone spells alike are left out.
    """
    [tag] = corpus.resolve([language])
    texts = (text for text in corpus.texts(tag) if text)
    counts = Counter(word for text in texts for word in _WORD.findall(text.lower()))
    found = [word for word in counts if spell(word) != unicodedata.normalize("NFC", word)]
    found.sort(key=lambda word: (-counts[word], word))
    columns = {str(tag): found, clone_tag(str(tag)): [spell(word) for word in found]}
    made = make_corpus(f"{corpus.name}-words", found, columns)
    return replace(corpus, table=made.table, name=made.name)


def _known(tag: str) -> Language | None:
    from isogloss.errors import LanguageError

    try:
        return read_language(tag)
    except LanguageError:
        return None
