"""Labels carried by choosing, among stretches of a translation, the one most like each span."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from isogloss.errors import CorpusError, UsageError
from isogloss.language import read_language
from isogloss.match.neighbours import unit
from isogloss.registry import register
from isogloss.task.projection.contract import Labelled, Projected, check_lengths, join, placed

if TYPE_CHECKING:
    from isogloss.encode.protocol import Encoder
    from isogloss.encode.words import TokenVectors

Place = tuple[int, int]
"""The first word of a stretch, and the one after its last."""
Score = Callable[
    [Sequence[Labelled], Sequence[Sequence[str]], Sequence[Sequence[Place]]], list[np.ndarray]
]
"""Sentences, words of their translations and places in these, to `[spans, places]` a sentence."""
Propose = Callable[[Sequence[Labelled], Sequence[Sequence[str]]], Sequence[Sequence[Sequence[str]]]]
"""Sentences and words of their translations, to texts that each span of each may have become."""
Probability = Callable[[Sequence[tuple[str, str, str, str]]], Sequence[float]]
"""Texts, each with its language after the one it is a translation of and that one's language:
(text, of, language, language of that); to the mean log probability of a token of the text."""
LONGEST = 10  # words of a stretch
ABSENT = "proposals that are not in the translation"
UNPROPOSED = "spans without a proposal in the translation"
AT_ONCE = 12  # spans whose best places are found together; more are taken one by one


class Chosen(NamedTuple):
    """Places of spans.

    Attributes:
        at: the index of each span's place; -1 where it has none.
        exact: whether no other choice has a larger total.
    """

    at: list[int]
    exact: bool


@register("projection", "candidates.v1")
def candidates(
    source: Sequence[Labelled],
    target: Sequence[Sequence[str]],
    *,
    score: Score,
    propose: Propose | None = None,
    unproposed: Literal["lost", "all"] = "lost",
    longest: int = LONGEST,
    least: float = -np.inf,
    lost: str = "example",
) -> Projected:
    """Spans carried to the stretches of the translation that score best, none in another's way.

    Prefer it where links are poor: a stretch is judged as a whole, in `by_translation` by what a
    translator thinks of it. It costs a scoring of every stretch, or with `propose` of a few.

    Args:
        source: n sentences with their spans.
        target: words of the n translations.
        score: `by_translation` or `by_vectors`, or one of your own; more is better.
        propose: a text-to-text model that names likely translations, such as a `Proposer`; those
            that stand in the translation are judged, the others counted. By default every stretch
            of up to `longest` words that has no punctuation at its ends is judged.
        unproposed: a span of which no proposal stands in the translation is `lost`, or `all`
            stretches are judged for it.
        longest: words of a stretch that nobody proposed.
        least: a span all of whose places score less has none.
        lost: leave out the `example` one of whose spans has no place, or that `span` alone.

    Raises:
        CorpusError: other numbers of sentences, or scores of another shape or that are no numbers.
        UsageError: a limit that means nothing.

    Source: García-Ferrero, Agerri and Rigau (2023), T-Projection: High Quality Annotation
    Projection for Sequence Labeling Tasks, section 3.
    """
    check_lengths(source, target)
    if longest < 1 or lost not in ("example", "span") or unproposed not in ("lost", "all"):
        raise UsageError(
            f"longest is {longest}, lost {lost!r} and unproposed {unproposed!r}",
            remedy="give at least 1 word, example or span, and lost or all",
        )
    counts: Counter[str] = Counter()
    asked = [i for i, one in enumerate(source) if one.spans]
    those, there = [source[i] for i in asked], [target[i] for i in asked]
    proposals = propose(those, there) if propose and asked else None
    places, allowed = [], []
    for row, (one, words) in enumerate(zip(those, there, strict=True)):
        if proposals is None:
            found = stretches(words, longest)
            own = np.ones((len(one.spans), len(found)), bool)
        else:
            rest = stretches(words, longest) if unproposed == "all" else []
            found, own = _proposed(one, words, proposals[row], rest, counts)
        places.append(found)
        allowed.append(own)
    scores = score(those, there, places)
    made: list[Labelled | None] = [Labelled(words, []) for words in target]
    for i, spots, own, given in zip(asked, places, allowed, scores, strict=True):
        table = np.array(given, float)
        if table.shape != own.shape or np.isnan(table).any():
            raise CorpusError(
                f"scores of shape {table.shape} for {own.shape[0]} spans and {own.shape[1]} places",
                remedy="give one number for each, and nothing else",
            )
        table[~own | (table < least)] = -np.inf
        chosen = assign(table, spots)
        if not chosen.exact:
            counts["sentences whose many spans were placed one by one"] += 1
        found = [spots[at] if at >= 0 else None for at in chosen.at]
        made[i] = placed(source[i], target[i], found, lost, counts)
    return Projected(made, {why: n for why, n in counts.items() if n or why == "spans projected"})


def stretches(words: Sequence[str], longest: int = LONGEST) -> list[Place]:
    """All stretches of up to so many words, without those that have punctuation at an end."""
    solid = [not _punctuation(word) for word in words]
    return [
        (first, stop)
        for first in range(len(words))
        for stop in range(first + 1, min(first + longest, len(words)) + 1)
        if solid[first] and solid[stop - 1]
    ]


def places_of(text: str, words: Sequence[str]) -> list[Place]:
    """All stretches that have the letters of a text; spaces, case and compatibility do not count.

    So what a tokenizer changed on its way there and back is found: `l' Unione` in `l'unione`.
    """
    wanted, letters = _letters(text), [_letters(word) for word in words]
    found = []
    for first in range(len(words)):
        read = ""
        for stop in range(first, len(words)):
            read += letters[stop]
            if read == wanted and letters[first] and letters[stop]:
                found.append((first, stop + 1))
            if not wanted.startswith(read):
                break
    return found


def _letters(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def assign(scores: np.ndarray, places: Sequence[Place]) -> Chosen:
    """A place for each span, none with a word in common with another.

    As many spans as can be have a place, and among such choices the total is the largest. Found by
    dynamic programming over words and sets of spans, in time proportional to places times 2 to the
    power of spans; more than `AT_ONCE` spans are taken one by one, the best score first.

    Args:
        scores: `[spans, places]`; -inf where a span must not be.
        places: what each column is.
    """
    able = np.isfinite(scores)
    if not able.any():
        return Chosen([-1] * len(scores), True)
    if len(scores) > AT_ONCE:
        return Chosen(_greedy(scores, places), False)
    finite = scores[able]
    # one span more outweighs any difference between totals
    bonus = 1 + (len(scores) + 1) * float(finite.max() - finite.min())
    gain = np.where(able, scores - float(finite.min()) + bonus, -np.inf)
    words = max(stop for _, stop in places)
    sets = np.arange(2 ** len(scores))
    best = np.full((words + 1, len(sets)), -np.inf)
    best[0, 0] = 0
    came = np.full((words + 1, len(sets), 2), -1)  # place and span that led here
    begins: dict[int, list[int]] = {}
    for at, (first, _) in enumerate(places):
        begins.setdefault(first, []).append(at)
    for word in range(words):
        _better(best, came, word + 1, sets, best[word], (-1, -1))
        for at in begins.get(word, ()):
            for span in np.flatnonzero(able[:, at]).tolist():
                free = sets[(sets >> span & 1) == 0]
                _better(best, came, places[at][1], free | 1 << span,
                        best[word, free] + gain[span, at], (at, span))  # fmt: skip
    found = [-1] * len(scores)
    word, chosen = words, int(best[words].argmax())
    while word:
        at, span = came[word, chosen].tolist()
        if at < 0:
            word -= 1
        else:
            found[span], word, chosen = at, places[at][0], chosen & ~(1 << span)
    return Chosen(found, True)


def by_translation(probability: Probability, languages: tuple[str, str]) -> Score:
    """Scores of stretches by how probable they and the span are as translations of each other.

    s(a, b) = (p(a | b) / p(a | a) + p(b | a) / p(b | b)) / 2 with p the geometric mean over tokens:
    what a translator gives a text given itself is the most that it could give.

    Args:
        probability: the translator's; it is asked in both directions, and from each language into
            itself.
        languages: of the source and of the translations.

    Source: Vamvas and Sennrich (2022), NMTScore, section 2.1 (direct translation probability,
    normalised); García-Ferrero et al. (2023), section 3.2.
    """
    first, second = languages
    scripts = [read_language(language).script for language in languages]

    def score(
        source: Sequence[Labelled],
        target: Sequence[Sequence[str]],
        places: Sequence[Sequence[Place]],
    ) -> list[np.ndarray]:
        rows = []
        for one, words, spots in zip(source, target, places, strict=True):
            own = [join(one.words[s.first : s.stop], scripts[0]) for s in one.spans]
            rows.append((own, [join(words[a:b], scripts[1]) for a, b in spots]))
        asked = sorted({one for own, other in rows for a in own for b in other
                        for one in _four(a, b, first, second)})  # fmt: skip
        given = np.asarray(probability(asked) if asked else [], float)
        known = dict(zip(asked, given, strict=True))

        def like(a: str, b: str) -> float:
            there, itself, back, other = (known[one] for one in _four(a, b, first, second))
            return float((np.exp(there - itself) + np.exp(back - other)) / 2)

        return [np.array([[like(a, b) for b in other] for a in own]).reshape(len(own), len(other))
                for own, other in rows]  # fmt: skip

    return score


def _four(a: str, b: str, first: str, second: str) -> list[tuple[str, str, str, str]]:
    """What `by_translation` asks of a pair: each given the other, and given itself."""
    return [(a, b, first, second), (a, a, first, first), (b, a, second, first),
            (b, b, second, second)]  # fmt: skip


def by_vectors(encoder: Encoder, layer: int | None = None, *, centred: bool = True) -> Score:
    """Scores of stretches by the cosine of their mean word vector and that of the span.

    Prefer it without a translator: one pass of an encoder over both sentences is all it takes.

    Args:
        encoder: of words in context.
        layer: of it; the one two thirds up by default.
        centred: take the mean of all words of a language's text from each, so that what they share
            as words of that language does not count.
    """

    def score(
        source: Sequence[Labelled],
        target: Sequence[Sequence[str]],
        places: Sequence[Sequence[Place]],
    ) -> list[np.ndarray]:
        if not source:
            return []
        chosen = (
            encoder.layers[round((len(encoder.layers) - 1) * 2 / 3)] if layer is None else layer
        )
        spans = [[(s.first, s.stop) for s in one.spans] for one in source]
        own = _span_vectors(encoder, [one.words for one in source], spans, chosen, centred)
        other = _span_vectors(encoder, target, places, chosen, centred)
        return [a @ b.T for a, b in zip(own, other, strict=True)]

    return score


def _span_vectors(
    encoder: Encoder,
    sentences: Sequence[Sequence[str]],
    places: Sequence[Sequence[Place]],
    layer: int,
    centred: bool,
) -> list[np.ndarray]:
    """`[places, d]` of length 1 a sentence; a stretch without a token is 0."""
    from isogloss.match.word_means import word_means

    means: TokenVectors = word_means(encoder, sentences, layers=[layer])[layer]
    array = means.array - means.array.mean(0) if centred else means.array
    made = []
    for n, spots in enumerate(places):
        inside = slice(int(means.starts[n]), int(means.starts[n + 1]))
        sums = np.zeros((len(sentences[n]) + 1, array.shape[1]))
        sums[means.words[inside] + 1] = array[inside]
        sums = sums.cumsum(0)
        first, stop = np.array(spots, int).reshape(-1, 2).T
        made.append(unit(sums[stop] - sums[first]))
    return made


def _proposed(
    one: Labelled,
    words: Sequence[str],
    proposals: Sequence[Sequence[str]],
    rest: Sequence[Place],
    counts: Counter[str],
) -> tuple[list[Place], np.ndarray]:
    """Proposed places of a translation, and which `[spans, places]` each span may have."""
    own = [{place for text in texts for place in places_of(text, words)} for texts in proposals]
    named = {(span.kind, text) for span, texts in zip(one.spans, proposals, strict=True)
             for text in texts}  # fmt: skip
    counts["proposals"] += len(named)
    counts[ABSENT] += sum(not places_of(text, words) for _, text in named)
    counts[UNPROPOSED] += sum(not mine for mine in own)
    own = [mine or set(rest) for mine in own]
    found = sorted(set().union(*own))
    allowed = np.array([[place in mine for place in found] for mine in own], bool)
    return found, allowed.reshape(len(own), len(found))


def _better(
    best: np.ndarray,
    came: np.ndarray,
    row: int,
    to: np.ndarray,
    values: np.ndarray,
    how: tuple[int, int],
) -> None:
    more = values > best[row, to]
    best[row, to[more]] = values[more]
    came[row, to[more]] = how


def _greedy(scores: np.ndarray, places: Sequence[Place]) -> list[int]:
    found = [-1] * len(scores)
    taken: set[int] = set()
    for flat in np.argsort(-scores, axis=None, kind="stable").tolist():
        span, at = divmod(flat, scores.shape[1])
        words = range(*places[at])
        if found[span] < 0 and np.isfinite(scores[span, at]) and taken.isdisjoint(words):
            found[span] = at
            taken.update(words)
    return found


def _punctuation(word: str) -> bool:
    return all(unicodedata.category(c)[0] in "PS" for c in word)
