"""Retrieval of translations."""

from __future__ import annotations

import numpy as np

from isogloss.match.neighbours import margin_hits, pair_statistics, unit
from isogloss.measure.pair import Finding, Pair
from isogloss.registry import register


@register("measure", "retrieval_p1.v1")
def retrieval_p1(pair: Pair, *, seed: int = 0) -> list[Finding]:
    """Share of sentences whose translation is the single nearest of all n by cosine.

    hit_i = [cos(x_i, y_i) > max over j != i of cos(x_i, y_j)]; a tie with another sentence is a
    miss, so duplicates in the pool cannot help. Both directions.
    Source: Artetxe and Schwenk (2019), Massively Multilingual Sentence Embeddings, section 4.3.
    """
    s = pair.statistics
    return [
        Finding("retrieval_p1", s.matched > s.best_other_right, direction="left"),
        Finding("retrieval_p1", s.matched > s.best_other_left, direction="right"),
    ]


@register("measure", "xsim_error.v1")
def xsim_error(pair: Pair, *, seed: int = 0) -> list[Finding]:
    """Share of sentences whose translation does not have the largest ratio margin, k = 4.

    Source: Heffernan, Çelebi and Schwenk (2022), xsim; margin of Artetxe and Schwenk (2019).
    """
    left, right = margin_hits(*pair.units, pair.statistics)
    settings = {"margin": "ratio", "k": min(4, len(pair))}
    return [
        Finding("xsim_error", ~left, direction="left", settings=settings),
        Finding("xsim_error", ~right, direction="right", settings=settings),
    ]


@register("measure", "retrieval_p1_centred.v1")
def retrieval_p1_centred(pair: Pair, *, seed: int = 0) -> list[Finding]:
    """Retrieval after subtracting each language's mean vector.

    What centring gains over plain retrieval is what a constant language vector had hidden.
    Source: Libovický, Rosa and Fraser (2020), On the Language Neutrality of Pre-trained
    Multilingual Representations, section 3.
    """
    x, y = (unit(side - side.mean(0)) for side in (pair.x, pair.y))
    s = pair_statistics(x, y)
    return [
        Finding("retrieval_p1_centred", s.matched > s.best_other_right, direction="left"),
        Finding("retrieval_p1_centred", s.matched > s.best_other_left, direction="right"),
    ]


@register("measure", "mexa.v1")
def mexa(pair: Pair, *, seed: int = 0) -> list[Finding]:
    """Share of sentences whose matched cosine exceeds every other in its row and in its column.

    Source: Kargaran et al. (2024), MEXA, equation 1.
    """
    s = pair.statistics
    hits = s.matched > np.maximum(s.best_other_right, s.best_other_left)
    return [Finding("mexa", hits)]


@register("measure", "cosine.v1")
def cosine(pair: Pair, *, seed: int = 0) -> list[Finding]:
    """Mean cosine of translations, and of sentences that are not translations of each other.

    A matched cosine means nothing without the random one beside it: in a narrow cone both are
    high. Source: the comparison of Ethayarajh (2019), section 3.
    """
    s = pair.statistics
    return [Finding("cosine_matched", s.matched), Finding("cosine_random", s.mean_other)]
