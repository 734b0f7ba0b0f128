"""Code-switching by dictionary: words or names of a text exchanged for their translations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import regex
from pydantic import FilePath

from isogloss.corpus.lexicon import read_lexicon
from isogloss.corpus.records import Corpus
from isogloss.errors import UsageError
from isogloss.language import read_language
from isogloss.language.segment import UNSPACED
from isogloss.registry import register
from isogloss.settings import Share
from isogloss.train.transforms.apply import with_texts

_WORD = regex.compile(r"\w+(?:['’-]\w+)*")
_LETTER = regex.compile(r"\w\p{M}*")


class Phrases(dict[tuple[str, ...], list[str]]):
    """From a phrase, unit by unit, to its translations."""

    @cached_property
    def longest(self) -> int:
        """Units of the longest phrase: asked once a text, counted once."""
        return max(map(len, self), default=0)


def units(text: str, script: str) -> list[tuple[int, int]]:
    """Where words stand in a text; letters, in scripts without spaces."""
    pattern = _LETTER if script in UNSPACED else _WORD
    return [match.span() for match in pattern.finditer(text)]


def phrases(entries: Sequence[tuple[str, str]], script: str, *, lower: bool) -> Phrases:
    """A dictionary by the units of its source side."""
    made = Phrases()
    for source, target in entries:
        spelled = source.lower() if lower else source
        if key := tuple(spelled[a:b] for a, b in units(spelled, script)):
            made.setdefault(key, []).append(target)
    return made


def switched(
    text: str,
    tables: Mapping[str, Phrases],
    rng: np.random.Generator,
    *,
    script: str,
    share: float,
    lower: bool,
    one: bool,
) -> tuple[str, int]:
    """A text with phrases exchanged, the longest first, and how many were.

    Args:
        text: in the language that the tables translate from.
        tables: by language.
        rng: what is drawn from.
        script: of the text.
        share: probability of a phrase that is known to be exchanged.
        lower: whether the tables have lower case.
        one: all of the text into one language, else each phrase into any that has it.
    """
    places = units(text, script)
    keys = [text[a:b].lower() if lower else text[a:b] for a, b in places]
    allowed = [str(rng.choice(sorted(tables)))] if one else sorted(tables)
    made, end, count = [], 0, 0
    for at, key, there in known_phrases(keys, {tag: tables[tag] for tag in allowed}):
        if rng.random() < share:
            choices = tables[there[int(rng.integers(len(there)))]][key]
            made += [text[end : places[at][0]], choices[int(rng.integers(len(choices)))]]
            end, count = places[at + len(key) - 1][1], count + 1
    return "".join([*made, text[end:]]), count


def known_phrases(
    keys: Sequence[str], tables: Mapping[str, Phrases]
) -> Iterator[tuple[int, tuple[str, ...], list[str]]]:
    """The phrases of a text that a table has, the longest first: place, phrase, tables with it."""
    longest = max((table.longest for table in tables.values()), default=0)
    at = 0
    while at < len(keys):
        for length in range(min(longest, len(keys) - at), 0, -1):
            key = tuple(keys[at : at + length])
            if there := [tag for tag, table in tables.items() if key in table]:
                yield at, key, there
                at += length
                break
        else:
            at += 1


def _switch(
    corpus: Corpus,
    language: str,
    lexicons: Mapping[str, Path],
    rng: np.random.Generator,
    *,
    share: float,
    lower: bool,
    one: bool,
    alone: bool,
) -> Corpus:
    if not lexicons:
        raise UsageError("there is no dictionary to switch by")
    language = str(corpus.resolve([language])[0])
    script = read_language(language).script
    read = {str(read_language(tag)): read_lexicon(path) for tag, path in lexicons.items()}
    tables = {tag: phrases(found.entries, script, lower=lower) for tag, found in read.items()}
    made, total = [], 0
    for text in corpus.texts(language):
        if text is None:
            made.append(None)
            continue
        done, count = switched(text, tables, rng, script=script, share=share, lower=lower, one=one)
        made.append(done)
        total += count
    texts = {language: made}
    if not alone:
        texts = {str(tag): corpus.texts(tag) for tag in corpus.languages} | texts
    there = sum(text is not None for text in made)
    note = f"{corpus.name}: {total} phrases switched in {there} texts of {language}"
    told = [each for found in read.values() for each in found.notes]
    told += [f"{found.source}: {n} of {why} left out" for found in read.values()
             for why, n in found.dropped.items()]  # fmt: skip
    return with_texts(corpus, texts, None, note, *told)


@register("transform", "switch_words.v1")
def switch_words(
    corpus: Corpus,
    pivot: str,
    rng: np.random.Generator,
    *,
    lexicons: dict[str, FilePath],
    share: Share = 0.5,
    one: bool = False,
    language: str | None = None,
    alone: bool = False,
) -> Corpus:
    """Words of the pivot exchanged for translations in any language that a dictionary has.

    A word that is known is exchanged with probability `share`; its language and its translation
    are drawn evenly. Words are found in lower case, phrases of several words before their parts.
    It needs no parallel text. Prefer alignments where there is some: a dictionary knows no context.
    Source: Qin et al. (2020), CoSDA-ML: Multi-Lingual Code-Switching Data Augmentation, where whole
    sentences are chosen too.

    Args:
        corpus: rows; other languages than the switched one stay as they are.
        pivot: canonical tag.
        rng: what is drawn from.
        lexicons: a dictionary of each language, the switched one's words first.
        share: of known words that are exchanged.
        one: whether all of a text goes into one language.
        language: whose texts are switched, the pivot by default.
        alone: whether the other languages are left out.
    """
    return _switch(
        corpus, language or pivot, lexicons, rng, share=share, lower=True, one=one, alone=alone
    )


@register("transform", "switch_entities.v1")
def switch_entities(
    corpus: Corpus,
    pivot: str,
    rng: np.random.Generator,
    *,
    lexicons: dict[str, FilePath],
    share: Share = 1.0,
    language: str | None = None,
    alone: bool = False,
) -> Corpus:
    """Names of the pivot exchanged for those of one other language, drawn for each text.

    Names are what the dictionaries have, as they are spelled, the longest first. It keeps grammar
    whole, as names stand where names stood. Prefer it for tasks about entities; `entities.v1` then
    hides the names.
    Source: Whitehouse et al. (2022), EntityCS: Improving Zero-Shot Cross-lingual Transfer with
    Entity-Centric Code Switching; there the names are the links of Wikipedia.

    Args:
        corpus: rows; other languages than the switched one stay as they are.
        pivot: canonical tag.
        rng: what is drawn from.
        lexicons: names in each language, the switched one's first.
        share: of known names that are exchanged.
        language: whose texts are switched, the pivot by default.
        alone: whether the other languages are left out.
    """
    return _switch(
        corpus, language or pivot, lexicons, rng, share=share, lower=False, one=True, alone=alone
    )
