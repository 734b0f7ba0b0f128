"""Word alignment: token vectors of sentence pairs to links between their words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss import registry
from isogloss.encode.words import TokenVectors
from isogloss.errors import UsageError, VectorError
from isogloss.match.extract import Choice
from isogloss.match.grid import make_grid

CELLS = 2**19  # token pairs in a grid, padding included
UNITS = ("subword", "word")


@dataclass(frozen=True, eq=False)
class Links:
    """The linked words of one sentence pair.

    Attributes:
        source: `[l]` words of the source, counted from 0, rising.
        target: `[l]` words of the target.
        scores: `[l]` how sure each link is, between 0 and 1.
        lengths: words of source and target in all.
    """

    source: np.ndarray
    target: np.ndarray
    scores: np.ndarray
    lengths: tuple[int, int]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The links as tuples."""
        return list(zip(self.source.tolist(), self.target.tolist(), strict=True))

    @property
    def nulls(self) -> tuple[list[int], list[int]]:
        """Words of source and of target that have no link."""
        alone = (
            np.setdiff1d(np.arange(length), side).tolist()
            for length, side in zip(self.lengths, (self.source, self.target), strict=True)
        )
        return next(alone), next(alone)

    @property
    def score(self) -> float:
        """Of the sentence pair: the mean over all words of their best link, 0 for those of none.

        Sentences that do not belong together score low: their words are null or weakly linked.
        """
        if not sum(self.lengths):
            return 0.0
        total = 0.0
        for length, side in zip(self.lengths, (self.source, self.target), strict=True):
            best = np.zeros(length)
            np.maximum.at(best, side, self.scores)
            total += best.sum()
        return float(total / sum(self.lengths))


def align_words(
    source: TokenVectors,
    target: TokenVectors,
    methods: Sequence[str] = ("itermax",),
    *,
    unit: str = "subword",
    distortion: float = 0.0,
) -> dict[str, list[Links]]:
    """Links of every sentence pair by every method, from similarities computed once.

    Pairs of like size are taken together, so that a grid of many is one array operation.

    Args:
        source: tokens of n sentences.
        target: tokens of their n translations.
        methods: registered extractions: intersection, itermax, mwmf, softmax, transport ...
        unit: `subword` links tokens, and words that have linked tokens; `word` links the mean
            vectors of words.
        distortion: see `match.grid`.

    Returns:
        The links of each pair, in the caller's order, by the method's name as given. The score of
        a word link is that of its best token link. A pair with an empty side has none.

    Raises:
        VectorError: unequal numbers of sentences, or different widths.
        UsageError: an unknown unit, or a distortion outside 0 to 1.
        UnknownName: an unknown method.

    Source: Sabet et al. (2020), SimAlign, section 2; subword links to words: section 3.3.
    """
    if len(source) != len(target) or source.array.shape[1] != target.array.shape[1]:
        raise VectorError(
            f"{len(source)} sentences of width {source.array.shape[1]} and {len(target)} of width "
            f"{target.array.shape[1]}: sentence i of one must be the translation of i of the other"
        )
    if unit not in UNITS:
        raise UsageError(f"there is no unit {unit!r}", remedy=f"one of {', '.join(UNITS)}")
    if not 0 <= distortion <= 1:
        raise UsageError(f"distortion is {distortion}", remedy="give a number from 0 to 1")
    chosen = {name: registry.get("extraction", name) for name in methods}
    sides = [mean_words(side) if unit == "word" else side for side in (source, target)]
    words = np.stack([source.lengths, target.lengths], 1)  # [n, 2]
    found = {name: [_none(pair) for pair in words.tolist()] for name in chosen}
    sizes = np.stack([np.diff(side.starts) for side in sides], 1)  # [n, 2]
    for batch in _batches(sizes):
        x, y = (_padded(side, batch) for side in sides)
        grid = make_grid(x, y, (sizes[batch, 0], sizes[batch, 1]), distortion)
        for name, extract in chosen.items():
            made = _by_word(extract(grid), sides, batch, words)
            for i, links in zip(batch, made, strict=True):
                found[name][i] = links
    return found


