"""Pieces of labelled examples as what training reads, and as batches to be told of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from isogloss.task.contracts import Piece
from isogloss.train.batch import Texts, stack_texts


@dataclass(frozen=True)
class Pieces:
    """Pieces drawn without replacement, in another order each time all were read.

    Attributes:
        pieces: all of them.
        languages: the canonical tag of each.
        size: pieces in a batch.
        numbers: of the languages, for the column `language`.
    """

    pieces: Sequence[Piece]
    languages: Sequence[str]
    size: int
    numbers: Mapping[str, int]

    def batch(self, seed: int, step: int) -> Texts:
        """The next pieces; the end of one round and the start of the next may share a batch."""
        chosen = in_turn(len(self.pieces), self.size, seed, step)
        return together(
            [self.pieces[i] for i in chosen], [self.languages[i] for i in chosen], self.numbers
        )


def in_turn(n: int, size: int, seed: int, step: int) -> list[int]:
    """The `size` of n rows that are next at a step, drawn without replacement round by round."""
    places = range(step * size, (step + 1) * size)
    return [int(_order(n, seed, place // n)[place % n]) for place in places]


@lru_cache(maxsize=4)
def _order(n: int, seed: int, round_: int) -> np.ndarray:
    return np.random.default_rng([seed, round_]).permutation(n)


def together(
    pieces: Sequence[Piece], languages: Sequence[str], numbers: Mapping[str, int]
) -> Texts:
    """A batch of pieces with their columns.

    A piece has a view for each of its texts, and its first one again where others have more.
    """
    first, views = pieces[0], 1 + max(len(p.more) for p in pieces)
    texts = [[p.ids, *p.more, *[p.ids] * (views - 1 - len(p.more))] for p in pieces]
    tokens = {key: np.concatenate([p.tokens[key] for p in pieces]) for key in first.tokens}
    rows = {key: np.stack([p.row[key] for p in pieces]) for key in first.row}
    return stack_texts(
        [*zip(*texts, strict=True)], [list(languages)] * views, numbers, tokens=tokens, rows=rows
    )
