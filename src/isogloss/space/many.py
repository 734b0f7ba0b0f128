"""Many languages into one space at once, so that none has to be the hub."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from isogloss.errors import VectorError
from isogloss.space.linear import fit, procrustes
from isogloss.space.map import Affine, Map
from isogloss.space.normalise import finite

Rows = Mapping[str, np.ndarray]
"""Per language `[n]`: which meaning each of its vectors has; every meaning once a language."""


def generalised_procrustes(
    vectors: Mapping[str, np.ndarray],
    rows: Rows,
    *,
    iterations: int = 50,
    tolerance: float = 1e-6,
) -> dict[str, Map]:
    """Rotations W_l that bring all languages to a consensus G, itself their mean.

    minimises sum over l, i of |x_li W_l - g_i|^2, in turn over all W_l (Procrustes) and over
    g_i = mean of x_li W_l over the languages that have meaning i. Neither step can raise the sum.
    The first language's own rotation starts as the identity, which fixes the frame of reference
    but gives that language no other part than the rest have.

    Args:
        vectors: per language `[n, d]`.
        rows: the meaning of each vector; a meaning that only one language has is left out.
        iterations: at most.
        tolerance: relative fall of the sum at which to stop.

    Returns:
        A map per language; `about` holds the number of iterations and the sum at the end, as a
        share of the sum of squares.

    Raises:
        VectorError: fewer than 2 languages, unequal widths, a meaning twice in a language, or a
            language that shares fewer than 2 meanings with the others.

    Source: Gower (1975), Generalized Procrustes Analysis, section 3; for word vectors
    Kementchedjhieva et al. (2018), Generalizing Procrustes Analysis for Better Bilingual Dictionary
    Induction.
    """
    x, at, meanings = _shared(vectors, rows)
    first, *others = x
    turns = {first: np.eye(x[first].shape[1])}
    placed, counts = np.zeros((meanings, x[first].shape[1])), np.zeros(meanings)
    # A chain of bilingual fits to what is placed already, so that iterations start near the end.
    for language in (first, *others):
        ours = at[language]
        both = counts[ours] > 0
        if language != first:
            known = placed[ours[both]] / counts[ours[both], None]
            turns[language] = procrustes(x[language][both], known)[0]
        placed[ours] += x[language] @ turns[language]
        counts[ours] += 1
    size = sum((v**2).sum() for v in x.values())
    losses = [np.inf]
    for _ in range(iterations):
        consensus = _consensus(x, at, turns, meanings)
        turns = {lang: procrustes(x[lang], consensus[at[lang]])[0] for lang in x}
        loss = sum(((x[lang] @ turns[lang] - consensus[at[lang]]) ** 2).sum() for lang in x) / size
        losses.append(float(loss))
        if losses[-2] - loss <= tolerance * max(loss, 1e-12):
            break
    back = turns[first].T  # the frame of reference may have drifted: turn all by the same
    return {
        lang: Map(
            (Affine(matrix=(turn @ back).astype(np.float32)),),
            {"method": "generalised_procrustes.v1", "n": len(x[lang]), "languages": sorted(x),
             "iterations": len(losses) - 1, "loss": losses[-1]},
        )
        for lang, turn in turns.items()
    }  # fmt: skip


def to_hub(vectors: Mapping[str, np.ndarray], rows: Rows, hub: str) -> dict[str, Map]:
    """Each language turned onto one of them, the baseline of the functions above.

    Raises:
        VectorError: a language that shares fewer than 2 meanings with the hub.
    """
    maps = {hub: Map((), {"method": "hub", "hub": hub})}
    for language in vectors:
        if language != hub:
            _, i, j = np.intersect1d(
                rows[language], rows[hub], assume_unique=True, return_indices=True
            )
            maps[language] = fit("procrustes", source=vectors[language][i], target=vectors[hub][j])
    return maps


def _shared(
    vectors: Mapping[str, np.ndarray], rows: Rows
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], int]:
    """Float64 vectors of the meanings that two languages have at least, and where they belong."""
    if len(vectors) < 2:
        raise VectorError("there must be 2 languages at least")
    made = {lang: finite(v, lang).astype(np.float64) for lang, v in vectors.items()}
    widths = {lang: v.shape[1] for lang, v in made.items()}
    if len(set(widths.values())) > 1:
        raise VectorError(f"rotations need spaces of one width, got {widths}")
    for lang, ids in rows.items():
        if len(ids) != len(made[lang]) or len(np.unique(ids)) != len(ids):
            raise VectorError(f"{lang}: rows must name the meaning of each vector, each once")
    everything, times = np.unique(np.concatenate([rows[lang] for lang in made]), return_counts=True)
    meanings = everything[times > 1]
    at = {}
    for lang in made:
        kept = np.isin(rows[lang], meanings)
        if kept.sum() < 2:
            raise VectorError(f"{lang} shares {kept.sum()} meanings with the others; 2 are needed")
        made[lang], at[lang] = made[lang][kept], np.searchsorted(meanings, rows[lang][kept])
    return made, at, len(meanings)


def _consensus(
    x: Mapping[str, np.ndarray], at: Rows, turns: Mapping[str, np.ndarray], meanings: int
) -> np.ndarray:
    total, counts = np.zeros((meanings, next(iter(x.values())).shape[1])), np.zeros(meanings)
    for lang in x:
        total[at[lang]] += x[lang] @ turns[lang]
        counts[at[lang]] += 1
    return total / counts[:, None]