def mean_words(tokens: TokenVectors) -> TokenVectors:
    """One vector a word, the mean of its tokens; words without a token have none."""
    sentence = tokens.sentences
    change = (np.diff(tokens.words, prepend=-1) != 0) | (np.diff(sentence, prepend=-1) != 0)
    first = np.flatnonzero(change)
    if not len(first):
        return tokens
    count = np.diff(first, append=len(change))
    means = np.add.reduceat(tokens.array, first, 0) / count[:, None].astype(np.float32)
    starts = np.searchsorted(sentence[first], np.arange(len(tokens) + 1))
    return TokenVectors(means, starts, tokens.words[first], tokens.lengths, tokens.windowed)


def word_rows(means: TokenVectors, sentence: np.ndarray, word: np.ndarray) -> np.ndarray:
    """Where the vector of each asked word lies in `mean_words` `[l]`; -1 where it has no token.

    Args:
        means: one vector a word.
        sentence: `[l]` sentences.
        word: `[l]` words of these.
    """
    width = max(int(means.lengths.max(initial=0)), 1)
    known = means.sentences * width + means.words  # rising
    asked = sentence * width + word
    at = np.searchsorted(known, asked)
    inside = at < len(known)
    return np.where(inside & (known[np.minimum(at, len(known) - 1)] == asked), at, -1)


def middle(layers: Sequence[int]) -> int:
    """The layer two thirds up, such as 8 of 12: there words are closest to their translations.

    Source: Sabet et al. (2020), SimAlign, section 5.1; Dou and Neubig (2021), section 3.2.
    """
    return layers[round((len(layers) - 1) * 2 / 3)]


def _batches(sizes: np.ndarray) -> Iterator[np.ndarray]:
    """Indices of pairs of like size, as many as fit `CELLS`; pairs with an empty side are left."""
    order = np.lexsort(sizes.T)
    order = order[(sizes[order] > 0).all(1)]
    start = 0
    while start < len(order):
        widest = np.maximum.accumulate(sizes[order[start:]], 0)
        cells = widest.prod(1) * np.arange(1, len(widest) + 1)
        size = max(1, int(np.searchsorted(cells, CELLS, side="right")))
        yield order[start : start + size]
        start += size


def _padded(tokens: TokenVectors, batch: np.ndarray) -> np.ndarray:
    """`[b, m, d]`; what stands behind the end of a sentence is arbitrary."""
    starts, ends = tokens.starts[batch], tokens.starts[batch + 1]
    at = starts[:, None] + np.arange((ends - starts).max())
    return tokens.array[np.minimum(at, len(tokens.array) - 1)]


def _by_word(
    choice: Choice, sides: Sequence[TokenVectors], batch: np.ndarray, words: np.ndarray
) -> list[Links]:
    """Word links of every pair of a batch; the score is the largest of its token links."""
    pair, i, j = np.nonzero(choice.links)
    scores = choice.scores[pair, i, j]
    at = batch[pair]
    left, right = (
        side.words[side.starts[at] + token] for side, token in zip(sides, (i, j), strict=True)
    )
    width = words.max(initial=0) + 1
    key = (pair * width + left) * width + right
    order = np.lexsort((-scores, key))  # a link's best score first
    order = order[np.diff(key[order], prepend=-1) != 0]
    cuts = np.searchsorted(pair[order], np.arange(1, len(batch)))
    parts = (np.split(values[order], cuts) for values in (left, right, scores))
    return [
        Links(a, b, s, tuple(words[row].tolist()))
        for row, a, b, s in zip(batch, *parts, strict=True)
    ]


def _none(lengths: Sequence[int]) -> Links:
    nothing = np.empty(0, np.int64)
    return Links(nothing, nothing, np.empty(0, np.float32), (lengths[0], lengths[1]))
