"""What a tokenizer does to each language: length, splitting, gaps and what overflows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from isogloss.errors import ModelError
from isogloss.score import Interval, Score, Scores, bootstrap_mean, bootstrap_ratio

if TYPE_CHECKING:
    from isogloss.corpus.records import Corpus
    from isogloss.encode.protocol import Encoder, Tokenized

MOSTLY = 0.9


class Audited(NamedTuple):
    """Scores of a tokenizer, and sentences worth telling people.

    Attributes:
        scores: rows of tokens_per_sentence, fertility, premium, unknown_share, over_window_share.
        items: no per-item outcomes are kept.
        notes: warnings.
    """

    scores: Scores
    items: dict[str, np.ndarray]
    notes: list[str]


def audit_languages(
    encoder: Encoder, corpus: Corpus, *, pivot: str, languages: Sequence[str], seed: int = 0
) -> Audited:
    """Audit the tokenizer on n-way text, each language and the pivot.

    Premium is over the sentences that both have: sum of tokens / sum of the pivot's tokens.

    Raises:
        ModelError: the tokenizer gives only unknown tokens in every language.

    Source: fertility of Ács (2019) and Rust et al. (2021); premium of Petrov et al. (2023).
    """
    of_pivot, there = _tokenize(encoder, corpus, pivot)
    rows, notes, blind = [], [], []
    for language in (pivot, *languages):
        counts, present = _tokenize(encoder, corpus, language)
        rows += _rows(counts, language, pivot, len(corpus), seed)
        both = np.intersect1d(present, there)
        if language != pivot and len(both) > 1:
            over = counts.tokens[np.searchsorted(present, both)]
            under = of_pivot.tokens[np.searchsorted(there, both)]
            found = bootstrap_ratio(over, under, seed=seed)
            rows.append(_row("premium", found, len(both), language, pivot, len(corpus)))
        share = counts.unknown.sum() / max(counts.tokens.sum(), 1)
        if share == 1:
            blind.append(language)
        if share > MOSTLY:
            notes.append(
                f"WARNING: {share:.0%} of the tokens of {language} are unknown to {encoder.name}; "
                "its scores say little, its vocabulary must be extended first"
            )
    if len(blind) == len(languages) + 1:
        raise ModelError(
            f"the tokenizer of {encoder.name} gives only unknown tokens in every language",
            remedy="check that tokenizer and model belong together",
        )
    scores = Scores(rows).having(model_fingerprint=encoder.fingerprint)
    return Audited(scores, {}, notes)


def _tokenize(encoder: Encoder, corpus: Corpus, language: str) -> tuple[Tokenized, np.ndarray]:
    texts = corpus.texts(language)
    there = np.array([i for i, text in enumerate(texts) if text is not None])
    return encoder.tokenize([text for text in texts if text is not None]), there


def _rows(counts: Tokenized, language: str, pivot: str, total: int, seed: int) -> list[Score]:
    """The four scores that need no pivot."""
    if len(counts.tokens) < 2:
        return []
    plain = np.stack([counts.tokens, counts.over_window], 1).astype(float)  # [n, 2]
    tokens, over = bootstrap_mean(plain, seed=seed)
    found = {"tokens_per_sentence": tokens, "over_window_share": over}
    if counts.words.sum():
        found["fertility"] = bootstrap_ratio(counts.tokens, counts.words, seed=seed)
    if counts.tokens.sum():
        found["unknown_share"] = bootstrap_ratio(counts.unknown, counts.tokens, seed=seed)
    n = len(counts.tokens)
    return [_row(name, value, n, language, pivot, total) for name, value in found.items()]


def _row(measure: str, found: Interval, n: int, language: str, pivot: str, total: int) -> Score:
    return Score(
        measure=measure, value=found.value, low=found.low, high=found.high, n=n,
        interval="bootstrap over sentences", language=language, pivot=pivot,
        dropped={"missing": total - n} if total > n else {},
    )  # fmt: skip
