"""Translation quality without a reference: token vectors, word alignment, generation score."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from isogloss.encode.vectors import check_finite
from isogloss.errors import UsageError, VectorError
from isogloss.match.neighbours import unit
from isogloss.score import Score, Scores, bootstrap_mean

NAMES = ("qe_precision", "qe_recall", "qe_f1", "qe_score")
Links = Iterable[tuple[int, int]]
"""Pairs (source token, hypothesis token), counted from 0."""


class Quality(NamedTuple):
    """One number a sentence `[n]`, in the order given.

    Attributes:
        precision: how well the hypothesis's tokens are found in the source.
        recall: how well the source's tokens are found in the hypothesis.
        f1: their harmonic mean; 0 where they sum to 0 or less.
        score: f1, with the generation score added where there is one.
        empty: sentences in which a side has no token; theirs are 0.
        settings: what the numbers depend on.
    """

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    score: np.ndarray
    empty: int
    settings: dict[str, Any]

    def scores(self, *, seed: int = 0, **where: Any) -> Scores:
        """Means over sentences with bootstrap intervals; `where` sets columns of the rows."""
        columns = np.stack([self.precision, self.recall, self.f1, self.score], 1)
        return Scores(
            Score(
                measure=name, value=value, low=low, high=high, n=len(columns), seed=seed,
                interval="bootstrap over sentences",
                settings={**self.settings, "without a token": self.empty}, **where,
            )
            for name, (value, low, high) in zip(
                NAMES, bootstrap_mean(columns, seed=seed), strict=True
            )
        )  # fmt: skip


def translation_quality(
    source: Sequence[np.ndarray],
    hypothesis: Sequence[np.ndarray],
    *,
    links: Sequence[Links] | None = None,
    unaligned: float = 0.0,
    generation: np.ndarray | None = None,
    weight: float = 1.0,
) -> Quality:
    """BERTScore between a source and its translation, held to the words that are aligned.

    c_ij = cos(s_i, h_j) m_ij, m_ij = 1 where token i and j are linked and `unaligned` elsewhere;
    recall = mean_i max_j c_ij, precision = mean_j max_i c_ij, F1 of both;
    score = F1 + weight * generation. Across languages the greedy maximum often meets a wrong word
    that happens to lie near; the mask takes such matches out or down.

    Args:
        source: per sentence `[t, d]` token vectors in context, without special tokens.
        hypothesis: the same of its translation.
        links: per sentence the tokens that a word aligner joins; without them nothing is masked.
        unaligned: what is left of the cosine of tokens that are not linked, from 0 (nothing) to 1
            (plain BERTScore).
        generation: `[n]` a sentence score of the translation, such as its mean log-probability per
            token given the source.
        weight: of the generation score, which has a scale of its own.

    Raises:
        VectorError: unequal numbers of sentences, vectors that are not numbers or differ in width,
            or a link outside its sentence.
        UsageError: `unaligned` outside 0 to 1.

    Prefer the mask where words of the two languages are not well aligned by the encoder itself.
    Source: Zhou, Ding and Takeda (2020), Zero-Shot Translation Quality Estimation with Explicit
    Cross-Lingual Patterns, section 2; BERTScore of Zhang et al. (2020), section 3.
    """
    if not 0 <= unaligned <= 1:
        raise UsageError(f"unaligned is {unaligned}; it must be from 0 to 1")
    n = len(source)
    given = {"hypotheses": hypothesis, "lists of links": links, "generation scores": generation}
    for name, part in given.items():
        if part is not None and len(part) != n:
            raise VectorError(f"{n} source sentences and {len(part)} {name}")
    found, empty = np.zeros((n, 2)), 0
    for row, (s, h) in enumerate(zip(source, hypothesis, strict=True)):
        _check(s, h, row)
        if not (len(s) and len(h)):
            empty += 1
            continue
        cosines = unit(s) @ unit(h).T  # [t, u]
        if links is not None:
            cosines *= _mask(cosines.shape, links[row], unaligned, row)
        found[row] = cosines.max(0).mean(), cosines.max(1).mean()
    precision, recall = found.T
    total = precision + recall
    f1 = np.where(total > 0, 2 * precision * recall / np.where(total > 0, total, 1), 0)
    score, settings = f1, {"masked": links is not None, "unaligned": unaligned}
    if generation is not None:
        generation = np.asarray(generation, np.float64)
        check_finite(generation[:, None], "generation scores")
        score, settings = f1 + weight * generation, {**settings, "weight": weight}
    return Quality(precision, recall, f1, score, empty, settings)


def _mask(shape: tuple[int, int], links: Links, unaligned: float, row: int) -> np.ndarray:
    """1 at the links and `unaligned` elsewhere `[t, u]`."""
    mask = np.full(shape, unaligned, np.float32)
    for i, j in links:
        if not (0 <= i < shape[0] and 0 <= j < shape[1]):
            raise VectorError(
                f"sentence {row}: link {i}-{j} is outside {shape[0]} source and {shape[1]} "
                "hypothesis tokens",
                remedy="links count tokens, from 0, as the vectors do",
            )
        mask[i, j] = 1
    return mask


def _check(s: np.ndarray, h: np.ndarray, row: int) -> None:
    if s.ndim != 2 or h.ndim != 2 or s.shape[1] != h.shape[1]:
        raise VectorError(
            f"sentence {row}: tokens must be [t, d] of one width, got {list(s.shape)} and "
            f"{list(h.shape)}"
        )
    check_finite(s, f"source sentence {row}")
    check_finite(h, f"hypothesis {row}")
