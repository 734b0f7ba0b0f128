"""Margin retrieval among hard negatives: xsim and xsim++."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isogloss.encode.vectors import check_finite
from isogloss.errors import VectorError
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest
from isogloss.score import Score, Scores, bootstrap_mean

OTHER = "sentence"  # what won was no negative but another sentence


def xsimpp(
    source: np.ndarray,
    originals: np.ndarray,
    negatives: np.ndarray,
    kinds: Sequence[str],
    *,
    margin: str = "ratio",
    k: int = 4,
    seed: int = 0,
    **where: Any,
) -> Scores:
    """Share of sentences whose translation does not win by margin, without and with negatives.

    xsim asks among the n translations; xsim++ adds m sentences that look like one of them and mean
    something else (`hard_negatives`), so that a space that only knows what a text is about loses.
    Each error is given to what won: another sentence, or one kind of negative. A tie is an error.

    Args:
        source: `[n, d]` sentences of the language.
        originals: `[n, d]` their translations, row by row.
        negatives: `[m, d]` changed translations.
        kinds: `[m]` the kind of each.
        margin: how candidates are ranked, see `match.search`.
        k: neighbours of the margin; those of `source` are sought among all candidates.
        seed: of the bootstrap over sentences.
        where: columns of the rows, such as `language`, `pivot`, `direction`, `layer`.

    Returns:
        `xsim_error`, `xsimpp_error`, and for every kind and for other sentences a row
        `xsimpp_lost_to` with the kind in its settings; these add up to `xsimpp_error`.

    Raises:
        VectorError: arrays that do not fit together or are not numbers.
        UsageError: a margin that does not exist.

    Source: Heffernan, Çelebi and Schwenk (2022), xsim; Chen, Heffernan, Çelebi, Mourachko and
    Schwenk (2023), xSIM++, section 3; margin of Artetxe and Schwenk (2019).
    """
    _check(source, originals, negatives, kinds)
    x, y, z = unit(source), unit(originals), unit(negatives)
    _, plain = _winners(x, y, margin, k)
    winner, errors = _winners(x, np.concatenate([y, z]), margin, k)  # [n], [n]
    names = [OTHER, *sorted(set(kinds))]
    of = np.array([OTHER] * len(y) + list(kinds), dtype=object)[winner]  # [n]
    columns = [plain, errors, *(errors & (of == name) for name in names)]
    counts = {name: sum(kind == name for kind in kinds) for name in names[1:]}
    settings: list[dict[str, Any]] = [{"candidates": len(y)}, {"negatives": counts}]
    settings += [{"kind": name} for name in names]
    measures = ["xsim_error", "xsimpp_error", *["xsimpp_lost_to"] * len(names)]
    intervals = bootstrap_mean(np.stack(columns, 1), seed=seed)
    return Scores(
        Score(
            measure=measure, value=found.value, low=found.low, high=found.high, n=len(x),
            interval="bootstrap over sentences", seed=seed,
            settings={"margin": margin, "k": min(k, len(x)), **more}, **where,
        )
        for measure, found, more in zip(measures, intervals, settings, strict=True)
    )  # fmt: skip


def _winners(x: np.ndarray, y: np.ndarray, margin: str, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The best candidate that is not row i's own, or its own if that wins alone; and the errors."""
    best = nearest(x, y, 2, score=margin, neighbourhood=k)
    own = best.ids == np.arange(len(x))[:, None]  # [n, 2]
    right = own[:, 0] & (best.scores[:, 0] > best.scores[:, 1])
    winner = np.where(own[:, 0] & ~right, best.ids[:, 1], best.ids[:, 0])
    return winner, ~right


def _check(
    source: np.ndarray, originals: np.ndarray, negatives: np.ndarray, kinds: Sequence[str]
) -> None:
    parts = {"source": source, "originals": originals, "negatives": negatives}
    for name, array in parts.items():
        if array.ndim != 2 or array.shape[1] != source.shape[1]:
            raise VectorError(f"{name} must be [n, {source.shape[-1]}], got {list(array.shape)}")
        check_finite(array, name)
    if len(source) != len(originals) or len(source) < 2:
        raise VectorError(
            f"{len(source)} sentences and {len(originals)} translations; they must be paired row "
            "by row, 2 at least"
        )
    if len(negatives) != len(kinds):
        raise VectorError(f"{len(negatives)} negatives and {len(kinds)} kinds")
    if OTHER in kinds:
        raise VectorError(f"{OTHER!r} is what other sentences are called; name the kind otherwise")
