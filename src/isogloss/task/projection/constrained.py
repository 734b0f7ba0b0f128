"""Labels carried by a translator that puts marks into a translation it may not otherwise change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from isogloss.errors import CorpusError, UsageError
from isogloss.registry import register
from isogloss.task.projection.candidates import assign
from isogloss.task.projection.contract import Labelled, Projected, check_lengths, placed
from isogloss.task.projection.markers import STYLES, Marks, letters, mark

LogP = Callable[[Sequence[int]], np.ndarray]
"""Tokens so far to `[vocabulary]` log probabilities of the next."""
Mark = tuple[Sequence[int], Sequence[int]]
"""The tokens that open a span, and those that close it."""
Place = tuple[int, int]


class Insertion(NamedTuple):
    """A way to put marks into a sentence.

    Attributes:
        places: first token of each span, and the one after its last.
        score: log probability of the sentence with marks.
    """

    places: tuple[Place, ...]
    score: float


class Inserted(NamedTuple):
    """The best ways, and what it took to know them.

    Attributes:
        found: best first.
        calls: of the model.
        exact: whether no other way is better than the last of these; False where calls ran out.
    """

    found: list[Insertion]
    calls: int
    exact: bool


class Decoder(NamedTuple):
    """A translator that can be asked token by token.

    Attributes:
        reads: a marked source text to the log probabilities of what it writes.
        tokens: words to the tokens of each, as they stand in a sentence.
        mark: the letters of a span to its marks.
        end: the token that ends a sentence.
        start: tokens that stand before a sentence, such as one of its language.
        marks: how source texts are marked.
    """

    reads: Callable[[str], LogP]
    tokens: Callable[[Sequence[str]], Sequence[Sequence[int]]]
    mark: Callable[[str], Mark]
    end: int | None = None
    start: Sequence[int] = ()
    marks: Marks = STYLES["xml"]


@register("projection", "codec.v1")
def codec(
    source: Sequence[Labelled],
    target: Sequence[Sequence[str]],
    *,
    decoder: Decoder,
    together: bool = False,
    best: int = 5,
    calls: int | None = None,
    script: str = "Latn",
    lost: str = "example",
) -> Projected:
    """Spans carried by the most probable way to put their marks into the translation as it is.

    The translation was made without marks, so it is as good as the translator can. By default each
    span is placed alone, with the source marked for it alone, and of the `best` places of each
    those are taken that are not in one another's way and have the largest total; `together` marks
    all spans at once, which is exact and takes many more calls with each span. Prefer it where the
    translator loses marks in free translation.

    Args:
        source: n sentences with their spans.
        target: words of the n translations.
        decoder: the translator.
        together: place all spans of a sentence at once.
        best: places of each span that are kept, where spans are placed alone.
        calls: most calls of the model for one search; then the best found so far is taken.
        script: of the source.
        lost: leave out the `example` one of whose spans has no place, or that `span` alone.

    Raises:
        CorpusError: other numbers of sentences, or tokens that are not as many as words.
        UsageError: a limit that means nothing.

    Source: Le, Chen, Ritter and Xu (2024), Constrained Decoding for Cross-lingual Label Projection
    (Codec), section 3.
    """
    check_lengths(source, target)
    if lost not in ("example", "span"):
        raise UsageError(f"lost is {lost!r}", remedy="one of example, span")
    counts: Counter[str] = Counter()
    made: list[Labelled | None] = []
    search = partial(_search, decoder=decoder, calls=calls, script=script, counts=counts)
    for one, words in zip(source, target, strict=True):
        if not one.spans:
            made.append(Labelled(words, []))
            continue
        if together:
            found = search(one, words, best=1)
            places = list(found[0].places) if found else [None] * len(one.spans)
        else:
            places = _alone(one, words, partial(search, best=best), counts)
        made.append(placed(one, words, places, lost, counts))
    return Projected(made, {why: n for why, n in counts.items() if n or why == "spans projected"})


def insert(
    tokens: Sequence[int],
    marks: Sequence[Mark],
    log_p: LogP,
    *,
    end: int | None = None,
    start: Sequence[int] = (),
    borders: Sequence[int] | None = None,
    best: int = 1,
    calls: int | None = None,
) -> Inserted:
    """The most probable ways to put pairs of marks into a sentence, found by branch and bound.

    Every span has a token at least and none in common with another; they may come in any order. A
    sentence begun is left as soon as it is less probable than the last of the best whole ones,
    since whatever follows can only make it less so. The likelier way on is followed first, so that
    good whole ones are found early.

    Args:
        tokens: of the sentence.
        marks: one pair a span; pairs that are equal are taken in the order they are given.
        log_p: the model.
        end: its last token, which is scored as well.
        start: what stands before the sentence and is not scored.
        borders: before which tokens a mark may stand, `len(tokens)` meaning behind the last;
            everywhere by default.
        best: how many ways are wanted.
        calls: most calls of the model.

    Returns:
        The ways that are not impossible (probability 0), at most `best`.

    Raises:
        UsageError: no way is wanted, or a mark is empty.

    Source: Le et al. (2024), section 3.2, algorithm 1.
    """
    if best < 1 or any(not opens or not closes for opens, closes in marks):
        raise UsageError(
            f"best is {best} and marks {list(marks)}",
            remedy="ask for 1 at least, and give tokens for every mark",
        )
    borders = range(len(tokens) + 1) if borders is None else borders
    search = _Search(tuple(tokens), marks, frozenset(borders), end, log_p, best, calls)
    _walk(search, tuple(start))
    return Inserted(search.found, search.asked, not search.cut)


class _Search:
    def __init__(
        self,
        tokens: tuple[int, ...],
        marks: Sequence[Mark],
        borders: frozenset[int],
        end: int | None,
        log_p: LogP,
        best: int,
        calls: int | None,
    ) -> None:
        self.tokens, self.marks, self.borders, self.end = tokens, marks, borders, end
        self.log_p, self.best, self.calls = log_p, best, calls
        self.found: list[Insertion] = []
        self.asked, self.cut = 0, False

    @property
    def least(self) -> float:
        """What a way must be better than."""
        return self.found[-1].score if len(self.found) == self.best else -np.inf

    def add(self, places: tuple[Place, ...], score: float) -> None:
        self.found = sorted([*self.found, Insertion(places, score)], key=lambda one: -one.score)
        self.found = self.found[: self.best]

    def after(
        self, prefix: tuple[int, ...], given: Sequence[int], score: float,
        known: dict[tuple[int, ...], np.ndarray],
    ) -> float:  # fmt: skip
        """The score with more tokens; -inf as soon as it cannot be among the best."""
        for n, token in enumerate(given):
            so_far = tuple(given[:n])
            if so_far not in known:
                if self.calls is not None and self.asked >= self.calls:
                    self.cut = True
                    return -np.inf
                self.asked += 1
                known[so_far] = np.asarray(self.log_p((*prefix, *so_far)))
            score += float(known[so_far][token])
            if not score > self.least:
                return -np.inf
        return score


def _walk(search: _Search, start: tuple[int, ...]) -> None:
    """Follow every way on that may still be among the best, the likeliest first."""
    nothing: tuple[Place | None, ...] = (None,) * len(search.marks)
    stack: list[tuple] = [(0.0, start, 0, None, nothing)]
    while stack:
        score, prefix, at, current, places = stack.pop()
        if not score > search.least:  # it may have risen since
            continue
        if at > len(search.tokens):
            search.add(places, score)
            continue
        known: dict[tuple[int, ...], np.ndarray] = {}  # vocabularies are large: of this prefix only
        ways = []
        for given, *state in _ways(search, at, current, places):
            value = search.after(prefix, given, score, known)
            if value > -np.inf:
                ways.append((value, (*prefix, *given), *state))
        stack += sorted(ways, key=lambda way: way[0])


def _ways(search: _Search, at: int, current: int | None, places: tuple[Place | None, ...]):
    """Tokens that may come next, where the sentence is then, the open span, and the places."""
    tokens, whole = search.tokens, len(search.tokens)
    border = at in search.borders
    left = [span for span, place in enumerate(places) if place is None]
    if current is None and border and at < whole:
        begun: list[Mark] = []
        for span in left:
            same = search.marks[span]
            if same not in begun:  # equal marks: the first stands for all
                begun.append(same)
                yield same[0], at, span, _with(places, span, (at, -1))
    elif current is not None and border and at > (places[current] or (at,))[0]:
        made = _with(places, current, ((places[current] or (0,))[0], at))
        yield search.marks[current][1], at, None, made
    if at < whole:
        yield (tokens[at],), at + 1, current, places
    elif current is None and not left:
        yield (() if search.end is None else (search.end,)), at + 1, None, places


def _with(places: tuple, span: int, place: Place) -> tuple:
    return (*places[:span], place, *places[span + 1 :])


def _alone(
    one: Labelled,
    words: Sequence[str],
    search: Callable[..., list[Insertion]],
    counts: Counter[str],
) -> list[Place | None]:
    """A place of each span, each marked alone; the best ones that are not in one another's way."""
    rows: list[dict[Place, float]] = []
    for span in one.spans:
        found = search(one._replace(spans=[span]), words)
        rows.append({way.places[0]: way.score for way in found})
    known = sorted({place for row in rows for place in row})
    scores = np.array([[row.get(place, -np.inf) for place in known] for row in rows])
    chosen = assign(scores.reshape(len(rows), len(known)), known)
    if not chosen.exact:
        counts["sentences whose many spans were placed one by one"] += 1
    return [known[at] if at >= 0 else None for at in chosen.at]


def _search(
    one: Labelled,
    words: Sequence[str],
    *,
    best: int,
    decoder: Decoder,
    calls: int | None,
    script: str,
    counts: Counter[str],
) -> list[Insertion]:
    """The best ways, with places in words."""
    pieces = decoder.tokens(words)
    if len(pieces) != len(words):
        raise CorpusError(
            f"tokens of {len(pieces)} words for {len(words)}", remedy="give a list for every word"
        )
    stops = [0, *accumulate(map(len, pieces))]
    firsts = {stop: n for n, stop in enumerate(stops)}  # words without a token are in no span's
    lasts = {stop: n for n, stop in reversed(list(enumerate(stops)))}  # beginning or end
    made = insert(
        [token for piece in pieces for token in piece],
        [decoder.mark(letters(n)) for n in range(len(one.spans))],
        decoder.reads(mark(one, decoder.marks, script)),
        end=decoder.end, start=decoder.start, borders=sorted(firsts), best=best, calls=calls,
    )  # fmt: skip
    counts["calls of the model"] += made.calls
    if not made.exact:
        counts["searches that were cut short"] += 1
    return [Insertion(tuple((firsts[a], lasts[b]) for a, b in way.places), way.score)
            for way in made.found]  # fmt: skip
