"""English sentences that say almost the same and mean something else."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from isogloss.errors import CorpusError, UsageError

TRIES = 8  # replacements drawn for one place, of which some may not fit


class Negatives(NamedTuple):
    """Changed sentences.

    Attributes:
        texts: `[m]` each differs from every given sentence and from each other.
        origins: `[m]` the sentence that each was made from.
        kinds: `[m]` what was changed.
        counts: made of each kind.
        without: sentences of which none of that kind could be made.
    """

    texts: tuple[str, ...]
    origins: np.ndarray
    kinds: tuple[str, ...]
    counts: dict[str, int]
    without: dict[str, int]


class Site(NamedTuple):
    """A place in a sentence and what may stand there instead."""

    start: int
    end: int
    choices: tuple[str, ...]


def hard_negatives(
    texts: Sequence[str], *, each: int = 3, kinds: Sequence[str] | None = None, seed: int = 0
) -> Negatives:
    """Change one place of a sentence by rule: its causality, a number or a name.

    - `causality`: a negation put in or taken out, a word turned into its opposite (more, less),
      a reason into a concession (because, although);
    - `number`: digits by others of the same shape, number words by others;
    - `entity`: capitalised words within a sentence by those of another sentence of `texts`.

    No model is asked, so a change is at times clumsy; it always alters what is said. The same
    seed gives the same sentences, and those of one kind do not depend on which others are made.

    Args:
        texts: English sentences.
        each: at most so many of each kind from one sentence.
        kinds: some of the three; all by default.
        seed: of the choices.

    Raises:
        UsageError: a kind that does not exist, or `each` under 1.
        CorpusError: a text that is missing.

    Source: Chen, Heffernan, Çelebi, Mourachko and Schwenk (2023), xSIM++, section 3; their rules
    find adjectives and names with a tagger, these with word lists and capital letters.
    """
    kinds = tuple(kinds or _FINDERS)
    if each < 1 or (unknown := [kind for kind in kinds if kind not in _FINDERS]):
        wrong = f"each is {each}" if each < 1 else f"no kind {unknown[0]!r}"
        raise UsageError(
            f"{wrong}; kinds are {', '.join(_FINDERS)}, of each of which at least 1 is made"
        )
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise CorpusError(f"text {row} is missing; leave such rows out before")
    pool = [name for text in texts for name in _names(text)]
    taken, made = set(texts), []
    counts, without = dict.fromkeys(kinds, 0), dict.fromkeys(kinds, 0)
    for row, text in enumerate(texts):
        for kind in kinds:
            rng = np.random.default_rng([seed, row, list(_FINDERS).index(kind)])
            new = _changed(text, _FINDERS[kind](text, pool, rng), each, taken, rng)
            made += [(changed, row, kind) for changed in new]
            counts[kind] += len(new)
            without[kind] += not new
    changed, origins, of = zip(*made, strict=True) if made else ((), (), ())
    return Negatives(changed, np.array(origins, np.int64), of, counts, without)


def _changed(
    text: str, sites: list[Site], each: int, taken: set[str], rng: np.random.Generator
) -> list[str]:
    """Up to `each` new sentences, one place changed in each; places take turns."""
    options = [[(site, choice) for choice in site.choices] for site in sites]
    order = rng.permutation(len(options)) if options else []
    depth = max(map(len, options), default=0)
    turns = [options[i][turn] for turn in range(depth) for i in order if turn < len(options[i])]
    made: list[str] = []
    for site, choice in turns:
        new = text[: site.start] + choice + text[site.end :]
        if new not in taken:
            taken.add(new)
            made.append(new)
        if len(made) == each:
            break
    return made


def _both(pairs: str) -> dict[str, str]:
    """Each word to its opposite, from pairs such as `more/less`."""
    table: dict[str, str] = {}
    for pair in pairs.split():
        one, other = pair.replace("_", " ").split("/")
        table |= {one: other, other: one}
    return table


OPPOSITES = _both(
    "more/less most/least many/few before/after above/below inside/outside with/without "
    "always/never often/rarely increase/decrease increases/decreases increased/decreased "
    "increasing/decreasing rise/fall rises/falls rose/fell higher/lower highest/lowest high/low "
    "larger/smaller largest/smallest large/small better/worse best/worst good/bad new/old "
    "earlier/later early/late earliest/latest longer/shorter long/short stronger/weaker "
    "strong/weak positive/negative same/different possible/impossible true/false "
    "success/failure successful/unsuccessful win/lose wins/loses won/lost begin/end begins/ends "
    "began/ended open/closed hot/cold warm/cool rich/poor easy/difficult easier/harder fast/slow "
    "faster/slower safe/dangerous happy/sad important/unimportant north/south east/west "
    "northern/southern eastern/western first/last male/female "
    "public/private legal/illegal common/rare known/unknown likely/unlikely "
    "able/unable alive/dead accepted/rejected allowed/forbidden supported/opposed "
    "because_of/despite because/although"
)
_OPPOSITE = re.compile(
    r"\b(" + "|".join(sorted(OPPOSITES, key=len, reverse=True)) + r")\b(?!['’])", re.IGNORECASE
)
_POSITIVE = re.compile(
    r"\b(is|are|was|were|will|would|should|could|might|must|may|can)\b"
    r"(?!\s+(?:not|never)\b|['’-])"
)
_NEGATIVE = re.compile(
    r"\b(is|are|was|were|will|would|should|could|might|must|may|do|does|did|has|have|had)"
    r"(?: not\b|n['’]t\b)"
)
_CANNOT = re.compile(r"\bcan(?:not| not|['’]t)\b")
_WONT = re.compile(r"\bwon['’]t\b")


def _causality(text: str, pool: Sequence[str], rng: np.random.Generator) -> list[Site]:
    names = _spans(text)  # New York has no opposite
    sites = [
        Site(*m.span(), (_cased(OPPOSITES[m[1].lower()], m[1]),))
        for m in _OPPOSITE.finditer(text)
        if not any(start <= m.start() < end for start, end in names)
    ]
    negative = [Site(*m.span(), (m[1],)) for m in _NEGATIVE.finditer(text)]
    negative += [Site(*m.span(), ("can",)) for m in _CANNOT.finditer(text)]
    negative += [Site(*m.span(), ("will",)) for m in _WONT.finditer(text)]
    sites += negative
    for m in _POSITIVE.finditer(text):
        if not any(site.start <= m.start() < site.end for site in negative):
            sites.append(Site(*m.span(), ("cannot" if m[1] == "can" else f"{m[1]} not",)))
    return sites


_WORDS = [
    "two three four five six seven eight nine ten eleven twelve",
    "twenty thirty forty fifty sixty seventy eighty ninety",
    "hundred thousand million billion",
    "hundreds thousands millions billions",
    "second third fourth fifth sixth seventh eighth ninth tenth",
]
_GROUP = {word: group.split() for group in _WORDS for word in group.split()}
_NUMBER = re.compile(
    r"\d+(?:[.,]\d+)*(?:(?:st|nd|rd|th)\b)?|\b(?:" + "|".join(_GROUP) + r")\b", re.I
)


def _number(text: str, pool: Sequence[str], rng: np.random.Generator) -> list[Site]:
    sites = []
    for match in _NUMBER.finditer(text):
        old = match[0]
        if old.lower() in _GROUP:
            others = [word for word in _GROUP[old.lower()] if word != old.lower()]
            new = [_cased(str(word), old) for word in rng.permutation(others)]
        else:
            new = [_other_number(old, rng) for _ in range(TRIES)]
        fitting = tuple(dict.fromkeys(choice for choice in new if choice != old))
        sites.append(Site(*match.span(), fitting))
    return sites


def _other_number(old: str, rng: np.random.Generator) -> str:
    """Other digits at the same places; a year keeps its century, an ordinal gets its ending."""
    ending = re.search(r"[a-z]+$", old, re.I)
    digits = old[: ending.start()] if ending else old
    kept = 2 if re.fullmatch(r"1\d{3}|20\d{2}", digits) else 0
    first = kept == 0 and digits[0] != "0" and len(digits) > 1
    new = "".join(
        str(rng.integers(1 if i == 0 and first else 0, 10)) if i >= kept and c.isdigit() else c
        for i, c in enumerate(digits)
    )
    if not ending or not digits.isdigit():
        return new + (ending[0] if ending else "")
    teen = new[-2:-1] == "1"
    return new + ("th" if teen else {"1": "st", "2": "nd", "3": "rd"}.get(new[-1], "th"))


_TOKEN = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_OPENING = " \t\n\"'“”‘’«»([{¿¡—–-"


def _spans(text: str) -> list[tuple[int, int]]:
    """Where capitalised words stand that do not begin a sentence; neighbours are one span."""
    found: list[tuple[int, int]] = []
    for match in _TOKEN.finditer(text):
        word = re.sub(r"['’]s$", "", match[0])
        before = text[: match.start()].rstrip(_OPENING)
        begins = not before or before[-1] in ".!?:;…"
        if not word[0].isupper() or begins or re.split("['’]", word)[0] == "I":
            continue
        end = match.start() + len(word)
        if found and text[found[-1][1] : match.start()] == " ":
            found[-1] = (found[-1][0], end)
        else:
            found.append((match.start(), end))
    return found


def _names(text: str) -> list[str]:
    return [text[start:end] for start, end in _spans(text)]


def _entity(text: str, pool: Sequence[str], rng: np.random.Generator) -> list[Site]:
    lowered, sites = text.lower(), []
    for start, end in _spans(text):
        drawn = [pool[i] for i in rng.integers(len(pool), size=TRIES)]
        fitting = tuple(dict.fromkeys(name for name in drawn if name.lower() not in lowered))
        sites.append(Site(start, end, fitting))
    return sites


def _cased(word: str, like: str) -> str:
    if len(like) > 1 and like.isupper():
        return word.upper()
    return word[0].upper() + word[1:] if like[0].isupper() else word


_FINDERS: dict[str, Callable[[str, Sequence[str], np.random.Generator], list[Site]]] = {
    "causality": _causality,
    "number": _number,
    "entity": _entity,
}
