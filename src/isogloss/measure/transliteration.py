"""What transliteration does to likeness: matched and random pairs, before and after."""

from __future__ import annotations

from typing import Any

import numpy as np

from isogloss.encode.vectors import check_finite
from isogloss.errors import VectorError
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest
from isogloss.measure.measured import Measured, item_key
from isogloss.score import Score, Scores, bootstrap_mean


def transliteration_similarity(
    x: np.ndarray,
    y: np.ndarray,
    x_transliterated: np.ndarray,
    y_transliterated: np.ndarray,
    *,
    seed: int = 0,
    **where: Any,
) -> Scores:
    """Mean cosines of translations and of random pairs, in the original and in Latin script.

    Transliteration tends to raise both, as texts in one script look alike whatever they say. What
    aligns is the contrast, matched less random of the same sentence; its change by transliteration
    is given with it. Random partners are one derangement of the rows, the same in both scripts, so
    that all differences are paired.

    Args:
        x: `[n, d]` sentences of one language in its script.
        y: `[n, d]` their translations in theirs, row by row.
        x_transliterated: `[n, d]` the sentences of x in Latin script.
        y_transliterated: `[n, d]` those of y; y itself where it is Latin already.
        seed: of the random partners and of the bootstrap.
        where: columns of the rows, such as `language`, `pivot`, `layer`.

    Returns:
        `script_matched`, `script_random` and `script_contrast` for `settings["script"]` of
        `original` and `transliterated`, and `script_contrast` for `change`.

    Raises:
        VectorError: arrays that differ in shape or are not numbers, or fewer than 2 rows.

    Source: Liu et al. (2024), How Transliterations Improve Crosslingual Alignment, the analysis of
    sentence similarity in four types.
    """
    _check((x, y, x_transliterated, y_transliterated))
    partner = derangement(len(x), seed)  # [n]
    columns, named = [], []
    for script, left, right in (
        ("original", x, y),
        ("transliterated", x_transliterated, y_transliterated),
    ):
        left, right = unit(left), unit(right)
        matched, random = (left * right).sum(1), (left * right[partner]).sum(1)  # [n], [n]
        columns += [matched, random, matched - random]
        named += [(f"script_{kind}", script) for kind in ("matched", "random", "contrast")]
    columns.append(columns[5] - columns[2])
    named.append(("script_contrast", "change"))
    intervals = bootstrap_mean(np.stack(columns, 1), seed=seed)
    return Scores(
        Score(
            measure=measure, value=value, low=low, high=high, n=len(x), seed=seed,
            interval="bootstrap over sentences", settings={"script": script}, **where,
        )
        for (measure, script), (value, low, high) in zip(named, intervals, strict=True)
    )  # fmt: skip


def script_retrieval(
    x: np.ndarray, x_transliterated: np.ndarray, *, seed: int = 0, language: str = "", **where: Any
) -> Measured:
    """Share of texts whose nearest among all texts in Latin script is the same text, by cosine.

    Another text that is as near is a miss. Unlike a mean cosine it does not rise where all texts
    move together.

    Args:
        x: `[n, d]` sentences in their script.
        x_transliterated: `[n, d]` the same sentences in Latin script.
        seed: of the bootstrap.
        language: of the texts.
        where: columns of the row.

    Returns:
        `script_retrieval_p1`, with the outcome of each sentence.

    Raises:
        VectorError: arrays that differ in shape or are not numbers, or fewer than 2 rows.
    """
    _check((x, x, x_transliterated, x_transliterated))
    if len(x) < 2:
        raise VectorError(f"{len(x)} rows are not told apart; at least 2 are needed")
    found = nearest(unit(x), unit(x_transliterated), 2, score="cosine")
    own = np.arange(len(x))
    hits = (found.ids[:, 0] == own) & (found.scores[:, 0] > found.scores[:, 1])
    at = bootstrap_mean(hits.astype(np.float64), seed=seed)[0]
    row = Score(
        measure="script_retrieval_p1", value=at.value, low=at.low, high=at.high, n=len(x),
        interval="bootstrap over sentences", seed=seed, language=language,
        direction=f"{language}>Latin script", **where,
    )  # fmt: skip
    return Measured(Scores([row]), {item_key(row): hits.astype(np.float64)})


def derangement(n: int, seed: int) -> np.ndarray:
    """A random order `[n]` that leaves nothing in its place, each such order equally likely.

    Raises:
        VectorError: n is 1, which has none.
    """
    if n < 2:
        raise VectorError(f"{n} rows have no other order; at least 2 are needed")
    rng, stay = np.random.default_rng(seed), np.arange(n)
    while ((order := rng.permutation(n)) == stay).any():  # one in e succeeds
        pass
    return order


def _check(arrays: tuple[np.ndarray, ...]) -> None:
    names = ("x", "y", "transliterated x", "transliterated y")
    for name, array in zip(names, arrays, strict=True):
        if array.ndim != 2 or array.shape != arrays[0].shape:
            raise VectorError(
                f"{name} is {list(array.shape)} and x {list(arrays[0].shape)}; all four must be "
                "[n, d] over the same rows"
            )
        check_finite(array, name)
