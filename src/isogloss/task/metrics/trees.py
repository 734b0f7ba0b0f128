"""Scores of dependency trees by the rules of the CoNLL 2018 shared task.

Predicted words need not be those of gold, only spell the same characters: words are aligned first,
and every score is F1 over words. Without tokenisation of its own that is the share of words.
Subtypes of relations and features that are not universal do not count: `nsubj:pass` is `nsubj`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from isogloss.errors import CorpusError, UsageError
from isogloss.task.contracts import Tally
from isogloss.task.examples import Examples
from isogloss.task.metrics.sums import checked, f1

CONTENT = frozenset(
    """nsubj obj iobj csubj ccomp xcomp obl vocative expl dislocated advcl advmod discourse nmod
    appos nummod acl amod conj fixed flat compound list parataxis orphan goeswith reparandum root
    dep""".split()
)
"""Relations of words that mean something by themselves."""
FUNCTIONAL = frozenset("aux cop mark det clf case cc".split())
"""Relations of words that MLAS takes together with the word they belong to."""
UNIVERSAL = frozenset(
    """PronType NumType Poss Reflex Foreign Abbr Gender Animacy Number Case Definite Degree VerbForm
    Mood Tense Aspect Voice Evident Polarity Person Polite""".split()
)
"""Features that count, those of UD 2.2."""
MEASURES = ("las", "uas", "upos", "ufeats", "clas", "mlas", "words")
_ROOT, _UNALIGNED = -1, -2


class Tree(NamedTuple):
    """A sentence as the columns of `examples.TREES` have it; see there.

    Attributes:
        words: their forms.
        tags: UPOS.
        features: the sixth column of CoNLL-U; None and `_` are no features.
        heads: the number of a word, counted from 1, or 0.
        relations: to the head.
        surface: `first`, `last` and `form` of what is written as one and is several words.
    """

    words: Sequence[str]
    tags: Sequence[str | None]
    features: Sequence[str | None]
    heads: Sequence[int]
    relations: Sequence[str]
    surface: Sequence[Mapping[str, Any]] | None = None


def trees_of(examples: Examples) -> list[Tree]:
    """The rows of examples of the shape `TREES`.

    Raises:
        CorpusError: examples of another shape.
    """
    names = Tree._fields
    found = [examples.column(name) for name in names]
    whole = ([row or [None] * len(words) for row, words in zip(column, found[0], strict=True)]
             for column in found[1:-1])  # fmt: skip
    return [Tree(*row) for row in zip(found[0], *whole, found[-1], strict=True)]


def tree_scores(
    gold: Sequence[Tree], told: Sequence[Tree | None], measures: Sequence[str] = MEASURES
) -> dict[str, Tally]:
    """2 right / (told + gold) over words, by measure.

    A predicted word that is aligned with a gold word is right if these agree:

    - `words`: nothing more; `upos`: tags; `ufeats`: universal features.
    - `uas`: heads, that is, the heads are aligned too; `las`: heads and relations.
    - `clas`: heads and relations, of words with a content relation alone.
    - `mlas`: as `clas`, with tags, features, and all of these of the functional words below it.

    All words of an example without a prediction are told wrong. BLEX needs lemmas and is left out.
    Words are aligned within an example, so both sides have the same sentences; the script of the
    shared task, given whole files, may in odd cases align a word with one of the next sentence.

    Args:
        gold: one an example.
        told: one an example, or None.
        measures: which of them.

    Raises:
        UsageError: unequal lengths, no example, gold trees that are unknown, an unknown measure.
        CorpusError: columns of unequal length, a head outside of the sentence, a cycle, no root or
            several, written forms that do not fit the words, or other characters than in gold.

    Source: Zeman et al. (2018), CoNLL 2018 Shared Task, section 4; `conll18_ud_eval.py`.
    """
    checked(gold, told)
    if unknown := set(measures) - set(MEASURES):
        raise UsageError(
            f"trees have no measure {', '.join(sorted(unknown))}",
            remedy=f"it is one of {', '.join(MEASURES)}",
        )
    tagged = bool({"upos", "mlas"} & set(measures))
    counts: dict[str, list[tuple[int, int, int]]] = {name: [] for name in measures}
    for row, (one, other) in enumerate(zip(gold, told, strict=True), 1):
        true = _read(one, f"gold tree {row}")
        if tagged and None in true.tags:
            raise CorpusError(f"gold tree {row} has a word without a tag", remedy="leave out upos")
        guess = None if other is None else _read(other, f"predicted tree {row}")
        pairs = [] if guess is None else _aligned(true, guess, row)
        for name in measures:
            counts[name].append(_count(name, true, guess, pairs))
    rules = {"rules": "CoNLL 2018", "aligned": "by characters"}
    return {
        name: Tally(np.array(found, float), lambda s: f1(*s), rules)
        for name, found in counts.items()
    }


class _Sentence(NamedTuple):
    """What the rules look at: lists of one value a word.

    `begins` and `ends` are places among `characters`, those of what is written; words that are
    written as one have its place. `parents` count from 0.
    """

    characters: str
    forms: list[str]
    begins: list[int]
    ends: list[int]
    several: list[bool]
    parents: list[int]
    relations: list[str]
    tags: list[str | None]
    features: list[str]


def _read(tree: Tree, where: str) -> _Sentence:
    lengths = {name: len(getattr(tree, name)) for name in Tree._fields[:-1]}
    if len(set(lengths.values())) > 1:
        raise CorpusError(f"{where} has columns of unequal length: {lengths}")
    parents = _parents(tree.heads, where)
    forms, begins, ends, several, characters = _written(tree, where)
    if None in tree.relations:
        raise CorpusError(f"{where} has a word without a relation")
    relations = [relation.partition(":")[0] for relation in tree.relations]
    features = [_universal(one) for one in tree.features]
    return _Sentence(
        characters, forms, begins, ends, several, parents, relations, list(tree.tags), features
    )


def _universal(features: str | None) -> str:
    return "|".join(
        sorted(one for one in (features or "").split("|") if one.partition("=")[0] in UNIVERSAL)
    )


def _parents(heads: Sequence[int | None], where: str) -> list[int]:
    for number, head in enumerate(heads, 1):
        if head is None or not 0 <= head <= len(heads):
            raise CorpusError(
                f"the head of word {number} of {where} is {head}, not one of its {len(heads)} words"
            )
    roots = [number for number, head in enumerate(heads, 1) if not head]
    if len(roots) != 1:
        raise CorpusError(
            f"{where} has {len(roots)} roots" + (f", words {roots}" if roots else ""),
            remedy="a tree has one word whose head is 0; decode it as a tree",
        )
    parents = [int(head or 0) - 1 for head in heads]
    above: set[int] = set()  # words from which the root is reached
    for word in range(len(parents)):
        path: list[int] = []
        while word != _ROOT and word not in above:
            if word in path:
                raise CorpusError(
                    f"{where} has a cycle at word {word + 1}", remedy="decode it as a tree"
                )
            path.append(word)
            word = parents[word]
        above.update(path)
    return parents


def _written(tree: Tree, where: str) -> tuple[list[str], list[int], list[int], list[bool], str]:
    """Forms of words, where they begin and end, whether they share that, and all characters."""
    ranges = {}
    last = 0
    for one in sorted(tree.surface or (), key=lambda one: one["first"]):
        if not last < one["first"] <= one["last"] <= len(tree.words):
            raise CorpusError(
                f"{one['form']!r} is words {one['first']} to {one['last']} of {where}, which has "
                f"{len(tree.words)}, or shares words with what is before it"
            )
        ranges[one["first"]], last = one, one["last"]
    forms, begins, ends, several, characters = [], [], [], [], ""
    number = 1
    while number <= len(tree.words):
        one = ranges.get(number)
        token = _unspaced(one["form"] if one else tree.words[number - 1])
        if not token:
            raise CorpusError(f"word {number} of {where} has no form")
        inside = one["last"] - number + 1 if one else 1
        words = [str(word) for word in tree.words[number - 1 : number - 1 + inside]]
        forms += [word.lower() for word in words] if one else [token.lower()]
        begins += [len(characters)] * inside
        characters += token
        ends += [len(characters)] * inside
        several += [one is not None] * inside
        number += inside
    return forms, begins, ends, several, characters


def _unspaced(form: str | None) -> str:
    return "".join(c for c in form or "" if unicodedata.category(c) != "Zs")


def _aligned(gold: _Sentence, told: _Sentence, row: int) -> list[tuple[int, int]]:
    """Words of gold and of the prediction that are the same word."""
    if gold.characters != told.characters:
        shared = _same_start(gold.characters, told.characters)
        raise CorpusError(
            f"predicted tree {row} spells another text than gold: "
            f"{told.characters[shared : shared + 20]!r} is not "
            f"{gold.characters[shared : shared + 20]!r}",
            remedy="predict on the words of gold, or cut the same text",
        )
    same = gold.forms == told.forms and gold.begins == told.begins and gold.ends == told.ends
    if same and gold.several == told.several:
        return [(word, word) for word in range(len(gold.forms))]
    return _align(gold, told)


def _same_start(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _align(gold: _Sentence, told: _Sentence) -> list[tuple[int, int]]:
    """Words at the same place are one; where several are written as one, a common subsequence."""
    pairs: list[tuple[int, int]] = []
    g = t = 0
    while g < len(gold.forms) and t < len(told.forms):
        if gold.several[g] or told.several[t]:
            first, end = _stretch((gold, told), (g, t))
            pairs += _subsequence(gold.forms, told.forms, first, end)
            g, t = end
            continue
        if (gold.begins[g], gold.ends[g]) == (told.begins[t], told.ends[t]):
            pairs.append((g, t))
            g, t = g + 1, t + 1
        elif gold.begins[g] <= told.begins[t]:
            g += 1
        else:
            t += 1
    return pairs


def _stretch(
    sides: tuple[_Sentence, _Sentence], at: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """First words of both sides and those after, of the least text that nothing written crosses."""
    now = list(at)
    lead = 0 if sides[0].several[at[0]] else 1  # the side whose word is written with others
    reach = sides[lead].ends[at[lead]]
    rest = 1 - lead
    if not sides[rest].several[at[rest]] and (
        sides[rest].begins[at[rest]] < sides[lead].begins[at[lead]]
    ):
        now[rest] += 1
    first = (now[0], now[1])

    def left(side: int) -> bool:
        return now[side] < len(sides[side].forms)

    def inside(side: int) -> bool:
        words, word = sides[side], now[side]
        if not left(side):
            return False
        return words.begins[word] < reach if words.several[word] else words.ends[word] <= reach

    while inside(0) or inside(1):
        if not left(0) or not left(1):
            side = 0 if left(0) else 1
        else:
            side = 0 if sides[0].begins[now[0]] <= sides[1].begins[now[1]] else 1
        if sides[side].several[now[side]]:
            reach = max(reach, sides[side].ends[now[side]])
        now[side] += 1
    return first, (now[0], now[1])


def _subsequence(
    gold: Sequence[str], told: Sequence[str], first: tuple[int, int], end: tuple[int, int]
) -> list[tuple[int, int]]:
    """Pairs of a longest common subsequence of two stretches of words."""
    one, other = gold[first[0] : end[0]], told[first[1] : end[1]]
    longest = np.zeros((len(one) + 1, len(other) + 1), int)  # of what is left from here on
    for g in reversed(range(len(one))):
        for t in reversed(range(len(other))):
            longest[g, t] = max(
                longest[g + 1, t], longest[g, t + 1], (one[g] == other[t]) + longest[g + 1, t + 1]
            )
    pairs, g, t = [], 0, 0
    while g < len(one) and t < len(other):
        if one[g] == other[t]:
            pairs.append((first[0] + g, first[1] + t))
            g, t = g + 1, t + 1
        elif longest[g, t] == longest[g + 1, t]:
            g += 1
        else:
            t += 1
    return pairs


def _count(
    name: str, gold: _Sentence, told: _Sentence | None, pairs: Sequence[tuple[int, int]]
) -> tuple[int, int, int]:
    """Words that are right, told and gold."""
    content = name in ("clas", "mlas")

    def counts(side: _Sentence, word: int) -> bool:
        return not content or side.relations[word] in CONTENT

    wanted = sum(counts(gold, word) for word in range(len(gold.forms)))
    if told is None:
        return 0, wanted, wanted
    same = {t: g for g, t in pairs} | {_ROOT: _ROOT}
    true = _Said(gold, lambda word: word)
    guess = _Said(told, lambda word: same.get(word, _UNALIGNED))
    right = sum(true.of(name, g) == guess.of(name, t) for g, t in pairs if counts(gold, g))
    return right, sum(counts(told, word) for word in range(len(told.forms))), wanted


class _Said(NamedTuple):
    """What a side says of its words, which are named by the words of gold."""

    side: _Sentence
    gold: Callable[[int], int]

    def of(self, name: str, word: int) -> Any:
        """What has to agree in a measure."""
        side, head = self.side, self.gold(self.side.parents[word])
        if name == "mlas":
            below = [
                self._known(one)
                for one, parent in enumerate(side.parents)
                if parent == word and side.relations[one] in FUNCTIONAL
            ]
            own = (head, side.relations[word], side.tags[word], side.features[word])
            return own, below
        return {
            "words": True,
            "upos": side.tags[word],
            "ufeats": side.features[word],
            "uas": head,
        }.get(name, (head, side.relations[word]))

    def _known(self, word: int) -> tuple[Any, ...]:
        side = self.side
        return self.gold(word), side.relations[word], side.tags[word], side.features[word]
