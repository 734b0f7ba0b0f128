"""Words into morphs without any labels: the lexicon and the text it spells, both kept short."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import inf, lgamma, log
from typing import Literal

from isogloss.errors import UsageError

Dampening = Literal["types", "logs", "tokens"]
_DAMPENED: dict[str, Callable[[int], int]] = {
    "types": lambda count: 1,
    "logs": lambda count: count.bit_length(),  # 1 + floor(log2 count)
    "tokens": lambda count: count,
}
ENOUGH = 5e-5  # a round that shortens the description by less is the last
_END = ""  # what ends a morph where it is spelled in the lexicon
_UNSEEN = 1e-9  # probability of a letter that no word has


@dataclass(frozen=True)
class Morphology:
    """Morphs of one language and what they cost.

    Attributes:
        words: each word it was learned from and its morphs.
        counts: morph to how often these words use it, dampened as in learning.
        letters: letter, and `""` for the end of a morph, to -ln of its probability.
        weight: of the text against the lexicon.
    """

    words: dict[str, tuple[str, ...]]
    counts: dict[str, int]
    letters: dict[str, float]
    weight: float

    @cached_property
    def total(self) -> int:
        """How many morphs the words have, dampened."""
        return sum(self.counts.values())

    @property
    def cost(self) -> float:
        """Description length in nats, see `description_length`."""
        return description_length(self.counts, len(self.words), self.letters, self.weight)

    def segment(self, word: str) -> tuple[str, ...]:
        """The cheapest morphs of any word; letters that no morph has stand alone."""
        letters = dict.fromkeys(word, -log(_UNSEEN)) | self.letters
        costs = _costs(self.counts, len(self.words), letters, _clusters(word))
        return _cheapest(word, costs, max(map(len, costs), default=0))[0]


def learn_morphology(
    words: Mapping[str, int],
    *,
    weight: float = 1.0,
    dampening: Dampening = "logs",
    longest: int = 14,
    rounds: int = 30,
) -> Morphology:
    """Morphs of a list of words with counts, by minimum description length.

    Begins with every substring that is met twice, then in turn gives each word its cheapest morphs
    (Viterbi), counts them, takes out those that cost the lexicon more than they save in the text,
    and joins neighbours that save more than they cost, until nothing gets shorter. A morph never
    begins with a combining accent. The same words in any order give the same morphs. Runs of text
    in a script without spaces may stand for words.

    Args:
        words: word to its count, which is at least 1.
        weight: of the text against the lexicon; a larger one makes longer and more morphs.
        dampening: whether a word counts once, as the logarithm of its count, or as often as it is
            met. Tokens keep frequent words whole, types show rare stems and endings best.
        longest: letters of a morph.
        rounds: at most so many.

    Raises:
        UsageError: no word, an empty word, a count below 1 or a setting that cannot be.

    Source: the cost of Creutz and Lagus (2002), Unsupervised Discovery of Morphemes, section 2,
    with the priors of Creutz and Lagus (2007), Unsupervised Models for Morpheme Segmentation and
    Morphology Learning, section 3. The search is not their recursive splitting but that of Kudo
    (2018), Subword Regularization, section 3.2, with hard counts, the length as the measure of
    what to prune, and joining besides. Dampening: Virpioja, Kohonen and Lagus (2011).
    """
    _check(words, weight, dampening, longest, rounds)
    weighted = {word: _DAMPENED[dampening](words[word]) for word in sorted(words)}
    letters = _letter_costs(weighted)
    atoms = _atom_counts(weighted)
    seeds = _substrings(weighted, longest)
    counts = seeds | atoms
    # Were a morph's place in the lexicon free, every word would be cheapest whole at first.
    share = {m: _form(m, letters) / (weight * count) for m, count in seeds.items()}
    best: Morphology | None = None
    tried: set[str] = set()
    for _ in range(rounds):
        costs = _costs(counts, len(weighted), letters, atoms)
        costs |= {m: costs[m] + more for m, more in share.items()}
        share = {}
        made = _segmented(weighted, costs, letters, weight)
        worse_than = inf if best is None else best.cost
        if made.cost < worse_than:
            best = made
        if made.cost > worse_than * (1 - ENOUGH):
            break
        gone = _worthless(made, atoms)
        new = {m: c for m, c in _joined(made, weighted, longest).items() if m not in tried}
        tried |= gone | new.keys()
        counts = {m: c for m, c in made.counts.items() if m not in gone} | new
    assert best is not None
    return best


def _segmented(
    words: Mapping[str, int],
    costs: Mapping[str, float],
    letters: dict[str, float],
    weight: float,
) -> Morphology:
    """Every word with its cheapest morphs, and these counted."""
    span = max(map(len, costs))
    cut = {word: _cheapest(word, costs, span)[0] for word in words}
    counts: Counter[str] = Counter()
    for word, morphs in cut.items():
        for morph in morphs:
            counts[morph] += words[word]
    return Morphology(cut, dict(counts), letters, weight)


def description_length(
    counts: Mapping[str, int], words: int, letters: Mapping[str, float], weight: float = 1.0
) -> float:
    """What a lexicon of M morphs and the text they spell cost together, in nats.

    L = sum over morphs of (sum of its letters' -ln p + -ln p(end))         their forms
      + ln C(N-1, M-1) - ln M!                                              their frequencies
      + weight ((N+W) ln (N+W) - W ln W - sum of c ln c)                    the text

    for N morphs in W words, a word's end being one more thing to write.

    Args:
        counts: morph to its count c, all above 0.
        words: W.
        letters: as in `Morphology`.
        weight: of the text.
    """
    total, kinds = sum(counts.values()), len(counts)
    text = _xlogx(total + words) - _xlogx(words) - sum(map(_xlogx, counts.values()))
    forms = sum(_form(morph, letters) for morph in counts)
    return forms + _frequencies(total, kinds) + weight * text


def _check(
    words: Mapping[str, int], weight: float, dampening: str, longest: int, rounds: int
) -> None:
    if not words:
        raise UsageError("there are no words to find morphs in")
    if "" in words or min(words.values()) < 1:
        raise UsageError("a word is empty or counted less than once")
    if dampening not in _DAMPENED:
        raise UsageError(f"no dampening {dampening!r}", remedy=f"known: {', '.join(_DAMPENED)}")
    if not 0 < weight < inf or longest < 2 or rounds < 1:
        raise UsageError(
            f"weight {weight} must be above 0, longest {longest} at least 2, rounds {rounds} at "
            "least 1"
        )


def _xlogx(x: float) -> float:
    return x * log(x) if x else 0.0


def _form(morph: str, letters: Mapping[str, float]) -> float:
    return letters[_END] + sum(map(letters.__getitem__, morph))


def _frequencies(total: int, kinds: int) -> float:
    """-ln probability of any way to share `total` among `kinds` morphs, whose order is free."""
    if not kinds:
        return 0.0
    ways = lgamma(total) - lgamma(kinds) - lgamma(total - kinds + 1)
    return ways - lgamma(kinds + 1)


def _letter_costs(words: Mapping[str, int]) -> dict[str, float]:
    """-ln of how often a letter is met in the list of words, in which each word ends once."""
    met = Counter(letter for word in words for letter in word)
    met[_END] = len(words)
    total = sum(met.values())
    return {letter: log(total / count) for letter, count in met.items()}


def _clusters(word: str) -> list[str]:
    """Letters with the accents that follow them, which no morph is cut before."""
    found: list[str] = []
    for letter in word:
        if found and unicodedata.combining(letter):
            found[-1] += letter
        else:
            found.append(letter)
    return found


def _atom_counts(words: Mapping[str, int]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for cluster in _clusters(word):
            counts[cluster] += count
    return dict(counts)


def _substrings(words: Mapping[str, int], longest: int) -> dict[str, int]:
    """Counts of substrings of two letters or more that are met twice.

    A substring that is met only inside one that is a letter longer is no morph of its own. Only
    what extends a frequent substring is counted, so that memory follows what is kept.
    """
    found: dict[str, int] = {}
    before: dict[str, int] = {}
    places = [(word, range(len(word))) for word in words]
    for length in range(2, longest + 1):
        counts: Counter[str] = Counter()
        there = []
        for word, starts in places:
            last = len(word) - length
            if starts := [s for s in starts if s <= last]:
                there.append((word, starts))
                weight = words[word]
                for start in starts:
                    counts[word[start : start + length]] += weight
        frequent = {piece: count for piece, count in counts.items() if count > 1}
        for piece, count in frequent.items():
            for part in (piece[:-1], piece[1:]):
                if before.get(part) == count:
                    found.pop(part, None)
        found |= frequent
        before = frequent
        places = [
            (word, [s for s in starts if word[s : s + length] in frequent])
            for word, starts in there
        ]
        if not frequent:
            break
    return {piece: count for piece, count in found.items() if not unicodedata.combining(piece[0])}


def _costs(
    counts: Mapping[str, int],
    words: int,
    letters: Mapping[str, float],
    atoms: Iterable[str],
) -> dict[str, float]:
    """-ln probability of each morph; an atom that is not used costs its way into the lexicon."""
    total = log(sum(counts.values()) + words)
    costs = {morph: total - log(count) for morph, count in counts.items()}
    for atom in atoms:
        if atom not in costs:
            costs[atom] = total + _form(atom, letters)
    return costs


def _cheapest(
    word: str, costs: Mapping[str, float], longest: int, without: str = ""
) -> tuple[tuple[str, ...], float]:
    """The morphs of a word with the least sum of costs (Viterbi), and that sum."""
    size = len(word)
    best = [0.0] + [inf] * size
    back = [0] * (size + 1)
    for start in range(size):
        here = best[start]
        if here == inf:
            continue
        for end in range(start + 1, min(size, start + longest) + 1):
            piece = word[start:end]
            if piece in costs and piece != without and here + costs[piece] < best[end]:
                best[end], back[end] = here + costs[piece], start
    morphs: list[str] = []
    end = size
    while end:
        morphs.append(word[back[end] : end])
        end = back[end]
    return tuple(reversed(morphs)), best[size]


def _change(made: Morphology, of: Mapping[str, int]) -> float:
    """How much longer the description gets if the counts of these morphs change by so much.

    A morph whose count becomes 0 leaves the lexicon, one that had none enters it.
    """
    counts = made.counts
    total, kinds, words = made.total, len(counts), len(made.words)
    forms, text, more = 0.0, 0.0, 0
    for morph, change in of.items():
        before = counts.get(morph, 0)
        after = max(before + change, 0)  # overlapping pairs, as in "mamama", are counted twice
        text -= _xlogx(after) - _xlogx(before)
        entered = bool(after) - bool(before)
        forms += entered * _form(morph, made.letters) if entered else 0.0
        kinds, more = kinds + entered, more + after - before
    text += _xlogx(total + more + words) - _xlogx(total + words)
    places = _frequencies(total + more, kinds) - _frequencies(total, len(counts))
    return forms + places + made.weight * text


def _worthless(made: Morphology, atoms: Iterable[str]) -> set[str]:
    """Morphs without which the description is shorter.

    A morph that stands in for one that goes stays until the next round, so that what was reckoned
    holds.
    """
    costs = _costs(made.counts, len(made.words), made.letters, atoms)
    span = max(map(len, costs))
    gains: list[tuple[float, str, tuple[str, ...]]] = []
    for morph in made.counts.keys() - atoms:
        count = made.counts[morph]
        instead = _cheapest(morph, costs, span, without=morph)[0]
        change = _change(
            made, {m: count * n for m, n in Counter(instead).items()} | {morph: -count}
        )
        if change < 0:
            gains.append((change, morph, instead))
    gone: set[str] = set()
    kept: set[str] = set()
    for _, morph, instead in sorted(gains):
        if morph not in kept and gone.isdisjoint(instead):
            gone.add(morph)
            kept.update(instead)
    return gone


def _joined(made: Morphology, words: Mapping[str, int], longest: int) -> dict[str, int]:
    """Neighbours that make the description shorter as one new morph, with their counts."""
    pairs: Counter[tuple[str, str]] = Counter()
    for word, morphs in made.words.items():
        for pair in pairwise(morphs):
            pairs[pair] += words[word]
    found: dict[str, int] = {}
    for (left, right), count in pairs.items():
        morph = left + right
        if len(morph) <= longest and morph not in made.counts:
            parts = Counter({left: -count})
            parts[right] -= count
            if _change(made, {**parts, morph: count}) < 0:
                found[morph] = max(count, found.get(morph, 0))
    return found
