"""How alike languages are to a model: the mean cosine of their parallel sentences."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from isogloss.encode.vectors import Vectors
from isogloss.errors import UnknownLanguage, UsageError, VectorError
from isogloss.measure.nway import Side, shared, sides
from isogloss.score import Score, Scores, bootstrap_mean, defined

BLOCK = 4096  # rows multiplied at once


class Similarity(NamedTuple):
    """Every language beside every other at one layer; all matrices `[L, L]` and symmetric.

    Attributes:
        languages: names of rows and columns.
        matrix: mean cosines, 1 on the diagonal; NaN where fewer than 2 rows are shared.
        low: lower ends of the 95% intervals.
        high: their upper ends.
        n: rows that both have.
        total: rows of the corpus.
    """

    languages: tuple[str, ...]
    matrix: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n: np.ndarray
    total: int

    def scores(self, **where: Any) -> Scores:
        """One row a pair of languages, with these columns set, such as `layer`."""
        rows = []
        for a, language in enumerate(self.languages):
            for b in range(a + 1, len(self.languages)):
                found = (float(m[a, b]) for m in (self.matrix, self.low, self.high))
                value, low, high = map(defined, found)
                missing = self.total - int(self.n[a, b])
                row = Score(
                    measure="language_similarity", language=language, pivot=self.languages[b],
                    value=value, low=low, high=high, interval="bootstrap over sentences",
                    n=int(self.n[a, b]),
                    dropped={"missing in one language": missing} if missing else {}, **where,
                )  # fmt: skip
                rows.append(row)
        return Scores(rows)


def similarity(vectors: Mapping[str, Vectors | np.ndarray], *, seed: int = 0) -> Similarity:
    """s(a, b) = mean over shared sentences i of cos(a_i, b_i), for every two languages.

    The arrays are read in blocks and never copied; beside them there are L cosines a sentence.
    Pairs that share other rows than their neighbours are averages over other sentences: see `n`.

    Args:
        vectors: language to `[n, d]`, one layer of one model; plain arrays have all rows.
        seed: of the bootstrap over sentences, which is the same for all pairs of equal rows.

    Raises:
        VectorError: fewer than 2 languages, NaN or infinity, or vectors that differ in corpus,
            width, layer, pooling or model.

    Prefer it to measures from grammars when a source language is sought for a given model.
    Source: Lin, Hu, Zhang, Martins and Schütze (2024), mPLM-Sim, section 2: parallel sentences,
    mean of the tokens, cosine, average, for each layer.
    """
    given = sides(vectors)
    languages = tuple(given)
    lengths = {name: np.linalg.norm(side.array, axis=1) for name, side in given.items()}
    size = len(languages)
    found = np.full((3, size, size), np.nan)  # value, low, high
    n = np.zeros((size, size), np.int64)
    for a, one in enumerate(languages):
        found[:, a, a], n[a, a] = 1.0, len(given[one].rows)
        alike: dict[bytes, list[tuple[int, np.ndarray]]] = {}  # pairs that share the same rows
        for b in range(a + 1, size):
            other = languages[b]
            rows, i, j = shared(given[one], given[other])
            n[a, b] = n[b, a] = len(rows)
            cosines = _cosines(given[one], given[other], i, j)
            cosines /= np.maximum(lengths[one][i] * lengths[other][j], 1e-24)
            alike.setdefault(rows.tobytes(), []).append((b, cosines))
        for group in alike.values():
            columns = np.stack([cosines for _, cosines in group], 1)  # [m, pairs]
            if len(columns) < 2:
                continue
            for (b, _), interval in zip(group, bootstrap_mean(columns, seed=seed), strict=True):
                found[:, a, b] = found[:, b, a] = interval
    return Similarity(languages, *found, n, given[languages[0]].total)


def most_similar(
    matrix: np.ndarray, languages: Sequence[str], target: str, k: int = 5
) -> list[tuple[str, float]]:
    """The k languages nearest to `target`, best first, itself left out; fewer if there are fewer.

    Equal ones stand in the order given; undefined ones (NaN) come last.

    Args:
        matrix: `[L, L]` likeness, higher is nearer.
        languages: names of its rows and columns.
        target: one of them.
        k: how many.

    Raises:
        UnknownLanguage: the target is not among them.
        UsageError: k under 1.
        VectorError: a matrix of another size.
    """
    if target not in languages:
        near = difflib.get_close_matches(target, languages, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(languages)}"
        raise UnknownLanguage(f"{target!r} is not among the measured languages", remedy=hint)
    if k < 1:
        raise UsageError(f"k is {k}; at least 1 language can be asked for")
    if matrix.shape != (len(languages),) * 2:
        raise VectorError(f"{len(languages)} languages do not name a matrix {list(matrix.shape)}")
    row = matrix[list(languages).index(target)]
    order = np.argsort(-row, kind="stable")  # NaN sorts last
    return [(languages[i], float(row[i])) for i in order if languages[i] != target][:k]


def _cosines(left: Side, right: Side, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Products `[m]` of rows i of `left` with rows j of `right`, a block at a time."""
    products = np.empty(len(i))
    for at in range(0, len(i), BLOCK):
        x, y = left.array[i[at : at + BLOCK]], right.array[j[at : at + BLOCK]]
        products[at : at + BLOCK] = np.einsum("nd,nd->n", x, y, dtype=np.float64)
    return products
